"""A notice as a Web Push message: the subscription read strictly, the text that is encrypted, the headers. Pure.

Source: RFC 8030 (TTL, Urgency, Topic), RFC 8291 (the subscription's keys), RFC 8292 (the token's audience).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from core.api import HttpReply, Notice, Told, is_later, retry_after_s

MAX_TTL_S = 28 * 86_400
_MAX_TITLE = 256
_MAX_MESSAGE = 2_048
_MAX_WORD = 128
"""Bytes. A push service takes 4 096 of cipher text, which is 3 993 of text; escapes in JSON may double a message."""
_HINTS = {
    401: "check vapid_key and contact",
    403: "the subscription may have been made with another vapid_key",
    413: "the message is too long for this service",
}


class Subscription(NamedTuple):
    """Where a browser listens: its push service's URL (a secret: who knows it may send) and its two keys, base64url."""

    endpoint: str
    p256dh: str
    auth: str

    @property
    def host(self) -> str:
        """In lower case, without the port."""
        return urlsplit(self.endpoint).hostname or ""

    @property
    def origin(self) -> str:
        """What the token is made out to."""
        port = urlsplit(self.endpoint).port
        return f"https://{self.host}" + (f":{port}" if port not in (None, 443) else "")


def read_subscription(text: str) -> Subscription:
    """What a browser's PushSubscription says as JSON. Raises ValueError, whose text repeats nothing of it.

    The keys must be an uncompressed point on the curve and sixteen bytes: what is not could never be decrypted.
    """
    try:
        told = json.loads(text)
        endpoint, p256dh, auth = told["endpoint"], told["keys"]["p256dh"], told["keys"]["auth"]
        point = _bytes(p256dh)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        parts = urlsplit(endpoint)
        sound = (
            parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
            and (len(point), len(_bytes(auth))) == (65, 16)
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        sound = False
    if not sound:
        raise ValueError("not a push subscription")
    return Subscription(endpoint, p256dh, auth)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def is_service(host: str, services: Iterable[str]) -> bool:
    """Whether a host is one of the push services: by its name, or "*.example.net" for all below."""
    return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in services)


def text_of(notice: Notice) -> bytes:
    """What the page's worker gets after it decrypted: JSON, short enough for every push service."""
    told: dict[str, Any] = {
        "noticeId": _cut(notice.id, _MAX_WORD),
        "kind": _cut(notice.kind, _MAX_WORD),
        "event": _cut(notice.event, _MAX_WORD),
        "title": _cut(notice.title, _MAX_TITLE),
        "message": _cut(notice.message, _MAX_MESSAGE),
        "at": notice.at.isoformat(timespec="milliseconds"),
        "reportId": notice.report_id,
        "deviceId": notice.device_id,
        "urgent": notice.urgent,
        "collapseKey": _cut(notice.collapse_key, _MAX_WORD),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes as it stands in JSON, an ellipsis included."""
    if len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) - 2 <= limit:
        return text
    kept = text[:limit]
    while len(json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace")) - 2 > limit - 3:
        kept = kept[: len(kept) * 7 // 8]
    return kept + "…"


def headers_of(notice: Notice, default_ttl_s: int, now: datetime) -> dict[str, str]:
    """How long the service keeps the message, how urgent it is, and which earlier one it takes the place of."""
    ttl_s = default_ttl_s if notice.expires_at is None else int((notice.expires_at - now).total_seconds())
    headers = {
        "TTL": str(min(max(ttl_s, 0), MAX_TTL_S)),
        "Urgency": "high" if notice.urgent else "normal",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
    }
    if notice.collapse_key:
        # A topic has 32 characters of base64url at most, and the service reads it: a hash tells it nothing.
        digest = hashlib.sha256(notice.collapse_key.encode("utf-8", "replace")).digest()[:24]
        headers["Topic"] = base64.urlsafe_b64encode(digest).decode()
    return headers


def read_reply(address_id: int, reply: HttpReply) -> Told:
    """What a push service's answer says of one subscription; its body is not quoted."""
    status = reply.status
    if 200 <= status < 300:
        return Told(address_id=address_id, outcome="told")
    reason = f"the push service answered {status}"
    if status in (404, 410):
        return Told(address_id=address_id, outcome="gone", reason=f"{reason}: the subscription is gone")
    if is_later(status):
        return Told(
            address_id=address_id, outcome="later", reason=reason, retry_after_s=retry_after_s(reply.headers)
        )  # fmt: skip
    hint = _HINTS.get(status)
    return Told(address_id=address_id, outcome="refused", reason=f"{reason}: {hint}" if hint else reason)
