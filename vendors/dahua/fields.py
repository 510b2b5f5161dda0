"""Fields by meaning: key lookup that ignores case and "_-", and readers for Dahua's loose values."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from core.api import normalise_plate, percent

_NO_WORD = frozenset(
    {"", "-", "--", "unknown", "unknow", "none", "null", "n/a", "na", "undefined", "invalid", "notsupport"}
)
_NUMBERS = (int, float, bool)
_NO_PLATE = frozenset({"无牌", "无牌车", "未识别", "未知车牌", "NOLICENSE", "NOTAVAILABLE", "FAIL"})
# Cyrillic and Greek capitals that OCR firmware writes for the Latin letter of the same shape.
_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX")


class Node:
    """A JSON object seen by folded keys. `at("SnapInfo/LanNo")` walks down, through the first object of a list."""

    __slots__ = ("_folded", "_nodes", "data")

    def __init__(self, data: Any) -> None:
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        self._folded: dict[str, Any] | None = None
        self._nodes: dict[str, Node] = {}

    def __bool__(self) -> bool:
        return bool(self.data)

    @property
    def folded(self) -> dict[str, Any]:
        """The object's fields by folded key."""
        if self._folded is None:
            self._folded = {fold(key): value for key, value in self.data.items()}
        return self._folded

    def at(self, *paths: str) -> Any:
        """The value at the first of the paths that holds any ("" and empty containers are none); None otherwise."""
        folded = self.folded
        for path in paths:
            above, last = _steps(path)
            if above:
                node = self
                for step in above:
                    if step not in node.folded:
                        break
                    node = node._below(step)
                else:
                    value = node.folded.get(last)
                    if value or value.__class__ in _NUMBERS:
                        return value
                continue
            value = folded.get(last)
            if value or value.__class__ in _NUMBERS:
                return value
        return None

    def node(self, *paths: str) -> Node:
        """The object at the first of the paths that has one; an empty Node otherwise."""
        for path in paths:
            above, last = _steps(path)
            node = self
            for step in (*above, last):
                node = node._below(step)
            if node.data:
                return node
        return Node(None)

    def nodes(self, *paths: str) -> list[Node]:
        """All objects at all of the paths; a list of objects counts as many."""
        found = []
        for path in paths:
            value = self.at(path)
            found += [Node(v) for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict) and v]
        return found

    def text(self, *paths: str) -> str:
        """The first of the paths that holds text or a number, as stripped text; "" otherwise."""
        for path in paths:
            if found := text(self.at(path)):
                return found
        return ""

    def word(self, *paths: str) -> str:
        """Like `text`, lower-cased; "Unknown", plain numbers and the like are no words."""
        for path in paths:
            found = text(self.at(path)).lower()
            if found not in _NO_WORD and not found.lstrip("-").isdigit():
                return found
        return ""

    def number(self, *paths: str) -> float | None:
        """The first of the paths that holds a finite number."""
        for path in paths:
            found = number(self.at(path))
            if found is not None:
                return found
        return None

    def _below(self, step: str) -> Node:
        node = self._nodes.get(step)
        if node is None:
            value = self.folded.get(step)
            if isinstance(value, list):
                value = next((v for v in value if isinstance(v, dict)), None)
            node = self._nodes[step] = Node(value)
        return node


@lru_cache(maxsize=2048)
def fold(key: str) -> str:
    """A key as it is compared: firmwares disagree on case, blanks and underscores."""
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[tuple[str, ...], str]:
    *above, last = (fold(step) for step in path.split("/"))
    return tuple(above), last


def text(value: Any) -> str:
    """A scalar as stripped text; the first scalar of a list; "" for objects, booleans and nothing."""
    if isinstance(value, list):
        value = next((v for v in value if isinstance(v, str | int | float)), None)
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, bool | dict | list):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python prints
        return ""


def number(value: Any) -> float | None:
    """A finite number, from a number or its text; None otherwise."""
    try:
        found = float(text(value))
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(value: Any) -> bool | None:
    """A JSON or text boolean; None when it is neither."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(text(value).lower())


@lru_cache(maxsize=4096)
def plate(raw: str) -> str | None:
    """The comparable plate, or None for "no plate".

    Thai plates arrive as UTF-8 read as Latin-1 ("à¸\\x81…"): undone. Cyrillic and Greek look-alikes become Latin.
    """
    written = _unscramble(raw)
    if written.startswith("<") and written.endswith(">"):
        return None  # a placeholder of the manual
    found = normalise_plate(written)
    if found is None or found in _NO_PLATE or not any(c.isalnum() for c in found):
        return None
    return found.translate(_LOOK_ALIKE)


def plate_confidence(value: Any) -> tuple[float | None, dict[str, Any]]:
    """0..100 and what to note: firmwares send up to 160, which is clamped and kept as `confidence_raw`.

    0 is what cameras send that report none: no plate is read with no confidence at all.
    """
    raw = number(value)
    if raw is None or raw == 0:
        return None, {}
    return percent(raw), {"confidence_raw": raw} if not 0 <= raw <= 100 else {}


def speed(value: float | None) -> float | None:
    """km/h; 0 and absurd values are what cameras without a radar send."""
    return value if value is not None and 0 < value <= 1000 else None


def lane(value: Any) -> str:
    """The lane as text; -1 is "none"."""
    found = text(value)
    return "" if found.startswith("-") or found.lower() in _NO_WORD else found[:10]


def _unscramble(raw: str) -> str:
    if raw.isascii():
        return raw
    try:
        scrambled = b"".join(_byte(c) for c in raw)
        return scrambled.decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return raw


def _byte(character: str) -> bytes:
    return bytes((ord(character),)) if ord(character) < 256 else character.encode("cp1252")
