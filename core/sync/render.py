"""From a stored request to the exact bytes that leave: evidence by hash in the row, as base64 on the wire.

The same row gives the same bytes for ever: keys are sorted, numbers are written the way PostgreSQL's JSONB gives them
back, and pictures are immutable under their SHA-256. `request_sha256` in the row is the proof.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pybase64

from core.domain.cases import EvidenceRef, HttpRequest
from core.domain.errors import TangkapinError, Unbuildable

EVIDENCE = "$evidence"
"""The key that marks a picture in a stored body."""
MAX_DEPTH = 32
ReadPicture = Callable[[str], bytes]
"""SHA-256 (hex) -> the picture's bytes. Raises EvidenceMissing."""


class EvidenceMissing(TangkapinError):
    """A picture that the request names cannot be read, or is not what its hash says. Nothing was sent."""


class RequestChanged(TangkapinError):
    """The bytes are not those that were sent before under this key. Nothing was sent."""


def stored_body(body: Any) -> Any:
    """A request's body as JSON-able data for the row, pictures by hash. Raises Unbuildable for what is no JSON."""
    return _stored(body, 0)


def _stored(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Unbuildable(f"the request body is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, EvidenceRef):
        return {EVIDENCE: value.sha256, "role": value.role, "mime": value.mime, "size": value.size}
    if isinstance(value, dict):
        if EVIDENCE in value:
            raise Unbuildable(f"a request body must not hold a key {EVIDENCE!r}; use EvidenceRef")
        return {_text(str(key)): _stored(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stored(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool | int):
        return value
    try:
        return _stored(msgspec.to_builtins(value), depth + 1)
    except (TypeError, RecursionError):
        raise Unbuildable(f"a request body cannot hold a {type(value).__name__}") from None


def _text(value: str) -> str:
    if "\0" in value:
        raise Unbuildable("a request body cannot hold a NUL character: PostgreSQL stores none")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unbuildable("a request body cannot hold half a surrogate pair") from None
    return str(value)


def _number(value: float) -> float | int:
    if not math.isfinite(value):
        raise Unbuildable("a request body cannot hold NaN or infinity")
    # JSONB keeps numerics: 1e22 comes back as 10000000000000000000000 and -0.0 as 0.0.
    if value.is_integer() and abs(value) >= 1e16:
        return int(value)
    return value + 0.0


def render(body: Any, read_picture: ReadPicture) -> bytes:
    """The exact bytes of a stored body; b"" for None. Raises EvidenceMissing."""
    if body is None:
        return b""
    return msgspec.json.encode(_with_pictures(body, read_picture), order="sorted")


def _with_pictures(value: Any, read_picture: ReadPicture) -> Any:
    if isinstance(value, dict):
        if EVIDENCE in value:
            return _picture(value[EVIDENCE], read_picture)
        return {key: _with_pictures(item, read_picture) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_pictures(item, read_picture) for item in value]
    return value


def _picture(sha256: str, read_picture: ReadPicture) -> str:
    data = read_picture(sha256)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise EvidenceMissing(f"the picture {sha256[:12]}… is not what its hash says: the stored bytes were altered")
    return pybase64.b64encode(data).decode("ascii")


def stored_request(request: HttpRequest, body: Any) -> dict[str, Any]:
    """What `etnas_sync.request_payload` keeps. Secrets stand in it by name only."""
    return {
        "method": request.method,
        "url": _text(request.url),
        "headers": {_text(str(k)): _text(str(v)) for k, v in request.headers.items()},
        "secret_headers": dict(request.secret_headers),
        "sign": request.sign,
        "sign_secret": request.sign_secret,
        "body": body,
    }
