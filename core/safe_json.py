"""The one JSON reader for what devices send (T11): bounded depth, no surprises for PostgreSQL.

PostgreSQL's jsonb refuses \\u0000 and lone surrogates; a hundred thousand nested brackets overflow the stack.
"""

from __future__ import annotations

from typing import Any

import msgspec

from core.domain.errors import MalformedPayload

MAX_DEPTH = 64


def decode_json(data: bytes | memoryview | str) -> Any:
    """Decode JSON. Raises MalformedPayload with the place. Accepts a BOM and GB18030 text; NaN is refused."""
    raw: bytes | str = (
        data if isinstance(data, str) else bytes(data).removeprefix(b"\xef\xbb\xbf").rstrip(b"\x00 \r\n\t")
    )
    try:
        try:
            value = msgspec.json.decode(raw)
        except UnicodeDecodeError:
            value = msgspec.json.decode(bytes(raw).decode("gb18030") if not isinstance(raw, str) else raw)
        if _opened(raw) > MAX_DEPTH and depth(value) > MAX_DEPTH:
            raise MalformedPayload(f"JSON is nested deeper than {MAX_DEPTH} levels")
        return value
    except RecursionError:
        raise MalformedPayload(f"JSON is nested deeper than {MAX_DEPTH} levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedPayload(f"not JSON: {str(error)[:200]}") from None


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
