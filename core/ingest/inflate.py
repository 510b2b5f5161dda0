"""Undo Content-Encoding behind the inbox, with the output capped: a bomb costs a quarantine row, no memory (T08)."""

from __future__ import annotations

import zlib

from core.domain.errors import MalformedPayload

MAX_OUTPUT = 64 * 1024 * 1024
MAX_RATIO = 200


def inflate(body: bytes, encoding: str) -> bytes:
    """Return the decoded body. "deflate" is taken with and without the zlib header (devices send both).

    Raises MalformedPayload for other encodings, for broken data, and over 64 MiB or 200 times the body's size.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name in ("gzip", "x-gzip"):
        return _decompress(body, 16 + zlib.MAX_WBITS)
    if name == "deflate":
        try:
            return _decompress(body, zlib.MAX_WBITS)
        except MalformedPayload:
            return _decompress(body, -zlib.MAX_WBITS)
    raise MalformedPayload(f"content-encoding {name[:40]!r} is not understood (gzip, deflate)")


def _decompress(body: bytes, window: int) -> bytes:
    limit = min(MAX_OUTPUT, max(len(body) * MAX_RATIO, 64 * 1024))
    engine = zlib.decompressobj(window)
    try:
        out = engine.decompress(body, limit)
    except zlib.error as error:
        raise MalformedPayload(f"compressed body is broken: {error}") from None
    if engine.unconsumed_tail:
        raise MalformedPayload(f"compressed body of {len(body)} bytes inflates to more than {limit}")
    if not engine.eof:
        raise MalformedPayload("compressed body is cut off")
    return out
