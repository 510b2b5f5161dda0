"""The one JSON reader for what devices send (T11): bounded depth, no surprises for PostgreSQL.

PostgreSQL's jsonb refuses \\u0000 and lone surrogates; a hundred thousand nested brackets overflow the stack.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import msgspec

from core.domain.errors import MalformedPayload

MAX_DEPTH = 64
_SURROGATES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""An escaped backslash, a pair, or a half: the last is six characters long."""
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"{\x00": "utf-16-le", b"[\x00": "utf-16-le",
           b"\x00{": "utf-16-be", b"\x00[": "utf-16-be"}  # fmt: skip


def decode_json(data: bytes | memoryview | str) -> Any:
    """Decode JSON. Raises MalformedPayload with the place; NaN is refused.

    Accepts a BOM, UTF-16, GB18030, and a string with bytes or a half surrogate pair that are no text: U+FFFD stands
    there, since a note in Latin-1 must not cost the event.
    """
    raw: bytes | str = (
        data if isinstance(data, str) else bytes(data).removeprefix(b"\xef\xbb\xbf").rstrip(b"\x00 \r\n\t")
    )
    try:
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = raw if isinstance(raw, str) else _text(raw)
            mended = _SURROGATES.sub(_paired, text)
            if mended == raw:
                raise
            value = msgspec.json.decode(mended)
        if _opened(raw) > MAX_DEPTH and depth(value) > MAX_DEPTH:
            raise MalformedPayload(f"JSON is nested deeper than {MAX_DEPTH} levels")
        return value
    except RecursionError:
        raise MalformedPayload(f"JSON is nested deeper than {MAX_DEPTH} levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedPayload(f"not JSON: {str(error)[:200]}") from None


def _text(raw: bytes) -> str:
    """As text, whatever it is written in; what is no text becomes U+FFFD."""
    if raw[:2] in _UTF_16:
        return (raw + b"\x00" * (len(raw) % 2)).decode(_UTF_16[raw[:2]], "replace").lstrip("\ufeff")
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("utf-8", "replace")


def _paired(match: re.Match[str]) -> str:
    return match[0] if len(match[0]) != 6 else "\\ufffd"


def _opened(raw: bytes | str) -> int:
    """How many lists and objects the text opens: it has no more levels than that, and counting is cheap."""
    return raw.count(b"{") + raw.count(b"[") if isinstance(raw, bytes) else raw.count("{") + raw.count("[")


def depth(value: Any) -> int:
    """How deep lists and objects are nested, without recursion."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, level = stack.pop()
        if isinstance(item, dict):
            stack.extend((child, level + 1) for child in item.values())
        elif isinstance(item, list):
            stack.extend((child, level + 1) for child in item)
        else:
            continue
        deepest = max(deepest, level)
        if deepest > MAX_DEPTH:
            break
    return deepest


def clean_text(text: str) -> str:
    """Text as PostgreSQL can hold it: without NUL and lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
