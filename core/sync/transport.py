"""One request to a centre: signed, sent, its answer cut to size; and above all whether it surely did not arrive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import aiohttp
import msgspec
import tenacity
from standardwebhooks import Webhook

from core.domain.cases import HttpRequest, HttpResponse
from core.domain.errors import TangkapinError
from core.sync.policy import SinkPolicy

MAX_ANSWER = 64 * 1024
KEEP_ALIVE_S = 4.0
"""Below the idle time of common servers (Node: 5 s), so that a request seldom meets a closing connection."""
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


class _NotReached(Exception):
    """No connection, or it broke before the head of the request left."""


@contextlib.asynccontextmanager
async def open_session(policy: SinkPolicy) -> AsyncIterator[aiohttp.ClientSession]:
    """A client session for one sink: no cookies, no proxy from the environment, no redirects followed.

    A centre that can neither be asked nor trusted with a repeat gets a new connection for each request: a kept one that
    the server closes at that very moment would look like a lost answer.
    """
    connector = aiohttp.TCPConnector(
        limit=policy.in_flight,
        **({"keepalive_timeout": KEEP_ALIVE_S} if policy.idempotent or policy.can_look_up else {"force_close": True}),
    )
    tracing = aiohttp.TraceConfig()

    async def head_sent(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
        context.trace_request_ctx["sent"] = True

    tracing.on_request_headers_sent.append(head_sent)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=[tracing],
        timeout=aiohttp.ClientTimeout(total=None),
    )
    try:
        yield session
    finally:
        await session.close()


async def exchange(
    session: aiohttp.ClientSession,
    request: HttpRequest,
    body: bytes,
    *,
    purpose: Purpose,
    key: str,
    secrets: Secrets,
    policy: SinkPolicy,
) -> Exchange:
    """Send one request and read the answer. Never raises for what the network or the centre does.

    What surely did not reach the centre is tried again at once, CONNECT_TRIES times in all; nothing else is.
    key  the idempotency key: the message id of a signed request
    """
    start = time.monotonic()
    try:
        headers = _headers(request, body, key, secrets)
    except SecretMissing as error:
        return Exchange(purpose=purpose, sent=False, error=str(error))
    retrying = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(CONNECT_TRIES),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=1.0),
        retry=tenacity.retry_if_exception_type(_NotReached),
        reraise=True,
    )
    told: dict[str, bool] = {"sent": False}
    try:
        async with asyncio.timeout(policy.timeout_s):
            response: HttpResponse = await retrying(_once, session, request, headers, body, purpose, told)
    except _NotReached as error:
        return Exchange(purpose=purpose, sent=False, error=str(error), duration_s=time.monotonic() - start)
    except TimeoutError:
        what = "no complete answer" if told["sent"] else "no connection"
        return Exchange(
            purpose=purpose,
            sent=told["sent"],
            error=f"{what} within {policy.timeout_s:g} s",
            duration_s=time.monotonic() - start,
        )
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Exchange(
            purpose=purpose, sent=told["sent"], error=_named(error), duration_s=time.monotonic() - start
        )  # fmt: skip
    return Exchange(purpose=purpose, sent=True, response=response, duration_s=time.monotonic() - start)


async def _once(
    session: aiohttp.ClientSession,
    request: HttpRequest,
    headers: dict[str, str],
    body: bytes,
    purpose: Purpose,
    told: dict[str, bool],
) -> HttpResponse:
    try:
        async with session.request(
            request.method,
            request.url,
            data=body or None,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=told,
        ) as answer:
            data = bytearray()
            async for chunk in answer.content.iter_any():
                data += chunk
                if len(data) >= MAX_ANSWER:
                    answer.close()
                    break
            return HttpResponse(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=bytes(data[:MAX_ANSWER]),
                purpose=purpose,
            )
    except (aiohttp.ClientError, OSError) as error:
        if told["sent"] or isinstance(error, aiohttp.InvalidURL):
            raise
        raise _NotReached(_named(error)) from error


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


def _named(error: BaseException) -> str:
    """A network error in one line; aiohttp's own text names host and port, never headers."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
