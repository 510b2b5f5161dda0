"""Dahua's clocks: `RealUTC` is true, `UTC` is the camera's wall clock counted as if it were UTC, texts are local."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from core.api import CaptureTime, Device, read_epoch, read_time
from vendors.dahua.fields import Node, number, text

_NEVER = CaptureTime(None, "receive", "")
_YEAR = 366 * 86400
_DAY_FIRST = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b(.*)$")

REAL = ("RealUTC", "EventBaseInfo/RealUTC", "TrafficCar/RealUTC", "Object/RealUTC")
WALL = ("UTC", "EventBaseInfo/UTC", "TrafficCar/UTC", "CommInfo/UTC", "Object/UTC", "NonMotor/UTC")
LOCAL = ("AccurateTime", "LocaleTime", "LocalTime", "SnapTime", "CaptureTime", "PassTime", "TriggerTime", "DateTime",
         "Timestamp", "EventTime", "AlarmTime", "Time")  # fmt: skip


def event_time(device: Device, *nodes: Node) -> CaptureTime:
    """The time of an event object; its envelope (the node behind it) is asked when it says nothing.

    A device whose rule is "wall_clock" is asked for `UTC` first: its zone is wrong, and so is its RealUTC.
    """
    unread = _NEVER
    for node in nodes:
        milliseconds = node.number("UTCMS", "EventBaseInfo/UTCMS", "TrafficCar/UTCMS") or 0.0
        real = _first_epoch(node, REAL, milliseconds, device, "utc")
        wall = _first_epoch(node, WALL, milliseconds, device, "wall")
        found = (wall or real) if device.time_rule == "wall_clock" else (real or wall)
        found = found or written_time(device, node, LOCAL)
        if found.utc is not None:
            return found
        unread = unread if unread.raw else found
    return unread


def written_time(device: Device, node: Node, keys: tuple[str, ...]) -> CaptureTime:
    """The first readable of the keys: local text (or with an offset), or a plain Unix time."""
    unread = _NEVER
    for key in keys:
        raw = node.text(key)
        if not raw:
            continue
        if number(raw) is not None and len(raw.partition(".")[0]) <= 13:
            found = epoch(raw, 0.0, device, "utc") or _NEVER
        else:
            found = read_time(raw, device)
            if found.utc is None and (match := _DAY_FIRST.match(raw)):  # access panels: "20-09-2019 18:40:16"
                day, month, year, rest = match.groups()
                found = read_time(f"{year}-{month}-{day}{rest}", device)
                found = CaptureTime(found.utc, found.source, raw)
        if found.utc is not None:
            return found
        unread = unread if unread.raw else found
    return unread


def epoch(value: object, milliseconds: float, device: Device, clock: Literal["utc", "wall"]) -> CaptureTime | None:
    """Unix time in s, ms or µs, told by size; `milliseconds` are added to whole seconds.

    None when it is none, or in 1970: the camera has not set its clock since it started.
    """
    raw = text(value)
    size = number(raw)
    if size is None or size < _YEAR:
        return None
    unit: Literal["s", "ms", "us"] = "s" if size < 1e11 else "ms" if size < 1e14 else "us"
    found = read_epoch(raw, device, unit=unit, clock=clock)
    if found.utc is None:
        return None
    if unit == "s" and size == int(size) and 0 < milliseconds < 1000:
        return CaptureTime(found.utc + timedelta(milliseconds=milliseconds), found.source, raw)
    return found


def _first_epoch(
    node: Node, keys: tuple[str, ...], milliseconds: float, device: Device, clock: Literal["utc", "wall"]
) -> CaptureTime | None:
    for key in keys:
        value = node.at(key)
        if value is None:
            continue
        found = epoch(value, milliseconds, device, clock)
        if found is None and number(value) is None and text(value):
            written = read_time(text(value), device)  # "UTC" : "2026-03-02 17:20:00": the wall clock, spelt out
            found = written if written.utc is not None else None
        if found is not None:
            return found
    return None
