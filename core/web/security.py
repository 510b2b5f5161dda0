"""Headers that every answer carries, errors and unknown paths included, and one log line a request."""

from __future__ import annotations

import time
from typing import Any

import structlog
from litestar.types import Message, Scope

from core.problems import trace_of
from core.web.cors import cross_origin_headers
from core.web.docs import CSP as DOCS_CSP

log = structlog.get_logger(__name__)

_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_FIXED = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}


async def complete_answer(message: Message, scope: Scope) -> None:
    """Add the request's id and the security headers to what the handler set; note the answer in the log."""
    if message["type"] != "http.response.start":
        return
    headers = list(message.get("headers", ()))
    present = {name.lower() for name, _ in headers}
    trace = trace_of(scope)
    path = scope.get("path", "")
    policy = DOCS_CSP if path.startswith("/schema") else _NOTHING
    wanted: dict[bytes, bytes] = {
        **_FIXED,
        b"x-request-id": trace.encode("latin-1"),
        b"content-security-policy": policy.encode(),
    }
    if path.startswith("/api"):
        wanted[b"cache-control"] = b"no-store"
        wanted[b"vary"] = b"Authorization, Accept-Language, Origin"
    services = scope["litestar_app"].state.get("services")
    if services is not None:
        wanted |= cross_origin_headers(scope, services.settings.cors_origins)
    headers += [(name, value) for name, value in wanted.items() if name not in present]
    message["headers"] = headers
    user: Any = scope.get("user")
    log.info(
        "request_answered",
        trace=trace,
        method=scope.get("method"),
        operation=_operation(scope),
        status=message["status"],
        seconds=round(time.monotonic() - scope.setdefault("state", {}).get("begun", time.monotonic()), 4),
        actor=f"{user.role}:{user.id}" if user is not None else None,
    )


def _operation(scope: Scope) -> str | None:
    """The route's name, never its path: a path or query may hold a plate."""
    handler = scope.get("route_handler")
    return getattr(handler, "operation_id", None) if handler is not None else None
