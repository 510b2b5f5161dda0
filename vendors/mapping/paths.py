"""Path expressions: where in a decoded body a field stands.

plate.text          names, joined by dots or slashes; compared by letters and digits, whatever their case
results[0].plate    an element of a list, counted from 0, from the end with -1
vehicles[*].plate   all elements, in their order
['a.b'].c           a name with dots in it
$.time              from the top of the body, where a vehicle of `each` would come first
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from core.api import Fields

_STEP = re.compile(
    r"""[./]?(?:\[\s*(?:(?P<index>-?\d{1,4})|(?P<all>\*)|'(?P<single>[^']+)'|"(?P<double>[^"]+)")\s*\]"""
    r"""|(?P<name>[^./\[\]'"]+))"""
)
_MOST_FOUND = 500


class Path(msgspec.Struct, frozen=True):
    """steps: a name, an index, or None for all elements; from_top: not relative to a vehicle."""

    steps: tuple[str | int | None, ...]
    from_top: bool

    def find(self, root: Any) -> list[Any]:
        """Everything that stands at the path, in order; null and "" too."""
        here = [root]
        for step in self.steps:
            here = [value for node in here for value in _step(node, step)][:_MOST_FOUND]
        return here


@lru_cache(maxsize=1024)
def compile_path(text: str) -> Path:
    """Raises ValueError saying where the expression cannot be understood."""
    rest = text.strip()
    from_top = rest.startswith("$")
    rest = rest[1:] if from_top else rest
    steps: list[str | int | None] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None or (at == 0 and not from_top and rest[0] in "./"):
            raise ValueError(f"path {text!r} cannot be understood at {rest[at:]!r} (docs: vendors/mapping/doc.md)")
        name = match["single"] or match["double"] or match["name"]
        steps.append(None if match["all"] else int(match["index"]) if match["index"] else name.strip())
        at = match.end()
    if not steps:
        raise ValueError(f"path {text!r} names nothing")
    return Path(tuple(steps), from_top)


def _step(node: Any, step: str | int | None) -> list[Any]:
    if isinstance(step, str):
        if isinstance(node, list) and node:  # one element where several may be is the same thing in XML
            node = node[0]
        if not isinstance(node, dict):
            return []
        fields = Fields(node)
        return [node[step]] if step in node else [fields.value(step)] if fields.has(step) else []
    if node is None or node == "":
        return []
    items = node if isinstance(node, list) else [node]
    if step is None:
        return list(items)
    return [items[step]] if -len(items) <= step < len(items) else []
