"""Capture times of bodies without a document: a text with or without zone, an epoch in any unit, date and time apart.

Trusted as written. Indonesian forms are read too: day first (02-03-2026), WIB, WITA, WIT behind the digits.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from core.api import CaptureTime, Device, read_epoch, read_time
from vendors.generic.tree import Scope
from vendors.generic.words import DATE, TIME, TIME_ZONE, Field

_UNITS: dict[int, Literal["s", "ms", "us", "ns"]] = {9: "s", 10: "s", 12: "ms", 13: "ms", 16: "us", 19: "ns"}
_NUMBER = re.compile(r"(\d+)(?:\.\d+)?")
PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
"""What most clients write: core's reader needs no help with it."""
_DATE_ONLY = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_TIME_ONLY = re.compile(
    r"\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d{1,9})?)?(?:\s*(?:Z|[+-]\d{1,2}:?\d{0,2}|WIB|WITA|WIT))?", re.I
)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T\s,]+(.*))?", re.DOTALL)
_YEAR_DOTS = re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})(.*)", re.DOTALL)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-]\d{1,2}(?::?\d{2})?)|(Z|UTC|GMT)", re.I)
_ZONED = re.compile(r"(?:Z|UTC|GMT|[+-]\d{1,2}:?\d{0,2})$", re.I)
_INDONESIAN = {"WIB": "+07:00", "WITA": "+08:00", "WIT": "+09:00"}
_LONGEST = 64
_UNREAD = CaptureTime(None, "receive", "")


def read_capture_time(
    scopes: list[Scope], device: Device, *, epoch_clock: Literal["utc", "wall"] = "utc"
) -> CaptureTime:
    """The first usable time, nearest to the plate first; source "receive" when there is none. Never raises."""
    unread = _UNREAD
    zone = _first_text(scopes, TIME_ZONE)
    offset = _offset(zone) if zone else ""
    for scope in scopes:
        for _, value in scope.values(TIME):
            text = _text(value)
            if not text:
                continue
            if PLAIN.fullmatch(text):
                time = read_time(text, device)
                if time.utc is not None:
                    return time
            if _TIME_ONLY.fullmatch(text):
                text = _with_date(text, _first_text(scopes, DATE))
            time = _read(text, device, offset, epoch_clock)
            if time.utc is not None:
                return time
            unread = unread if unread.raw else time
    date = _first_text(scopes, DATE)
    if date and not unread.raw:
        time = _read(date, device, offset, epoch_clock)  # some clients call the whole time "date"
        return time if time.utc is not None else CaptureTime(None, "receive", date)
    return unread


def _read(text: str, device: Device, offset: str, epoch_clock: Literal["utc", "wall"]) -> CaptureTime:
    number = _NUMBER.fullmatch(text)
    if number is not None:
        # by the number of digits: 14 and 17 are yyyyMMddHHmmss[mmm]
        unit = _UNITS.get(len(number[1]))
        if unit is not None:
            return read_epoch(text, device, unit=unit, clock=epoch_clock)
    if _DATE_ONLY.fullmatch(text):
        return CaptureTime(None, "receive", text)  # midnight would be a time nobody measured
    plain = _normalised(text)
    if offset and not _ZONED.search(plain[10:]):
        plain += offset
    time = read_time(plain, device)
    return CaptureTime(time.utc, time.source, text)


def _normalised(text: str) -> str:
    """Year first, dashes, a numeric offset."""
    head, _, last = text.rpartition(" ")
    if last.upper() in _INDONESIAN and head:
        text = head.rstrip() + _INDONESIAN[last.upper()]
    day_first = _DAY_FIRST.fullmatch(text)
    if day_first is not None:
        day, month, year, rest = day_first.groups()
        if int(month) > 12 >= int(day):
            day, month = month, day  # month first can only be meant where day first is impossible
        text = f"{year}-{month}-{day} {_colons(rest or '')}"
    dotted = _YEAR_DOTS.fullmatch(text)
    return f"{dotted[1]}-{dotted[2]}-{dotted[3]}{dotted[4]}" if dotted is not None else text


def _colons(clock: str) -> str:
    """ "17.20.00", as clocks are written in Indonesia."""
    return re.sub(r"^(\d{1,2})\.(\d{2})(?:\.(\d{2}))?", lambda m: ":".join(g for g in m.groups() if g), clock)


def _with_date(clock: str, date: str) -> str:
    return f"{date} {_colons(clock)}" if _DATE_ONLY.fullmatch(date) else clock


def _offset(text: str) -> str:
    if text.upper() in _INDONESIAN:
        return _INDONESIAN[text.upper()]
    match = _OFFSET.fullmatch(text)
    return "" if match is None else (match[1] or "Z")


def _first_text(scopes: list[Scope], field: Field) -> str:
    for scope in scopes:
        if field.number not in scope.layout:
            continue
        for _, value in scope.values(field):
            if text := _text(value):
                return text
    return ""


def _text(value: Any) -> str:
    if type(value) is str:
        return value[: _LONGEST + 1].strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if isinstance(value, float):
        return f"{value:f}" if abs(value) < 1e20 else ""
    return str(value)[: _LONGEST + 1] if abs(value) < 10**30 else ""
