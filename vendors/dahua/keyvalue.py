"""snapManager's text: `Events[0].TrafficCar.PlateNumber=B1234XYZ` lines, read into the objects they spell."""

from __future__ import annotations

import re
from typing import Any

_PREFIX = re.compile(r"(?:\w{1,40}\.)?\w{0,40}events?(?:\[(\d{1,6})\])?\.", re.IGNORECASE)
_LONGEST_KEY = 400
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
_DEEPEST = 24
_MOST_LINES = 20_000


def read(text: str) -> list[dict[str, Any]]:
    """One object for each event index (`Events[n].`, `ReturnEvents[n].`, or no prefix at all: one event).

    Values stay text, without blanks around them; they may be empty or contain "=". [] when no line is key=value.
    """
    events: dict[int, dict[Any, Any]] = {}
    for line in text.splitlines()[:_MOST_LINES]:
        path, equals, value = line.partition("=")
        path = path.strip()
        if not equals or not path or len(path) > _LONGEST_KEY or not (path[0].isalpha() or path[0] == "_"):
            continue
        number = 0
        if prefix := _PREFIX.match(path):
            number, path = int(prefix.group(1) or 0), path[prefix.end() :]
        steps = [name.strip() if name else int(index) for name, index in _STEP.findall(path)][:_DEEPEST]
        if steps:
            _put(events.setdefault(number, {}), steps, value.strip())
    return [_lists(events[number]) for number in sorted(events)]


def _put(target: dict[Any, Any], steps: list[str | int], value: str) -> None:
    for step in steps[:-1]:
        below = target.get(step)
        if not isinstance(below, dict):  # `A=1` before `A.B=2`: the object says more
            below = target[step] = {}
        target = below
    if not isinstance(target.get(steps[-1]), dict):
        target[steps[-1]] = value


def _lists(value: Any) -> Any:
    """Objects whose keys are all indices become lists, in order; gaps close."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_lists(value[key]) for key in sorted(value)]
    return {str(key): _lists(child) for key, child in value.items()}
