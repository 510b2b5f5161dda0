"""What Uniview's and GA/T 1400's words and codes mean. The GA tables are from documents only."""

from __future__ import annotations

from core.api import Direction

STATUS = ("videoloss", "disk", "storage", "ipconflict", "macconflict", "network", "temperature", "fan", "offline",
          "online", "reboot", "recorderror", "recordexception")  # fmt: skip
"""Parts of an AlarmType that is news about the device itself."""
_NOTHING = frozenset({"", "-", "--", "unknown", "none", "null", "n/a", "other", "others"})
_COLORS = {"1": "black", "2": "white", "3": "gray", "4": "red", "5": "blue", "6": "yellow", "7": "orange", "8": "brown",
           "9": "green", "10": "purple", "11": "cyan", "12": "pink"}  # fmt: skip
_CLASSES = (("k1", "bus"), ("k2", "minibus"), ("k", "car"), ("h", "truck"), ("q", "truck"), ("b", "trailer"),
            ("g", "trailer"), ("m", "motorcycle"), ("n", "three-wheel"), ("d", "bus"))  # fmt: skip
_DIRECTIONS: dict[str, Direction] = {
    "approach": "approach", "approaching": "approach", "forward": "approach", "head": "approach",
    "depart": "depart", "departing": "depart", "away": "depart", "leave": "depart", "reverse": "depart",
    "tail": "depart", "in": "in", "enter": "in", "entry": "in", "out": "out", "exit": "out",
}  # fmt: skip


def told(text: str, *, lower: bool = True) -> str:
    """A word; "" for the numbers of LAPI (998, 100, "99"), whose table is not public."""
    if text.lower() in _NOTHING or text.lstrip("-").isdigit():
        return ""
    return text.lower() if lower else text


def color(text: str, *, coded: bool) -> str:
    """A colour by name, or by its GA/T 1400 code where the field is one (`coded`)."""
    return (coded and _COLORS.get(text.lstrip("0") or "0")) or told(text)


def vehicle_type(text: str) -> str:
    """A type by name, or by its GA class ("K33" is a small car)."""
    if len(text) == 3 and text[:1].isalpha() and text[1:].isdigit():
        return next((word for head, word in _CLASSES if text.lower().startswith(head)), text.lower())
    return told(text)


def direction(text: str) -> Direction:
    """Of words only: the numbers of both forms are compass codes."""
    return _DIRECTIONS.get(text.strip().lower(), "unknown")
