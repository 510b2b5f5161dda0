"""XML and JSON events as one thing: a tree asked by local names, whatever namespace, prefix or letter case was sent."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from core.api import MalformedPayload, decode_json, parse_xml

_START = re.compile(r"<(?:[\w.-]+:)?(EventNotificationAlert|Plates)(?=[\s>/])", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#x[0-9a-f]{1,6};|amp;|lt;|gt;|quot;|apos;)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DEPTH = 24
_MAX_DOCUMENTS = 256
_MAX_MEMBERS = 20_000


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str, ...]:
    """The names of a path; the plugin asks for the same ones for ever."""
    return tuple(path.lower().split("/"))


class Tree:
    """One element or object. `text` is its own value, `children` its members by `key`, the lower-case local name.

    Not changed any more once it has been asked.
    """

    __slots__ = ("_below", "_first", "children", "key", "name", "text")

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.key = name.lower()
        self.text = text
        self.children: dict[str, list[Tree]] = {}
        self._first: dict[str, str] | None = None
        self._below: list[Tree] | None = None

    def all(self, path: str) -> list[Tree]:
        """Every element at a path of names below this one."""
        first, *rest = _steps(path)
        found = self.children.get(first, [])
        for step in rest:
            found = [deep for tree in found for deep in tree.children.get(step, ())]
        return found

    def get(self, *paths: str) -> str:
        """The text at the first path that has any."""
        for path in paths:
            for tree in self.all(path):
                if tree.text:
                    return tree.text
        return ""

    def has(self, *paths: str) -> bool:
        """Whether an element stands at one of the paths, empty or not."""
        return any(self.all(path) for path in paths)

    def anywhere(self, *names: str) -> str:
        """The text of the first element below this one, at any depth, that has one of the names; names in order."""
        if self._first is None:
            self._first = {}
            for tree in self.walk():
                if tree.text:
                    self._first.setdefault(tree.key, tree.text)
        return next((text for name in names if (text := self._first.get(name.lower()))), "")

    def walk(self) -> list[Tree]:
        """All elements below this one, parents before their members."""
        if self._below is None:
            self._below = []
            stack = [self]
            while stack:
                tree = stack.pop()
                if tree is not self:
                    self._below.append(tree)
                if tree.children:
                    stack.extend(reversed([child for children in tree.children.values() for child in children]))
        return self._below

    def add(self, child: Tree) -> None:
        """Append a member."""
        self.children.setdefault(child.key, []).append(child)


def read_documents(text: str) -> list[Tree]:
    """The events in one body or part: JSON, or one or several XML documents with anything between them.

    Part headers leak into the text of some firmwares, and trailing bytes follow the root: only what stands between the
    root's tags counts. A document cut short costs only itself. Raises MalformedPayload when none can be read.
    """
    body = text.lstrip("\ufeff\x00 \r\n\t")
    if body[:1] in ("{", "["):
        return _read_json(body)
    starts = list(_START.finditer(body))
    if not starts:
        brace = body.find("{")  # JSON behind leaked part headers
        if "<" not in body and brace > 0:
            return _read_json(body[brace:])
        return [_read_xml(body)]
    if len(starts) > _MAX_DOCUMENTS:
        raise MalformedPayload(f"more than {_MAX_DOCUMENTS} XML documents in one body")
    found: list[Tree] = []
    broken: MalformedPayload | None = None
    for number, start in enumerate(starts):
        limit = starts[number + 1].start() if number + 1 < len(starts) else len(body)
        end = re.compile(rf"</(?:[\w.-]+:)?{start.group(1)}\s*>", re.IGNORECASE).search(body, start.end(), limit)
        try:
            # an encoding named in the declaration was undone when the text was made
            found.append(_read_xml(body[start.start() : end.end() if end else limit]))
        except MalformedPayload as error:
            broken = broken or error
    if not found and broken is not None:
        raise broken
    return found


def _read_json(text: str) -> list[Tree]:
    if text.count(",") > _MAX_MEMBERS:  # base64 has no commas
        raise MalformedPayload(f"JSON with more than {_MAX_MEMBERS} members is no event")
    return _from_json(decode_json(text))


def _read_xml(text: str) -> Tree:
    """Names typed by people hold a bare "&", and firmwares let control characters through: neither costs the event."""
    root = parse_xml(_BARE_AMPERSAND.sub("&amp;", _CONTROL.sub("", text)))
    return _from_element(root.element, 0)


def _from_element(element: Any, depth: int) -> Tree:
    tree = Tree(element.tag.rpartition("}")[2].rpartition(":")[2], (element.text or "").strip())
    if depth < _DEPTH:
        for child in element:
            if isinstance(child.tag, str):  # no comment, no processing instruction
                tree.add(_from_element(child, depth + 1))
    return tree


def _from_json(value: Any) -> list[Tree]:
    if isinstance(value, list):
        return [tree for item in value for tree in _from_json(item)]
    if not isinstance(value, dict):
        raise MalformedPayload(f"expected a JSON object, got {type(value).__name__}")
    return [_tree("", value)]


def _tree(name: str, value: Any, depth: int = 0) -> Tree:
    if isinstance(value, dict):
        tree = Tree(name)
        for key, member in value.items():
            local = str(key).rpartition(":")[2]
            if local == "#text":  # XML turned into JSON by a relay: the text beside the attributes
                tree.text = "" if member is None else str(member).strip()
                continue
            for item in member if isinstance(member, list) else [member]:
                if depth < _DEPTH:
                    tree.add(_tree(local, item, depth + 1))
        return tree
    if value is None:
        return Tree(name)
    return Tree(name, str(value).lower() if isinstance(value, bool) else str(value).strip())
