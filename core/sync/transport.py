"""One request to a centre: signed, sent, its answer cut to size; and above all whether it surely did not arrive."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import tenacity
from standardwebhooks import Webhook

from core.domain.cases import HttpRequest, HttpResponse
from core.domain.errors import TangkapinError
from core.outbound import AddressRefused, MaybeSent, NotSent, Reply, SafeSession, operator_configured
from core.sync.policy import SinkPolicy

CONNECT_TRIES = 3
VENDOR_KEY = "vendor.api_key"
"""As the value of a secret header: the key that the vendor's own row refers to."""
Purpose = Literal["send", "look_up"]
Secrets = Callable[[str], str]
"""Name of a Config field (or VENDOR_KEY) -> the secret. Raises SecretMissing."""


class SecretMissing(TangkapinError):
    """A secret that the request needs is not configured. Nothing was sent."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one request.

    sent      False: not a byte of it left, so the centre surely does not have it
    response  None when there was no complete answer; then `error` says why
    """

    purpose: Purpose
    sent: bool
    response: HttpResponse | None = None
    error: str = ""
    duration_s: float = 0.0


def open_session(policy: SinkPolicy) -> SafeSession:
    """A session for one sink. Its addresses come from the operator (plugins.toml, vendors.etnas_url), and police
    centres stand in private networks, so those are allowed; cloud metadata and link-local addresses never are."""
    return SafeSession(operator_configured(allow_private=True), limit=policy.in_flight)


async def exchange(
    session: SafeSession,
    request: HttpRequest,
    body: bytes,
    *,
    purpose: Purpose,
    key: str,
    secrets: Secrets,
    timeout_s: float,
    keep_alive: bool,
) -> Exchange:
    """Send one request and read the answer. Never raises for what the network or the centre does.

    What surely did not reach the centre is tried again at once, CONNECT_TRIES times in all; nothing else is.
    key         the idempotency key: the message id of a signed request
    keep_alive  False: a connection of its own. A kept one that the server closes at the very moment of sending looks
                like a lost answer, which matters where the centre can neither be asked nor trusted with a repeat
    """
    start = time.monotonic()
    try:
        headers = _headers(request, body, key, secrets)
    except SecretMissing as error:
        return Exchange(purpose=purpose, sent=False, error=str(error))
    if not keep_alive:
        headers["Connection"] = "close"
    arguments = (request.method, request.url, headers, body or None, timeout_s)
    sent, found, error_text = True, None, ""
    try:
        try:
            reply = await session.request(*arguments)  # tenacity costs as much CPU as the request: only where it failed
        except AddressRefused:
            raise
        except NotSent:
            reply = await _again(session, arguments, timeout_s / 2 - (time.monotonic() - start))
        found = HttpResponse(status=reply.status, headers=reply.headers, body=reply.body, purpose=purpose)
    except NotSent as error:
        sent, error_text = False, str(error)
    except MaybeSent as error:
        error_text = str(error)
    return Exchange(
        purpose=purpose, sent=sent, response=found, error=error_text, duration_s=round(time.monotonic() - start, 4)
    )


async def _again(session: SafeSession, arguments: tuple[Any, ...], left_s: float) -> Reply:
    retrying = tenacity.AsyncRetrying(
        sleep=asyncio.sleep,
        stop=tenacity.stop_after_attempt(CONNECT_TRIES - 1) | tenacity.stop_after_delay(max(left_s, 0.0)),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=1.0),
        retry=tenacity.retry_if_exception(lambda e: isinstance(e, NotSent) and not isinstance(e, AddressRefused)),
        reraise=True,
    )
    await asyncio.sleep(0.05)
    reply: Reply = await retrying(session.request, *arguments)
    return reply


def _headers(request: HttpRequest, body: bytes, key: str, secrets: Secrets) -> dict[str, str]:
    headers = dict(request.headers)
    if body and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    for name, field in request.secret_headers.items():
        headers[name] = secrets(field)
    if request.sign == "standard-webhooks":
        headers |= sign(body, key, [secrets(field) for field in request.sign_secret.split(",")], datetime.now(UTC))
    elif request.sign:
        raise SecretMissing(f"unknown signature scheme {request.sign!r}; known: standard-webhooks")
    return headers


def sign(body: bytes, message_id: str, secrets: list[str], at: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks over these very bytes; one signature for each secret (rotation).

    Raises SecretMissing for a secret that is not base64 (with or without the prefix whsec_).
    """
    try:
        signatures = [Webhook(secret).sign(message_id, at, body.decode("utf-8")) for secret in secrets]
    except Exception as error:  # the library raises its own, binascii's and RuntimeError; their text may quote
        raise SecretMissing(f"the signing secret is not usable: {type(error).__name__}") from None
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def read_reference(reference: str) -> str:
    """The secret behind a vendor's `env:NAME` or `file:/path`. Raises SecretMissing, which never quotes it."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name, "")
    elif kind == "file":
        try:
            value = Path(name).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            value = ""
    else:
        raise SecretMissing("neither the sink's config nor the vendor's row has a key (vendors.api_key)")
    if not value:
        raise SecretMissing(f"the vendor's key {kind}:{name} is not there or empty")
    return value
