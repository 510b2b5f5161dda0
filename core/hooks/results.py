"""Is what a plugin returned what its hook promises? A Struct is not checked when it is made, so the host does it.

Checkers are compiled once from the annotations of the Structs; a plate read costs a few microseconds.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from core.domain.answers import Answer, Recognition
from core.domain.cases import CaseDraft, HttpRequest, SyncReceipt, Verdict
from core.domain.events import Health
from core.domain.extensions import PluginCommand, PluginPage, PluginRoute
from core.domain.frames import Box, Sighting
from core.domain.notices import Delivery
from core.domain.observations import Alarm, FrameCapture, PlateRead, Status

MAX_ITEMS = 10_000
_MOST_KINDS = 256
Check = Callable[[Any], str]
"""Returns what is wrong with a value ("" = nothing), without quoting it: values may hold plates."""

_RANGES: dict[tuple[type, str], tuple[float, float]] = {
    (PlateRead, "confidence"): (0.0, 100.0),
    (PlateRead, "speed_kmh"): (0.0, 1000.0),
    (Recognition, "confidence"): (0.0, 1.0),
    (Answer, "status"): (200, 599),
    (Sighting, "score"): (0.0, 1.0),
    **{(Box, side): (0.0, 1.0) for side in ("x", "y", "width", "height")},
}


def struct_check(cls: type[msgspec.Struct]) -> Check:
    """A checker for instances of exactly this Struct class."""
    hints = get_type_hints(cls)
    names = cls.__struct_fields__
    missing = len(names) - len(cls.__struct_defaults__)
    defaults = [object()] * missing + list(cls.__struct_defaults__)
    # A value that is the default, or of a type that needs no closer look, costs one comparison.
    fields = [
        (name, default, _harmless(hints[name]), _compile(hints[name]), _RANGES.get((cls, name)))
        for name, default in zip(names, defaults, strict=True)
    ]
    values = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
    title = cls.__name__
    closer: dict[tuple[type, ...], list[int]] = {}
    """Types of all fields -> the numbers of those whose values have to be looked at."""

    def check(value: Any) -> str:
        if not isinstance(value, cls):
            return f"expected {title}, got {type(value).__name__}"
        items = values(value)
        kinds = tuple(map(type, items))
        numbers = closer.get(kinds)
        if numbers is None:
            if len(closer) >= _MOST_KINDS:
                closer.clear()
            numbers = closer[kinds] = [n for n, kind in enumerate(kinds) if kind not in fields[n][2]]
        for number in numbers:
            item = items[number]
            name, default, _, field_check, bounds = fields[number]
            if item is default:
                continue
            wrong = field_check(item)
            if not wrong and bounds and not bounds[0] <= item <= bounds[1]:
                wrong = f"expected {bounds[0]:g} to {bounds[1]:g}"
            if wrong:
                return f"{title}.{name}: {wrong}"
        return ""

    return check


def _harmless(hint: Any) -> frozenset[type]:
    """Types whose every value fits the annotation."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return frozenset(m for m in members if m in (str, bytes, bool, memoryview, type(None)))


def _compile(hint: Any) -> Check:
    origin = get_origin(hint)
    if hint is Any or origin is dict:
        return _jsonable_dict if origin is dict else _jsonable
    if origin in (Union, types.UnionType):
        return _union(get_args(hint))
    if origin is Literal:
        return _one_of(get_args(hint))
    if origin is tuple:
        return _many(_compile(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return struct_check(hint)
    return _plain(hint)


def _plain(hint: type) -> Check:
    expected = f"expected {hint.__name__}"
    if hint is datetime:
        return lambda v: "" if isinstance(v, datetime) and v.tzinfo is not None else "expected a datetime with a zone"
    if hint is float:
        return lambda v: "" if type(v) in (float, int) and math.isfinite(v) else "expected a finite number"
    if hint is str or issubclass(hint, Enum):
        return lambda v: "" if isinstance(v, hint) else f"{expected}, got {type(v).__name__}"
    return lambda v: "" if type(v) is hint else f"{expected}, got {type(v).__name__}"


def _union(members: tuple[Any, ...]) -> Check:
    checks = [_compile(member) for member in members if member is not type(None)]
    nullable = type(None) in members

    def check(value: Any) -> str:
        if value is None and nullable:
            return ""
        wrong = ""
        for member in checks:
            wrong = member(value)
            if not wrong:
                return ""
        return wrong

    return check


def _one_of(allowed: tuple[Any, ...]) -> Check:
    listed = f"expected one of {', '.join(map(str, allowed))}"
    return lambda v: "" if isinstance(v, str) and v in allowed else listed


def _many(item: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, tuple | list):
            return f"expected a tuple, got {type(value).__name__}"
        for index, element in enumerate(value):
            if wrong := item(element):
                return f"[{index}] {wrong}"
        return ""

    return check


def _jsonable_dict(value: Any) -> str:
    if not isinstance(value, dict):
        return f"expected a dict, got {type(value).__name__}"
    return _jsonable(value) if value else ""


def _jsonable(value: Any) -> str:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        return f"expected JSON-able data ({error})"[:200]
    return ""


def _list_of(item: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, list | tuple):
            return f"expected a list, got {type(value).__name__}"
        if len(value) > MAX_ITEMS:
            return f"expected at most {MAX_ITEMS} items, got {len(value)}"
        for index, element in enumerate(value):
            if wrong := item(element):
                return f"[{index}] {wrong}"
        return ""

    return check


def _or_none(item: Check) -> Check:
    return lambda value: "" if value is None else item(value)


_OBSERVATIONS = {cls: struct_check(cls) for cls in (PlateRead, FrameCapture, Alarm, Status)}


def _observation(value: Any) -> str:
    check = _OBSERVATIONS.get(type(value))
    if check is None:
        return f"expected PlateRead, FrameCapture, Alarm or Status, got {type(value).__name__}"
    return check(value)


def _stream(value: Any) -> str:
    return "" if value is None or hasattr(value, "__next__") else f"expected an iterator, got {type(value).__name__}"


def _nothing(value: Any) -> str:
    return "" if value is None else f"expected None, got {type(value).__name__}"


CHECKS: dict[str, Check] = {
    "answers": _list_of(struct_check(Answer)),
    "parse_payload": _list_of(_observation),
    "recognise_payload": _or_none(struct_check(Recognition)),
    "judge_read": _or_none(struct_check(Verdict)),
    "classify_passage": _list_of(struct_check(CaseDraft)),
    "open_stream": _stream,
    "detect_frames": _list_of(_list_of(struct_check(Sighting))),
    "deliver_notice": struct_check(Delivery),
    "build_sync": struct_check(HttpRequest),
    "read_receipt": _or_none(struct_check(SyncReceipt)),
    "build_look_up": _or_none(struct_check(HttpRequest)),
    "push_sync": _or_none(struct_check(SyncReceipt)),
    "routes": _list_of(struct_check(PluginRoute)),
    "answer_route": _jsonable_dict,
    "pages": _list_of(struct_check(PluginPage)),
    "commands": _list_of(struct_check(PluginCommand)),
    "run_command": _plain(str),
    "observe_event": _nothing,
    "health": _or_none(struct_check(Health)),
    "close": lambda value: "",
}
"""Hook -> what is wrong with its result ("" = nothing)."""
