"""What people type to find a plate: wildcards and look-alikes, turned into a pattern that is a bound value."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement

from core.domain.plates import normalise_plate
from core.problems import FieldError, Problem

LOOK_ALIKES = ("0OQD", "1ILT", "2Z", "5S", "6G", "8B", "4A", "UV")
"""Characters that cameras and people take for each other on Indonesian plates."""
_CLASS = {char: group for group in LOOK_ALIKES for char in group}
_JOKERS = re.compile(r"([*?]+)")


def plate_filter(column: ColumnElement[Any], typed: str, *, look_alike: bool = False) -> ColumnElement[bool]:
    """A condition for a plate as typed: `*` any characters, `?` exactly one; separators and case do not matter.

    Raises Problem(validation) when there is nothing but wildcards.
    """
    pieces = _JOKERS.split(typed)
    plain = [_piece(text) for text in pieces[::2]]
    jokers = pieces[1::2]
    if not any(plain):
        wanted = "expected at least one letter or digit beside * and ?"
        raise Problem("validation", errors=[FieldError("plate", wanted)])
    if not look_alike and not jokers:
        return column == plain[0]
    if not look_alike:
        pattern = plain[0]
        for joker, text in zip(jokers, plain[1:], strict=True):
            pattern += joker.replace("*", "%").replace("?", "_") + text
        return column.like(pattern)
    expression = "^" + _classes(plain[0])
    for joker, text in zip(jokers, plain[1:], strict=True):
        # "**" means what "*" means; a run of .* over a long text is what makes a pattern slow
        expression += ("." * joker.count("?")) + (".*" if "*" in joker else "") + _classes(text)
    return column.op("~")(expression + "$")


def _piece(text: str) -> str:
    """Letters and digits only, so that nothing in it means anything to LIKE or to a regular expression."""
    normal = normalise_plate(text)
    if normal is None:  # "NA" or "NONE" between wildcards are letters here, no sentinel
        normal = text.upper()
    return "".join(char for char in normal if char.isalnum())


def _classes(text: str) -> str:
    return "".join(f"[{_CLASS[char]}]" if char in _CLASS else char for char in text)
