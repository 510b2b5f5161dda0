"""What people type to find a plate: wildcards and look-alikes, turned into conditions of bound values.

Row-level security lets only leakproof operators reach an index: `=`, `<` and `>=` of a text do, LIKE and regular
expressions do not and are tried on each row. So whatever can be, is said as equality or as a range; the plate columns
have the collation "C", in which all texts with one beginning lie together whatever the database's language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_

from core.domain.plates import normalise_plate
from core.problems import FieldError, Problem

LOOK_ALIKES = ("0OQD", "1ILT", "2Z", "5S", "6G", "8B", "4A", "UV")
"""Characters that cameras and people take for each other on Indonesian plates."""
_CLASS = {char: group for group in LOOK_ALIKES for char in group}
_JOKERS = re.compile(r"([*?]+)")
MOST_PLATES = 1024
"""Spellings of a whole plate that are looked up one by one."""
MOST_STARTS = 64
"""Beginnings whose plates are looked through; each is a range of the index."""


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
    if not jokers:
        spellings = _spellings(plain[0], MOST_PLATES) if look_alike else [plain[0]]
        if len(spellings[0]) == len(plain[0]):
            return column.in_(spellings) if len(spellings) > 1 else column == spellings[0]
    starts = _spellings(plain[0], MOST_STARTS) if look_alike else [plain[0]]
    conditions = [_begins(column, starts)] if starts[0] else []
    if len(starts[0]) < len(plain[0]) or any(plain[1:]) or set(jokers) != {"*"}:
        conditions.append(_fits(column, plain, jokers, look_alike=look_alike))
    return and_(*conditions)


def plan_for_what_was_typed(connection: Connection) -> None:
    """Have the queries of this transaction planned with their values: `B*` and `DK12*` are one statement, and a plan
    that PostgreSQL makes for both at once (after ten of them) suits neither."""
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def _begins(column: ColumnElement[Any], starts: Sequence[str]) -> ColumnElement[bool]:
    """Any of the beginnings. The next character after a letter or digit is always one that UTF-8 can say."""
    return or_(*(and_(column >= start, column < start[:-1] + chr(ord(start[-1]) + 1)) for start in starts))


def _fits(column: ColumnElement[Any], plain: Sequence[str], jokers: Sequence[str], *, look_alike: bool) -> Any:
    """The whole of what was typed, for a look at each row."""
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


def _spellings(text: str, most: int) -> list[str]:
    """The text in all spellings that look like it; of as much of its beginning as makes no more than `most`."""
    found = [""]
    for char in text:
        group = _CLASS.get(char, char)
        if len(found) * len(group) > most:
            break
        found = [start + one for start in found for one in group]
    return found


def _piece(text: str) -> str:
    """Letters and digits only, so that nothing in it means anything to LIKE or to a regular expression."""
    normal = normalise_plate(text)
    if normal is None:  # "NA" or "NONE" between wildcards are letters here, no sentinel
        normal = text.upper()
    return "".join(char for char in normal if char.isalnum())


def _classes(text: str) -> str:
    return "".join(f"[{_CLASS[char]}]" if char in _CLASS else char for char in text)
