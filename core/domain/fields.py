"""Objects of decoded bodies as parsers look at them: keys by meaning of letters, absent in all its spellings.

Makes and their firmwares disagree on letter case, on `_` and `-`, and on null, "" and a missing key for the same
nothing; a relay wraps the whole thing once more. A dialect names its fields once and reads them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

MAX_WALK = 64
_NOT_ALNUM = re.compile(r"[^a-z0-9]")
_NUMBER = re.compile(r"\s*([+-]?\d{1,15}(?:[.,]\d{1,20})?(?:[eE][+-]?\d)?)\s*(?:%|[A-Za-z/]{0,6})\s*")


@lru_cache(maxsize=4096)
def fold(key: str) -> str:
    """Letters and digits of a key in lower case: `camera_id`, `CameraId` and `camera-ID` are one."""
    return _NOT_ALNUM.sub("", key[:100].lower())


class Fields:
    """An object of a JSON body, a form, or an XML element made a tree. A path is a name, or names joined by `/`.

    Every getter takes several paths and answers with the first that holds something: null, "" and blanks hold nothing.
    """

    __slots__ = ("_keys", "raw")

    def __init__(self, raw: Any) -> None:
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self._keys: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        return bool(self.raw)

    def value(self, *paths: str) -> Any:
        """What stands at the first path that holds something; None for none."""
        for path in paths:
            here: Any = self
            for step in path.split("/"):
                if isinstance(here, dict):
                    here = Fields(here)
                here = here._at(step) if isinstance(here, Fields) else None
            if not _absent(here):
                return here
        return None

    def has(self, *names: str) -> bool:
        """Whether one of the keys is there at all, be it empty."""
        self._at("")
        return any(fold(name) in (self._keys or {}) for name in names)

    def text(self, *paths: str) -> str:
        """A scalar as text without blanks around it, "" for none; true and false as such, 7.0 as "7"."""
        for path in paths:
            if text := as_text(self.value(path)):
                return text
        return ""

    def number(self, *paths: str) -> float | None:
        """A number, or one written as text, with a decimal comma or a unit behind it."""
        for path in paths:
            match = _NUMBER.fullmatch(self.text(path)[:60])
            if match is not None:
                return float(match[1].replace(",", "."))
        return None

    def node(self, *paths: str) -> Fields:
        """The object at the first path that holds one; an empty one for none."""
        return next((found for path in paths for found in self.nodes(path)), Fields({}))

    def nodes(self, *paths: str) -> list[Fields]:
        """The objects of a list, or the one object, at the first path that holds any."""
        for path in paths:
            value = self.value(path)
            found = [Fields(one) for one in (value if isinstance(value, list) else (value,)) if isinstance(one, dict)]
            if found:
                return found
        return []

    def walk(self) -> Iterator[Fields]:
        """This object and every one below it, in the order of the body."""
        return objects(self.raw)

    def _at(self, name: str) -> Any:
        if self._keys is None:
            self._keys = {}
            for key, value in self.raw.items():
                folded = fold(key) if isinstance(key, str) else ""
                if _absent(self._keys.get(folded)):
                    self._keys[folded] = value
        return self._keys.get(fold(name))


def objects(root: Any, depth: int = 0) -> Iterator[Fields]:
    """Every object of a decoded body, those around before those inside."""
    if depth > MAX_WALK:
        return
    if isinstance(root, dict):
        yield Fields(root)
        for value in root.values():
            if isinstance(value, dict | list):
                yield from objects(value, depth + 1)
    elif isinstance(root, list):
        for item in root:
            if isinstance(item, dict | list):
                yield from objects(item, depth + 1)


def records(root: Any, *names: str) -> Iterator[Fields]:
    """The outermost objects that have one of the keys, in the order of the body.

    Each has what the objects around it say beside it (time, camera), unless it says so itself; the nearest counts.
    """
    return _records(root, names, {}, 0)


def named_values(root: Any) -> dict[str, str]:
    """The Name and Value pairs below (ONVIF's SimpleItem) as an object; of equal names the first with a value."""
    found: dict[str, str] = {}
    for node in objects(root):
        name = node.text("name")
        if name and node.has("value") and not found.get(name):
            found[name] = node.text("value")
    return found


def _records(root: Any, names: tuple[str, ...], around: dict[str, Any], depth: int) -> Iterator[Fields]:
    if isinstance(root, list) and depth <= MAX_WALK:
        for item in root:
            yield from _records(item, names, around, depth + 1)
    elif isinstance(root, dict) and depth <= MAX_WALK:
        if Fields(root).has(*names):
            yield Fields(_beside(root, around))
            return
        lent: dict[str, Any] | None = None
        for value in root.values():
            if isinstance(value, dict | list):
                if lent is None:
                    lent = _beside({k: v for k, v in root.items() if not isinstance(v, dict | list)}, around)
                yield from _records(value, names, lent, depth + 1)


def _beside(own: dict[str, Any], around: dict[str, Any]) -> dict[str, Any]:
    if not around:
        return own
    said = {fold(str(key)) for key, value in own.items() if not _absent(value)}
    return own | {key: value for key, value in around.items() if fold(str(key)) not in said}


def as_text(value: Any) -> str:
    """A scalar as text; "" for anything else. Of an element with attributes, its own text."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""
    return as_text(value["#text"]) if isinstance(value, dict) and isinstance(value.get("#text"), str) else ""


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))
