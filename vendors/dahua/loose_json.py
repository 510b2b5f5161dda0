"""JSON as firmwares print it: its end inside a longer text, and what can be mended of a broken or cut-off one."""

from __future__ import annotations

import re
from typing import Any

from core.api import MalformedPayload, decode_json

# A string that never ends takes the rest of the text: without that, searching on would be quadratic.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_TOKEN = re.compile(_STRING + r"|[{}\[\],]", re.DOTALL)
_STRING_OR_REST = re.compile(rf'({_STRING})|([^"]+)', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_NOT_A_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:nan|inf(?:inity)?)(?:\([^)]{0,20}\))?(?![\w.])", re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_BETWEEN = re.compile(r"[\s,;\x00]*")
_MOST_VALUES = 512
_CONTROL = re.compile(r"[\x00-\x1f]")


def end_of(text: str, start: int) -> int:
    """Where the object or list that begins at `start` ends; -1 when it never does. Brackets in strings do not count."""
    open_brackets = 0
    for token in _TOKEN.finditer(text, start):
        kind = token.group()[0]
        if kind in "{[":
            open_brackets += 1
        elif kind in "}]":
            open_brackets -= 1
            if open_brackets <= 0:
                return token.end()
    return -1


def read(text: str) -> Any:
    """Decode JSON, mending what firmwares get wrong. Raises MalformedPayload (of the unmended text) when that fails.

    Mended: nan and inf (jsoncpp prints them), a comma before a closing bracket, control characters and lone
    backslashes in strings (Windows paths), an object that was cut off (its complete fields are kept).
    """
    try:
        return decode_json(text)
    except MalformedPayload as error:
        mended = _STRING_OR_REST.sub(_mend, text)
        for attempt in (mended, _closed(mended)):
            try:
                return decode_json(_TRAILING_COMMA.sub(r"\1", attempt))
            except MalformedPayload:
                continue
        raise error from None


def read_all(text: str) -> list[Any]:
    """All values that stand one behind the other; only the last may be cut off. Raises MalformedPayload like `read`."""
    values: list[Any] = []
    at = 0
    while text[at : at + 1] in ("{", "[") and len(values) < _MOST_VALUES:
        stop = end_of(text, at)
        values.append(read(text[at:stop] if stop > 0 else text[at:]))
        if stop < 0:
            break
        at = _BETWEEN.match(text, stop).end()  # type: ignore[union-attr]
    return values


def _mend(match: re.Match[str]) -> str:
    string, rest = match.groups()
    if string:
        return _BAD_ESCAPE.sub(r"\\\\", _CONTROL.sub(lambda c: f"\\u{ord(c.group()):04x}", string))
    return _NOT_A_NUMBER.sub("null", rest)


def _closed(text: str) -> str:
    """Cut back to the last complete field and close what is open."""
    stack: list[str] = []
    cut, closers = 0, ""
    for token in _TOKEN.finditer(text):
        kind = token.group()[0]
        if kind in "{[":
            stack.append("}" if kind == "{" else "]")
        elif kind in "}]" and stack:
            stack.pop()
        elif kind == "," and stack:
            cut, closers = token.start(), "".join(reversed(stack[-80:]))
    return text[:cut] + closers
