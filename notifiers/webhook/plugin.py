"""Notices as signed webhooks (Standard Webhooks), to a gateway that brings them to people. doc.md has the rest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from core import api
from core.api import (
    Delivery,
    Health,
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

_PREFIX = "whsec_"


class WebhookConfig(PluginConfig, frozen=True, kw_only=True):
    """One receiver.

    url              where to post; https, or http to this machine or with allow_private
    secret           base64, with or without the prefix whsec_
    previous_secret  signed with too, while the receiver changes to a new secret
    roles            who is told this way; others go to the next channel
    allow_private    the url leads into a private network
    ca_file          PEM of the authorities that vouch for a receiver of one's own
    timeout_s        of one request
    """

    url: str
    secret: Secret
    previous_secret: Secret | None = None
    roles: tuple[Literal["owner", "officer", "police", "admin"], ...] = ("owner", "officer", "police", "admin")
    allow_private: bool = False
    ca_file: Path | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=8)] = 4.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host = parts.hostname
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or parts.username or parts.password or parts.fragment:
            raise ValueError("url: expected http:// or https:// with a host, without user name and fragment")
        if parts.scheme == "http" and not (self.allow_private or on_this_machine(host)):
            raise ValueError("url: http:// is for this machine and, with allow_private, for a private network")
        for name in ("secret", "previous_secret"):
            secret = getattr(self, name)
            if secret is not None and not _key(secret.reveal()):
                raise ValueError(f"{name}: expected 24 to 64 bytes in base64")


class Plugin(api.Plugin):
    """Posts each notice once for each person it is for."""

    Config = WebhookConfig
    config: WebhookConfig
    version = "1.0"
    guarantee = "at-least-once to the receiver, which tells repeats by webhook-id"

    def __init__(self, config: WebhookConfig, context: api.PluginContext) -> None:
        super().__init__(config, context)
        here = on_this_machine(urlsplit(config.url).hostname)
        self._out = Outbound(
            allow_private=config.allow_private or here, ca_file=str(config.ca_file or ""), timeout_s=config.timeout_s
        )
        secrets = (config.secret, config.previous_secret)
        self._keys = [_key(secret.reveal()) for secret in secrets if secret is not None]

    @hookimpl
    def deliver_notice(self, notice: Notice, recipient: Recipient) -> Delivery:
        """Accepted with any 2xx; a receiver that says `{"delivered": true}` has shown it to the person."""
        if recipient.role not in self.config.roles:
            raise Undeliverable(f"this webhook does not tell a {recipient.role}")
        body = json.dumps(body_of(notice, recipient), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} | sign(self._keys, notice.id, int(time.time()), body)
        try:
            reply = self._out.call("POST", self.config.url, headers, body)
        except NotAllowed as error:
            raise Undeliverable(str(error)) from None
        return _read(reply)

    @hookimpl
    def health(self) -> Health:
        """Whether what travels is encrypted."""
        parts = urlsplit(self.config.url)
        if parts.scheme == "https" or on_this_machine(parts.hostname):
            return Health(state="ok")
        return Health(state="degraded", detail="http: notices travel in the clear")

    @hookimpl
    def close(self) -> None:
        """Let the connections go."""
        self._out.close()


def body_of(notice: Notice, recipient: Recipient) -> dict[str, Any]:
    """What is posted. The receiver knows people by role and id; no name and no address travels."""
    return {
        "type": f"notice.{notice.kind}",
        "timestamp": notice.at.isoformat(timespec="milliseconds"),
        "data": notice.payload
        | {
            "noticeId": notice.id,
            "kind": notice.kind,
            "event": notice.event,
            "title": notice.title,
            "message": notice.message,
            "urgent": notice.urgent,
            "collapseKey": notice.collapse_key,
            "recipient": {"role": recipient.role, "id": recipient.id, "language": recipient.language},
        },
    }


def sign(keys: list[bytes], message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks, with a signature for each key. at: Unix seconds."""
    signed = f"{message_id}.{at}.".encode() + body
    made = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }


def _key(secret: str) -> bytes:
    """The bytes of a secret; b"" for what is none."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return key if 24 <= len(key) <= 64 else b""


def _read(reply: HttpReply) -> Delivery:
    check_answer(reply.status, reply.headers, "the receiver")
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        said = None
    shown = isinstance(said, dict) and said.get("delivered") is True
    return Delivery(outcome="delivered" if shown else "accepted")
