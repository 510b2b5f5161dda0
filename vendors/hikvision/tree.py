"""XML and JSON events as one thing: a tree asked by local names, whatever namespace, prefix or letter case was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from core.api import MalformedPayload, XmlNode, decode_json, parse_xml

_START = re.compile(r"<(?:[\w.-]+:)?EventNotificationAlert[\s>/]")
_END = re.compile(r"</(?:[\w.-]+:)?EventNotificationAlert\s*>")
_DEPTH = 24


class Tree:
    """One element or object. `text` is its own value, `children` its members by lower-case local name."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.text = text
        self.children: dict[str, list[Tree]] = {}

    def all(self, path: str) -> list[Tree]:
        """Every element at a path of names below this one."""
        found = [self]
        for step in path.lower().split("/"):
            found = [child for tree in found for child in tree.children.get(step, ())]
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

    def walk(self) -> Iterator[Tree]:
        """All elements below this one, in order."""
        stack = [self]
        while stack:
            tree = stack.pop()
            below = [child for children in tree.children.values() for child in children]
            yield from below
            stack.extend(below)

    def add(self, child: Tree) -> None:
        """Append a member."""
        self.children.setdefault(child.name.lower(), []).append(child)


def read_documents(text: str) -> list[Tree]:
    """The events in one body or part: JSON, or one or several XML documents with anything between them.

    Part headers leak into the text of some firmwares, and trailing bytes follow the root: only what stands between the
    root's tags counts. Raises MalformedPayload.
    """
    body = text.lstrip("\ufeff\x00 \r\n\t")
    if body[:1] in ("{", "["):
        return _from_json(decode_json(body))
    starts = [match.start() for match in _START.finditer(body)]
    if not starts:
        return [_from_xml(parse_xml(body))]
    found = []
    for number, start in enumerate(starts):
        limit = starts[number + 1] if number + 1 < len(starts) else len(body)
        end = _END.search(body, start, limit)
        # an encoding named in the declaration was undone when the text was made
        found.append(_from_xml(parse_xml(body[start : end.end() if end else limit])))
    return found


def _from_xml(node: XmlNode, depth: int = 0) -> Tree:
    tree = Tree(node.name, node.text)
    if depth < _DEPTH:
        for child in node.children():
            tree.add(_from_xml(child, depth + 1))
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
            for item in member if isinstance(member, list) else [member]:
                if depth < _DEPTH:
                    tree.add(_tree(str(key), item, depth + 1))
        return tree
    if value is None:
        return Tree(name)
    return Tree(name, str(value).lower() if isinstance(value, bool) else str(value).strip())
