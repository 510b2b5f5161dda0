"""Plate text: one way to normalise it, and what "no plate" looks like."""

from __future__ import annotations

import unicodedata

SENTINELS = frozenset(
    {
        "", "UNKNOWN", "NOPLATE", "UNLICENSED", "NA", "N/A", "NOTDEFINED", "NONE", "NULL", "NOTREAD", "UNREAD",
        "NOPLATES", "NOREAD", "UNDEFINED", "无车牌", "未知", "车牌",
    }
)  # fmt: skip
_DROPPED = {ord(c): None for c in " \t\r\n\u00a0\u200b\ufeff-–—.·•_{}[]()'\"`,:;|/\\*?"}
_COLOUR_PREFIX = "蓝黄白黑绿"
_PROVINCES = frozenset("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领警学港澳")


def normalise_plate(raw: str | None) -> str | None:
    """Return the plate as it is compared and sent: NFKC, upper case, no separators, digits folded to 0-9.

    None for "no plate" (`unknown`, `noPlate`, `unlicensed`, `--`, `-`, empty, …). Letters of other scripts stay.
    Old Chinese Hikvision firmware puts the plate's colour character in front; it is cut off only where a province
    character follows.
    """
    if raw is None:
        return None
    text = unicodedata.normalize("NFKC", str(raw)).upper().translate(_DROPPED)
    if text in SENTINELS:
        return None
    text = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in text)
    text = "".join(c for c in text if c.isprintable())
    if len(text) > 2 and text[0] in _COLOUR_PREFIX and text[1] in _PROVINCES:
        text = text[1:]
    return text[:20] or None


def within_one_edit(a: str, b: str) -> bool:
    """True when the two differ by at most one insertion, deletion or substitution."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    return a[i + 1 :] == b[i + 1 :] if len(a) == len(b) else a[i:] == b[i + 1 :]
