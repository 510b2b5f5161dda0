"""Keeps plates, keys and exact places out of logs: whatever a log line is made of goes through `redact`.

Keys, tokens and passwords never appear, at any level. Plates become B****XYZ and coordinates three decimals (about
100 m) at info and above; at debug they stay, since debug is switched on to look at them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

HIDDEN = "***"
MAX_DEPTH = 8
MAX_TEXT = 20_000

_SECRET_KEY = re.compile(
    r"(^|[_-])(key|keys|api_?key|x_api_key|token|secret|secrets|password|passwd|pwd|authorization|credential|cookie|ha1)s?$",
    re.IGNORECASE,
)
_PLATE_KEY = re.compile(r"plate", re.IGNORECASE)
_PLACE_KEY = re.compile(r"^(lat|lng|lon|latitude|longitude|.*_(lat|lng|lon|latitude|longitude))$", re.IGNORECASE)
_OPAQUE = frozenset(
    {
        "trace",
        "time",
        "level",
        "logger",
        "sha256",
        "instance",
        "hook",
        "device",
        "device_code",
        "vendor",
        "vendor_code",
        "idempotency_key",
        "plates",
        "secret_headers",
    }
)
"""Fields that hold nothing secret by their making, and would only lose letters."""

_WORDS = r"(?:x[-_]api[-_]key|api[-_ ]?key|[\w-]*token|[\w-]*secret|password|passwd|pwd|key|credential|ha1|response)"
_QUOTE = r"""\\*['"]"""  # a traceback quotes source lines, where quotes have backslashes
_SIGN = rf"(?:{_QUOTE})?\s*[=:]\s*b?(?:{_QUOTE})?"
_SECRET_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\btk_[A-Za-z0-9_-]{4,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"), HIDDEN),
    (re.compile(r"\$argon2\w*\$[^\s'\"]+"), HIDDEN),
    (re.compile(rf"(?i)\b((?:proxy-)?authorization{_SIGN})(?!\s)[^\r\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+(?=\S*[\d=+/._-])[\w+/=.~-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"""(?i)(\b{_WORDS}{_SIGN})(?![\s'"\\,&;)\]}}])[^\s'"\\,&;)\]}}]+"""), rf"\1{HIDDEN}"),
    (re.compile(r"(://[^/@:\s]*):[^/\s]*@"), rf"\1:{HIDDEN}@"),
)
_GAP = r"(?:%20|[ +_.\-])?"
_PLATE = re.compile(
    rf"(?<![A-Za-z0-9])([A-Z]{{1,2}}){_GAP}(\d{{1,4}}){_GAP}([A-Z]{{1,3}})(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9])([a-z]{1,2})(\d{3,4})([a-z]{1,3})(?![A-Za-z0-9])"
)
_PLATE_FIELD = re.compile(rf"(?i)(plate\w*{_SIGN})(?!None\b|null\b)([\w .%+·-]+)")
_PLACE_PAIR = re.compile(r"(-?\d{1,3}\.\d{3})\d+(\s*[,; ]\s*)(-?\d{1,3}\.\d{3})\d+")
_PLACE_FIELD = re.compile(r"(?i)((?:lat|lng|lon)(?:itude)?['\"]?\s*[=:]\s*['\"]?-?\d{1,3}\.\d{3})\d+")


def mask_plate(plate: str) -> str:
    """B1234XYZ -> B****XYZ: region and series letters stay. **** for a plate of any other form."""
    match = re.fullmatch(r"([A-Z]{1,2})\d{1,4}([A-Z]{0,3})", re.sub(r"[^A-Z0-9]", "", plate.upper()))
    return f"{match[1]}****{match[2]}" if match else "****"


def redact_text(text: str, *, plates: bool = True) -> str:
    """Text with secrets hidden, and with plates and places blurred where `plates`."""
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    if plates:
        text = _PLATE_FIELD.sub(lambda m: m[1] + mask_plate(m[2]), text)
        text = _PLATE.sub(lambda m: f"{m[1] or m[4]}****{m[3] or m[6]}", text)
        text = _PLACE_PAIR.sub(r"\1\2\3", text)
        text = _PLACE_FIELD.sub(r"\1", text)
    return text


def redact(value: Any, key: str = "", *, plates: bool = True, depth: int = 0) -> Any:
    """Any log value as plain data fit for a log: dicts and lists are walked, other objects become redacted text."""
    if key and _SECRET_KEY.search(key) and key not in _OPAQUE:
        return HIDDEN if value else value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3) if plates and _PLACE_KEY.match(key) else value
    if isinstance(value, str):
        if plates and key and _PLATE_KEY.search(key) and key not in _OPAQUE:
            return mask_plate(value) if value else value
        return value if key in _OPAQUE else redact_text(value, plates=plates)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            redact_text(str(name), plates=plates): redact(item, str(name), plates=plates, depth=depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, key, plates=plates, depth=depth + 1) for item in value]
    try:
        return redact(str(value), key, plates=plates, depth=depth + 1)
    except Exception:  # a broken __str__ must not cost the line
        return f"<{type(value).__name__}>"
