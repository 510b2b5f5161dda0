"""Notices to phones by Firebase Cloud Messaging, HTTP v1. doc.md has the rest.

google-auth (extra `fcm`) is imported with the first notice.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

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
    is_later,
    on_this_machine,
    sum_up,
)
from notifiers.fcm.message import message_of, read_reply

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
MAX_ADDRESSES = 10
"""Of one recipient; the newest are told."""
_EXTRA = "google-auth is not installed; pip install 'tangkapin[fcm]'"


class FcmConfig(PluginConfig, frozen=True, kw_only=True):
    """One Firebase project.

    service_account  the JSON of a service account that may send messages
    project          of the messages; the service account's own otherwise
    text             what the notification shows, which Google can read: "title", or "full" with the message too
    ttl_s            how long FCM keeps a notice that has no time of its own
    base_url, token_url, ca_file   for another Google-compatible service; token_url is the account's own otherwise
    timeout_s        of one request
    """

    service_account: Secret
    project: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{0,64}$")] = ""
    text: Literal["title", "full"] = "title"
    ttl_s: Annotated[int, msgspec.Meta(ge=0, le=2_419_200)] = 14_400
    base_url: str = "https://fcm.googleapis.com"
    token_url: str = ""
    ca_file: Path | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=4)] = 4.0

    def __post_init__(self) -> None:
        account = self.account()
        for name in ("base_url", "token_url"):
            url = getattr(self, name) or account["token_uri"]
            parts = urlsplit(url)
            if parts.scheme != "https" and not (parts.scheme == "http" and on_this_machine(parts.hostname)):
                raise ValueError(f"{name}: expected https")

    def account(self) -> dict[str, Any]:
        """The service account. Raises ValueError, whose text shows nothing of it."""
        wanted = ("client_email", "private_key", "project_id", "token_uri")
        try:
            account = json.loads(self.service_account.reveal())
            missing = [name for name in wanted if not isinstance(account.get(name), str)]
            if not missing:
                load_pem_private_key(account["private_key"].encode(), None)
        except (ValueError, TypeError, AttributeError):
            raise ValueError("service_account: expected the JSON of a service account with an RSA key") from None
        if missing:
            raise ValueError(f"service_account: {', '.join(missing)} missing")
        found: dict[str, Any] = account
        return found


class Plugin(api.Plugin):
    """Sends one message to each token of a recipient, all at once."""

    Config = FcmConfig
    config: FcmConfig
    version = "1.0"
    guarantee = "at-least-once to FCM, best-effort to a device"

    def __init__(self, config: FcmConfig, context: api.PluginContext) -> None:
        super().__init__(config, context)
        self._account = config.account()
        project = config.project or self._account["project_id"]
        self._url = f"{config.base_url.rstrip('/')}/v1/projects/{project}/messages:send"
        self._out = Outbound(allow_private=True, ca_file=str(config.ca_file or ""), timeout_s=config.timeout_s)
        self._credentials: Any = None
        self._lock = threading.Lock()

    @hookimpl
    def deliver_notice(self, notice: Notice, recipient: Recipient) -> Delivery:
        """Tell all devices of this recipient. A device drops a `noticeId` that it has."""
        addresses = [one for one in recipient.addresses if one.channel == "fcm"][-MAX_ADDRESSES:]
        if not addresses:
            raise Undeliverable("no FCM token")
        token, fresh = self._token()
        replies = self._send(notice, addresses, token)
        if not fresh and any(not isinstance(one, Transient) and one.status == 401 for one in replies.values()):
            # Revoked before its time. The next attempt makes another: one more round would not fit a hook's time.
            self._forget(token)
            raise Transient("FCM answered 401: the bearer token ended early", retry_after_s=0.0)
        return sum_up(_told(address, replies[address.id]) for address in addresses)

    @hookimpl
    def health(self) -> Health:
        """Whether google-auth is there."""
        if importlib.util.find_spec("google.auth") is None:
            return Health(state="error", detail=_EXTRA)
        return Health(state="ok")

    @hookimpl
    def close(self) -> None:
        """Let the connections go."""
        self._out.close()

    def _send(self, notice: Notice, addresses: list[Address], token: str) -> dict[int, HttpReply | Transient]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        now = datetime.now(UTC)
        under_way = {}
        for one in addresses:
            message = message_of(
                notice, one.value, full_text=self.config.text == "full", default_ttl_s=self.config.ttl_s, now=now
            )
            body = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
            under_way[one.id] = self._out.start("POST", self._url, headers, body)
        replies: dict[int, HttpReply | Transient] = {}
        for address_id, future in under_way.items():
            try:
                replies[address_id] = future.result()
            except Transient as error:
                replies[address_id] = error
            except NotAllowed as error:
                raise Undeliverable(str(error)) from None
        return replies

    def _token(self) -> tuple[str, bool]:
        """A bearer token, and whether it was made just now: there was none, or it was about to end."""
        try:
            from google.auth import exceptions
            from google.oauth2 import service_account
        except ImportError:
            raise Undeliverable(_EXTRA) from None
        with self._lock:
            if self._credentials is None:
                account = self._account | {"token_uri": self.config.token_url or self._account["token_uri"]}
                make: Any = service_account.Credentials.from_service_account_info
                self._credentials = make(account, scopes=[SCOPE])
            fresh = not self._credentials.valid
            try:
                if fresh:
                    self._credentials.refresh(self._ask)
            except exceptions.TransportError as error:
                raise Transient(f"no token: {error}") from None
            except exceptions.GoogleAuthError:
                raise Undeliverable("no token: the token service refused the service account") from None
            return str(self._credentials.token), fresh

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._credentials is not None and self._credentials.token == token:
                self._credentials = None

    def _ask(
        self, url: str, method: str = "GET", body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None, timeout: float | None = None, **more: Any,
    ) -> _Answer:  # fmt: skip
        """What google-auth calls to reach the token service: through the guard, like all else."""
        from google.auth import exceptions

        data = body.encode() if isinstance(body, str) else body
        try:
            reply = self._out.call(method, url, headers, data)
        except (Transient, NotAllowed) as error:
            raise exceptions.TransportError(str(error)) from None  # type: ignore[no-untyped-call]
        if is_later(reply.status):
            # google-auth would sleep and ask again, in the middle of a hook: the delivery's own retry does that.
            raise exceptions.TransportError(f"the token service answered {reply.status}")  # type: ignore[no-untyped-call]
        return _Answer(reply)


class _Answer:
    """google-auth's view of an answer."""

    def __init__(self, reply: HttpReply) -> None:
        self.status, self.headers, self.data = reply


def _told(address: Address, reply: HttpReply | Transient) -> Told:
    if isinstance(reply, Transient):
        return Told(address_id=address.id, outcome="later", reason=str(reply))
    return read_reply(address.id, reply)
