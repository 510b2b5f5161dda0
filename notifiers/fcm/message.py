"""A notice as FCM's HTTP v1 API takes it, and what its answers mean. Pure.

Source: Firebase's reference of projects.messages (message, ErrorCode) and its page on server errors.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from core.api import HttpReply, Notice, Told, is_later, retry_after_s

MAX_TTL_S = 28 * 86_400
"""FCM keeps a message for four weeks at most."""
_MAX_TITLE = 256
_MAX_MESSAGE = 1_024
_MAX_ID = 64
"""Bytes. APNs takes 64 of a collapse id; the whole message may have 4 096."""
_DEFAULT_WAIT_S = 60.0
"""FCM asks for a minute after a 429 that names no time."""
_CODE = re.compile(r"[A-Z_]{1,40}")


def message_of(notice: Notice, token: str, *, full_text: bool, default_ttl_s: int, now: datetime) -> dict[str, Any]:
    """The request's body: ids as data, and a text to show; an urgent one wakes the device."""
    ttl_s = default_ttl_s if notice.expires_at is None else int((notice.expires_at - now).total_seconds())
    ttl_s = min(max(ttl_s, 0), MAX_TTL_S)
    # What the system's tray shows one of: Android by `tag` (its collapse_key counts only while the phone is away, and
    # is ignored for messages with a notification), iOS by apns-collapse-id, a browser by webpush's tag.
    collapse = _cut(notice.collapse_key, _MAX_ID)
    shown = {"title": _cut(notice.title, _MAX_TITLE)} | (
        {"body": _cut(notice.message, _MAX_MESSAGE)} if full_text else {}
    )
    channel = {"channel_id": "alarm" if notice.urgent else "notices"}
    return {
        "message": {
            "token": token,
            "notification": shown,
            "data": _data(notice),
            "android": {
                "priority": "HIGH" if notice.urgent else "NORMAL",
                "ttl": f"{ttl_s}s",
                "notification": channel | ({"tag": collapse} if collapse else {}),
            }
            | ({"collapse_key": collapse} if collapse else {}),
            "apns": {
                "headers": {
                    "apns-priority": "10" if notice.urgent else "5",
                    "apns-expiration": str(int(now.timestamp()) + ttl_s if ttl_s else 0),
                }
                | ({"apns-collapse-id": collapse} if collapse else {}),
                "payload": {
                    "aps": {"sound": "default", "interruption-level": "time-sensitive"} if notice.urgent else {}
                },
            },
            "webpush": {
                "headers": {"TTL": str(ttl_s), "Urgency": "high" if notice.urgent else "normal"},
            }
            | ({"notification": {"tag": collapse}} if collapse else {}),
        }
    }


def _data(notice: Notice) -> dict[str, str]:
    data = {
        "noticeId": notice.id,
        "kind": notice.kind,
        "event": notice.event,
        "at": notice.at.isoformat(timespec="milliseconds"),
        "reportId": "" if notice.report_id is None else str(notice.report_id),
        "deviceId": "" if notice.device_id is None else str(notice.device_id),
        "collapseKey": _cut(notice.collapse_key, _MAX_ID),
        "urgent": "true" if notice.urgent else "",
    }
    return {name: value for name, value in data.items() if value}


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, an ellipsis included."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - 3].decode("utf-8", "ignore") + "…"


def read_reply(address_id: int, reply: HttpReply) -> Told:
    """What an answer says of one token. Bodies are not quoted: they repeat what was sent.

    A token is gone when FCM says UNREGISTERED or NOT_FOUND, or that this very token is malformed. Other refusals
    (another project's token, a message that it does not understand) are ours to mend and bury no token.
    """
    status = reply.status
    if status == 200:
        name = _object(reply.body).get("name")
        return Told(address_id=address_id, outcome="told", receipt=name[:200] if isinstance(name, str) else "")
    error = _object(reply.body).get("error")
    error = error if isinstance(error, dict) else {}
    code = _code(error)
    reason = f"FCM answered {status}" + (f" {code}" if code else "")
    if code in ("UNREGISTERED", "NOT_FOUND") or (code == "INVALID_ARGUMENT" and _blames_token(error)):
        return Told(address_id=address_id, outcome="gone", reason=f"{reason}: the token is gone")
    if is_later(status):
        wait = retry_after_s(reply.headers)
        if wait is None and status == 429:
            wait = _DEFAULT_WAIT_S
        return Told(address_id=address_id, outcome="later", reason=reason, retry_after_s=wait)
    hint = {401: "check the service account", 403: "check the project", 404: "check project and base_url"}.get(status)
    return Told(address_id=address_id, outcome="refused", reason=f"{reason}: {hint}" if hint else reason)


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _code(error: dict[str, Any]) -> str:
    """FCM's own code, which is finer than the general status; "" for what is no such word."""
    named = [one.get("errorCode") for one in _details(error)]
    for code in (*named, error.get("status")):
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
    return ""


def _blames_token(error: dict[str, Any]) -> bool:
    fields = [
        violation.get("field")
        for one in _details(error)
        if isinstance(one.get("fieldViolations"), list)
        for violation in one["fieldViolations"]
        if isinstance(violation, dict)
    ]
    return "message.token" in fields or "registration token" in str(error.get("message", "")).lower()
