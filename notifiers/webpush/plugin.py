"""Notices to browsers by Web Push: VAPID (RFC 8292), aes128gcm (RFC 8291). doc.md has the rest.

pywebpush and py-vapid (extra `webpush`) are imported with the first notice.
"""

from __future__ import annotations

import base64
import importlib.util
import re
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from core import api
from core.api import (
    Address,
    Delivery,
    Health,
    HttpReply,
    NotAllowed,
    Notice,
    Outbound,
    PluginConfig,
    Recipient,
    Secret,
    Told,
    Transient,
    Undeliverable,
    hookimpl,
    sum_up,
)
from notifiers.webpush.message import (
    Subscription,
    headers_of,
    is_service,
    read_reply,
    read_subscription,
    text_of,
)

SERVICES = (
    "fcm.googleapis.com", "*.push.services.mozilla.com", "*.notify.windows.com", "*.push.apple.com",
)  # fmt: skip
"""Of Chrome and its kin, Firefox, Edge, Safari."""
MAX_ADDRESSES = 10
"""Of one recipient; the newest are told."""
TOKEN_S = 12 * 3_600
"""How long a token is good for; push services refuse more than a day."""
_EXTRA = "pywebpush is not installed; pip install 'tangkapin[webpush]'"
_CONTACT = re.compile(r"mailto:[^\s@]+@[^\s@]+\.[^\s@]+|https://[^\s/@]+(/\S*)?")
_SERVICE = re.compile(r"(\*\.)?[a-z0-9.-]+")


class WebPushConfig(PluginConfig, frozen=True, kw_only=True):
    """The sender's identity, and where it may send.

    vapid_key  private key on P-256: PEM, or its 32 bytes in base64url. Changing it ends all subscriptions
    contact    "mailto:…" or "https://…": whom a push service writes to when something goes wrong
    services   hosts of push services; "*.example.net" for all below. Subscriptions elsewhere are not called
    listed     addresses (CIDR, with :port or without) inside the network that may be called: for a service of one's own
    ca_file    PEM of the authorities that vouch for such a service
    ttl_s      how long a service keeps a notice that has no time of its own
    timeout_s  of one request
    """

    vapid_key: Secret
    contact: str
    services: tuple[str, ...] = SERVICES
    listed: tuple[str, ...] = ()
    ca_file: Path | None = None
    ttl_s: Annotated[int, msgspec.Meta(ge=0, le=2_419_200)] = 14_400
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=8)] = 5.0

    def __post_init__(self) -> None:
        self.key()
        if not _CONTACT.fullmatch(self.contact):
            raise ValueError("contact: expected mailto:somebody@example.org or https://…")
        if not all(_SERVICE.fullmatch(one) for one in self.services):
            raise ValueError("services: expected hosts in lower case, or *. and a host")

    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key. Raises ValueError, whose text shows nothing of it."""
        text = self.vapid_key.reveal().strip()
        key: Any
        try:
            if "-----BEGIN" in text:
                key = load_pem_private_key(text.encode(), None)
            else:
                raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
                key = ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1()) if len(raw) == 32 else None
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("vapid_key: expected a private key on P-256, as PEM or 32 bytes in base64url")
        return key


class Plugin(api.Plugin):
    """Encrypts a notice for each subscription of a recipient and hands it to its push service, all at once."""

    Config = WebPushConfig
    config: WebPushConfig
    version = "1.0"
    guarantee = "at-least-once to the push service, best-effort to a browser"

    def __init__(self, config: WebPushConfig, context: api.PluginContext) -> None:
        super().__init__(config, context)
        self._key = config.key()
        self._out = Outbound(listed=config.listed, ca_file=str(config.ca_file or ""), timeout_s=config.timeout_s)

    @hookimpl
    def deliver_notice(self, notice: Notice, recipient: Recipient) -> Delivery:
        """Tell all browsers of this recipient. A page's worker drops a `noticeId` that it has."""
        addresses = [one for one in recipient.addresses if one.channel == "webpush"][-MAX_ADDRESSES:]
        under_way = [(one, self._start(notice, one)) for one in addresses]
        return sum_up(_told(address, started) for address, started in under_way)

    @hookimpl
    def health(self) -> Health:
        """Whether pywebpush is there."""
        if importlib.util.find_spec("pywebpush") is None:
            return Health(state="error", detail=_EXTRA)
        return Health(state="ok")

    @hookimpl
    def close(self) -> None:
        """Let the connections go."""
        self._out.close()

    def application_key(self) -> str:
        """The public key as pages need it to subscribe (`applicationServerKey`): base64url of the point."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    def _start(self, notice: Notice, address: Address) -> Future[HttpReply] | Told:
        try:
            to = read_subscription(address.value)
        except ValueError as error:
            return Told(address_id=address.id, outcome="gone", reason=str(error))
        if not is_service(to.host, self.config.services):
            return Told(address_id=address.id, outcome="refused", reason="the endpoint is not of a known push service")
        headers = headers_of(notice, self.config.ttl_s, datetime.now(UTC)) | self._token(to)
        return self._out.start("POST", to.endpoint, headers, _encrypt(to, text_of(notice)))

    def _token(self, to: Subscription) -> dict[str, str]:
        try:
            from py_vapid import Vapid02
        except ImportError:
            raise Undeliverable(_EXTRA) from None
        claims = {"aud": to.origin, "exp": int(time.time()) + TOKEN_S, "sub": self.config.contact}
        signed: dict[str, str] = Vapid02(self._key).sign(claims)
        return signed


def _encrypt(to: Subscription, text: bytes) -> bytes:
    from pywebpush import WebPusher

    pusher: Any = WebPusher({"endpoint": to.endpoint, "keys": {"p256dh": to.p256dh, "auth": to.auth}})
    body: bytes = pusher.encode(text, "aes128gcm")["body"]
    return body


def _told(address: Address, started: Future[HttpReply] | Told) -> Told:
    if isinstance(started, Told):
        return started
    try:
        return read_reply(address.id, started.result())
    except Transient as error:
        return Told(address_id=address.id, outcome="later", reason=str(error))
    except NotAllowed:
        # The text would name what the subscriber's host led to inside: that is not for the list of deliveries.
        return Told(address_id=address.id, outcome="refused", reason="the endpoint leads where nothing is sent")
