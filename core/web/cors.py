"""Pages served from elsewhere: which origins may read our answers, errors included (setting `cors_origins`).

No cookie counts across origins (core.web.sessions), so credentials are never allowed here; such clients send a Bearer
token.
"""

from __future__ import annotations

from litestar.types import Scope

_METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_HEADERS = (
    b"accept, accept-language, authorization, content-type, if-match, last-event-id, x-api-key, x-purpose, x-request-id"
)
_EXPOSED = b"content-disposition, etag, link, retry-after, x-request-id"
_MAX_AGE_S = b"7200"


def cross_origin_headers(scope: Scope, allowed: tuple[str, ...]) -> dict[bytes, bytes]:
    """The headers for this request; {} where it names no origin, or one that is not allowed.

    allowed  origins, or "*" for any
    """
    origin = _header(scope, b"origin")
    if origin is None:
        return {}
    if "*" in allowed:
        told = b"*"
    elif origin.decode("latin-1").lower().rstrip("/") in {known.lower().rstrip("/") for known in allowed}:
        told = origin
    else:
        return {}
    headers = {b"access-control-allow-origin": told, b"access-control-expose-headers": _EXPOSED}
    if scope.get("method") == "OPTIONS":
        headers |= {
            b"access-control-allow-methods": _METHODS,
            b"access-control-allow-headers": _HEADERS,
            b"access-control-max-age": _MAX_AGE_S,
        }
    return headers


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope.get("headers", ()) if name == wanted), None)
