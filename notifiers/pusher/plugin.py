"""Notices over the Pusher protocol: Pusher Channels, or a server of one's own that speaks it. doc.md has the rest."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from core import api
from core.api import (
    Delivery,
    Health,
    Heard,
    HttpReply,
    NotAllowed,
    Notice,
    Outbound,
    PluginConfig,
    Recipient,
    Secret,
    Undeliverable,
    check_answer,
    hookimpl,
    on_this_machine,
)
from notifiers.pusher import hearing
from notifiers.pusher.channels import Event, Public, events_of
from notifiers.pusher.wire import WEBHOOK_WINDOW_S, read_webhook, sign_subscription, signed_path

_HINTS = {
    401: "check key, secret and this machine's clock",
    403: "the app is disabled or over its quota",
    404: "check host and app_id",
}
_SMALL = 512


class PusherConfig(PluginConfig, frozen=True, kw_only=True):
    """One app of a server.

    app_id, key, secret  of the app
    host, port           "api-CLUSTER.pusher.com", or a server of one's own; port 443
    tls                  false only for a server on this machine or in a closed network
    ca_file              PEM of the authorities that vouch for a server of one's own
    public               which public names of the contract are used too: owner, police, detection, dashboard
    timeout_s            of one request
    client_host, client_port  what apps connect to, where that is another name than `host` and `port` (of Pusher's own
                        api-CLUSTER.pusher.com it is ws-CLUSTER.pusher.com)
    """

    app_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    key: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    secret: Secret
    host: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 443
    tls: bool = True
    ca_file: Path | None = None
    public: tuple[Public, ...] = ()
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=8)] = 4.0
    client_host: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.:-]{0,253}$")] = ""
    client_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0


class Plugin(api.Plugin):
    """Signs events and hands them to the server; signs subscriptions; reads webhooks."""

    Config = PusherConfig
    config: PusherConfig
    version = "1.0"
    guarantee = "at-least-once to the server, best-effort to a device"
    in_app = True

    def __init__(self, config: PusherConfig, context: api.PluginContext) -> None:
        super().__init__(config, context)
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._base = f"{'https' if config.tls else 'http'}://{host}:{config.port}"
        self._out = Outbound(
            allow_private=True, ca_file=str(config.ca_file or ""), timeout_s=config.timeout_s
        )  # fmt: skip
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    @hookimpl
    def deliver_notice(self, notice: Notice, recipient: Recipient) -> Delivery:
        """All channels of this recipient in one request. A client drops a `noticeId` that it has."""
        # Clients of the public names may not drop repeats: what they may have comes again only where silence is worse.
        public = () if notice.again and not notice.urgent else self.config.public
        reply = self._send(events_of(notice, recipient, public))
        status = _status(reply)
        if status == 413:
            reply = self._send(events_of(notice, recipient, public, _SMALL))
            status = _status(reply)
        check_answer(status, reply.headers, "the server", _HINTS.get(status, ""))
        return Delivery(outcome="accepted")

    @hookimpl
    def health(self) -> Health:
        """Whether what travels is encrypted."""
        if self.config.tls or on_this_machine(self.config.host):
            return Health(state="ok")
        return Health(state="degraded", detail="tls = false: notices travel in the clear")

    @hookimpl
    def close(self) -> None:
        """Let the connections go."""
        self._out.close()

    def hear(self) -> Iterator[Heard | None] | None:
        """What of public names went out, heard as their clients hear it; None at least every second, first when it
        listens. None instead of an iterator: nothing goes to public names. Raises Transient, NotAllowed."""
        if not self.config.public:
            return None
        host, port = self._client_host(), self.config.client_port or self.config.port
        host = f"[{host}]" if ":" in host else host
        url = f"{'https' if self.config.tls else 'http'}://{host}:{port}{hearing.socket_path(self.config.key)}"
        return hearing.listen(
            lambda: self._out.converse(url), lambda socket_id: self.sign_channel(socket_id, hearing.CHANNEL)
        )

    def client_settings(self) -> dict[str, str | int | bool]:
        """What a client library connects with; the key is public, the secret stays here."""
        return {
            "protocol": "pusher",
            "key": self.config.key,
            "host": self._client_host(),
            "port": self.config.client_port or self.config.port,
            "tls": self.config.tls,
        }

    def sign_channel(self, socket_id: str, channel: str, user_data: str = "") -> dict[str, str]:
        """The answer of the auth endpoint, once core decided that this person may hear the channel.

        Raises ValueError for a socket id or channel that is none, or that is not private or presence.
        """
        return sign_subscription(self.config.key, self.config.secret.reveal(), socket_id, channel, user_data)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[dict[str, Any]] | None:
        """The events of a webhook ({name, channel, …}); None when it is forged, old, or was read before.

        headers  names in lower case
        """
        signature, now = headers.get("x-pusher-signature", ""), time.time()
        events = read_webhook(
            self.config.key, self.config.secret.reveal(), headers.get("x-pusher-key", ""), signature, body, now
        )
        if events is None:
            return None
        with self._lock:
            self._seen = {one: at for one, at in self._seen.items() if now - at <= 2 * WEBHOOK_WINDOW_S}
            if signature in self._seen:
                return None
            self._seen[signature] = now
        return events

    def _client_host(self) -> str:
        host = self.config.host
        if not self.config.client_host and host.startswith("api-") and host.endswith(".pusher.com"):
            return "ws-" + host.removeprefix("api-")
        return self.config.client_host or host

    def _send(self, events: list[Event]) -> HttpReply:
        told: dict[str, Any]
        path, told = "batch_events", {"batch": [event._asdict() for event in events]}
        if len(events) == 1:
            path, told = "events", {"name": events[0].name, "channels": [events[0].channel], "data": events[0].data}
        body = json.dumps(told, ensure_ascii=False).encode()
        target = signed_path(
            self.config.key, self.config.secret.reveal(), f"/apps/{self.config.app_id}/{path}", body, time.time()
        )
        try:
            return self._out.call("POST", self._base + target, {"Content-Type": "application/json"}, body)
        except NotAllowed as error:
            raise Undeliverable(str(error)) from None


def _status(reply: HttpReply) -> int:
    """The status that counts: soketi 1.6.1 says 200 to all requests and names the error's code in the body."""
    if reply.status != 200:
        return reply.status
    try:
        code = json.loads(reply.body)["code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 200
    return code if isinstance(code, int) and 400 <= code < 600 else 200
