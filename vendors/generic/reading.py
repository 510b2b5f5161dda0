"""From a vehicle found in a body to a PlateRead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

import msgspec

from core.api import (
    Device,
    DeviceHint,
    Direction,
    Image,
    PlateRead,
    PluginConfig,
    ViolationType,
    normalise_plate,
    percent,
)
from vendors.generic import words
from vendors.generic.clock import read_capture_time
from vendors.generic.tree import Chain, Form, Scope, at, plate_text
from vendors.generic.words import fold

_MOST_KMH = 1000
_UNIT_KMH = {"mph": words.KMH_PER_MILE, "mih": words.KMH_PER_MILE, "ms": 3.6, "mps": 3.6}
_NUMBER = re.compile(r"\s*([+-]?\d{1,15}(?:[.,]\d{1,20})?(?:[eE][+-]?\d)?)\s*[A-Za-z%/.]{0,10}\s*")
LONGEST_WORD = 100
_MAX_EXTRA = 32
_LONGEST_EXTRA = 300
Named = Iterable[tuple[str, Any]]
"""(folded key, value) of all that could be a field, the most telling first."""
_encode = msgspec.json.Encoder().encode
_EVENT, _RETRANSMITTED, _SERIAL, _CHANNEL, _IP, _MAC, _NAME, _LANE, _VEHICLE_TYPE, _VEHICLE_COLOR, _PLATE_COLOR, \
    _VEHICLE_BRAND, _COUNTRY, _SPEED_UNIT = (field.number for field in words.TEXTS)  # fmt: skip
_HEARTBEAT_KEYS = {*words.EVENT.names, *words.EVENT.bare, "status", "message", "msg", "cmd", "command"}


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this site's clients write what bodies leave open; a device's settings (`generic`) override each.

    confidence   "percent" or "fraction" for clients that are known; "auto": 0-100 as documented, with a value between
                 0 and 1 taken for a fraction (nobody reports half a percent). `confidence: 1` stays one percent: sent
                 to a person at worst, where the other guess would accept a bad read
    epoch_clock  "wall" for devices that count their local digits as if they were UTC
    """

    confidence: Literal["auto", "percent", "fraction"] = "auto"
    epoch_clock: Literal["utc", "wall"] = "utc"


def read_vehicle(
    chain: Chain,
    scopes: list[Scope],
    images: tuple[Image, ...],
    device: Device,
    config: Config,
    *,
    ordinal: int = 0,
    own_scopes: int = 1,
    plate: tuple[str, str | None] | None = None,
) -> PlateRead:
    """One vehicle as a read.

    scopes      of the chain's objects, the vehicle's own first
    ordinal     of the vehicle in the body
    own_scopes  how many of the scopes hold no other vehicle
    plate       as written and normalised, where it was looked at before
    """
    if plate is None:
        written = plate_text(chain[-1]) or ""
        plate = written, normalise_plate(written)
    raw, number = plate
    time = read_capture_time(scopes, device, epoch_clock=config.epoch_clock)
    texts = _texts(scopes).get
    event = texts(_EVENT, "")
    event_id = _event_id(scopes if own_scopes == len(scopes) else scopes[:own_scopes])
    if not event_id and own_scopes < len(scopes):
        event_id = _event_id(scopes[own_scopes:], f"#{ordinal}")
    return PlateRead(
        event=event or "plate",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=event_id,
        retransmitted=texts(_RETRANSMITTED, "").lower() in words.YES,
        hint=DeviceHint(
            serial=texts(_SERIAL, ""),
            channel=texts(_CHANNEL, ""),
            ip=texts(_IP, ""),
            mac=texts(_MAC, ""),
            name=texts(_NAME, ""),
        ),
        images=images,
        direction=_direction(scopes),
        lane_no=texts(_LANE, ""),
        vehicle_type=texts(_VEHICLE_TYPE, "").lower(),
        vehicle_color=texts(_VEHICLE_COLOR, "").lower(),
        plate_number=number,
        plate_raw=raw,
        confidence=_confidence(scopes, config.confidence),
        plate_color=texts(_PLATE_COLOR, "").lower(),
        speed_kmh=_speed(scopes, texts(_SPEED_UNIT, "")),
        vehicle_brand=texts(_VEHICLE_BRAND, ""),
        country=texts(_COUNTRY, ""),
        offences=_offences(scopes, event),
        extra=_extra(chain) if len(chain) > 1 else extra_alone(chain[0], scopes[0].form),
    )


def is_heartbeat(root: Any) -> bool:
    """Whether a body without a vehicle says of itself that it is a sign of life."""
    if not isinstance(root, dict):
        return False
    return any(
        fold(key) in words.HEARTBEATS
        or (fold(key) in _HEARTBEAT_KEYS and isinstance(value, str) and fold(value) in words.HEARTBEATS)
        for key, value in root.items()
    )


def _event_id(scopes: list[Scope], suffix: str = "") -> str:
    """Several vehicles under one event id are no repeats of each other: each gets a suffix of its own."""
    text = event_id_of([pair for scope in scopes for pair in scope.values(words.EVENT_ID)])
    return text + suffix if text else ""


def event_id_of(values: Named) -> str:
    """The first scalar that is not blank, "" when it says that there is none."""
    for _, value in values:
        text = scalar(value)
        if text:
            return "" if text.lower() in words.NO_ID else text
    return ""


def _texts(scopes: list[Scope]) -> dict[int, str]:
    """By number, the first text that is not blank of each of words.TEXTS that has one."""
    found: dict[int, str] = {}
    for scope in scopes:
        node = scope.node
        for number, places in scope.form.texts:
            if number in found:
                continue
            for place in places:
                value = node[place] if isinstance(place, str) else at(node, place)
                text = value.strip()[:LONGEST_WORD] if type(value) is str else scalar(value)
                if text:
                    found[number] = text
                    break
    return found


def scalar(value: Any) -> str:
    """A text, a number or a truth as text, cut; "" for what is none of them."""
    if type(value) is str:
        return value.strip()[:LONGEST_WORD]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    return str(value) if isinstance(value, int) and abs(value) < 10**30 else ""


def _number(value: Any) -> float | None:
    """A number that may carry a unit or a decimal comma: "92,5 %", "82 km/jam"."""
    if type(value) is float and 0.001 < abs(value) < 1e15:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = _NUMBER.fullmatch(value if isinstance(value, str) else str(value)[:60])
    return float(match[1].replace(",", ".")) if match is not None else None


def _confidence(scopes: list[Scope], scale: str) -> float | None:
    found = (confidence_of(scope.values(words.CONFIDENCE), scale) for scope in scopes)
    return next((number for number in found if number is not None), None)


def confidence_of(values: Named, scale: str) -> float | None:
    """0..100 of (folded key, value), the most telling first; None when none is a number. `scale` as in Config."""
    for name, value in values:
        number = _number(value)
        if number is None:
            continue
        says_percent = isinstance(value, str) and "%" in value
        fraction = scale == "fraction" or (
            scale == "auto" and (0 < number < 1 or (number == 1 and name in words.SCORES))
        )
        return percent(number, scale=1.0 if fraction and not says_percent else 100.0)
    return None


def _direction(scopes: list[Scope]) -> Direction:
    found = (direction_of(scope.values(words.DIRECTION)) for scope in scopes)
    return next((way for way in found if way != "unknown"), "unknown")


def direction_of(values: Named) -> Direction:
    """The first that is a word for a way."""
    for _, value in values:
        if isinstance(value, str):
            way = words.DIRECTIONS.get(fold(value))
            if way is not None:
                return way
    return "unknown"


def _speed(scopes: list[Scope], unit: str) -> float | None:
    for field, factor in ((words.SPEED, kmh_per(unit)), (words.SPEED_MPH, words.KMH_PER_MILE)):
        for scope in scopes:
            kmh = speed_of(scope.values(field), factor)
            if kmh is not None:
                return kmh
    return None


def kmh_per(unit: str) -> float:
    """How many km/h one of a unit is; km/h where it says nothing known."""
    return _UNIT_KMH.get(fold(unit), 1.0) if unit else 1.0


def speed_of(values: Named, factor: float) -> float | None:
    """km/h; None when not measured, or no vehicle's."""
    for _, value in values:
        written = fold(value)[-3:] if isinstance(value, str) else ""
        number = _number(value)
        kmh = -1.0 if number is None else round(number * (words.KMH_PER_MILE if written == "mph" else factor), 2)
        if 0 <= kmh <= _MOST_KMH:
            return kmh
    return None


def _offences(scopes: list[Scope], event: str) -> tuple[ViolationType, ...]:
    found = (claims_of(scope.values(words.VIOLATION)) for scope in scopes)
    return offences_of(next(filter(None, found), []), event)


def offences_of(claims: list[ViolationType], event: str) -> tuple[ViolationType, ...]:
    """What the body claims; an event's own name counts only where it is known."""
    named = words.VIOLATIONS.get(fold(event)) if event else None
    if named is None and not claims:
        return ()
    return tuple(dict.fromkeys(claims if named is None else [*claims, named]))


def claims_of(values: Named) -> list[ViolationType]:
    """A type nobody here knows is OTHER."""
    found: list[ViolationType] = []
    for _, value in values:
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                item = next((v for k, v in item.items() if fold(k) in ("type", "name", "code", "jenis")), None)
            for text in item.split(",") if isinstance(item, str) else ():
                folded = fold(text)
                if folded not in words.NO_VIOLATION and not folded.isdigit():
                    found.append(words.violation_of(folded))
    return found


@lru_cache(maxsize=1024)
def _extra_keys(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(key, name under which it is kept) of fields that have no place of their own and do not smell of a credential."""
    return tuple((key, key[:60]) for key in keys if fold(key) not in words.KNOWN and not _secret(key))


def extra_alone(node: dict[str, Any], form: Form) -> dict[str, Any]:
    """As _extra, of a vehicle that nothing is around: what may be kept is known by the form."""
    if form.shape is None or len(node) > _MAX_EXTRA:
        return _extra((node,))
    extras = form.extras
    if extras is None:
        names = {name: key for key, name in reversed(_extra_keys(tuple(node)))}  # of equal names the first counts
        extras = form.extras = tuple(
            (key, name) for key, name in _extra_keys(tuple(node)) if names[name] == key and not _holds_secret(node[key])
        )
    kept: dict[str, Any] = {}
    for key, name in extras:
        value = node[key]
        kind = type(value)
        if kind is str:
            if len(value) > _LONGEST_EXTRA:
                continue
        elif (kind is dict or kind is list) and len(_encode(value)) > _LONGEST_EXTRA:
            continue
        kept[name] = value
    return kept


def _extra(chain: Chain) -> dict[str, Any]:
    """Small fields that have no place of their own, nearest first; nothing that smells of a credential."""
    kept: dict[str, Any] = {}
    for node in reversed(chain):
        for key, name in _extra_keys(tuple(node)):
            if name in kept:
                continue
            value = node[key]
            kind = type(value)
            if kind is dict or kind is list:
                if node is not chain[-1] or _holds_secret(value):
                    continue  # what wraps the vehicle, or stands beside it
                if len(_encode(value)) > _LONGEST_EXTRA:
                    continue
            elif kind is str and len(value) > _LONGEST_EXTRA:
                continue
            kept[name] = value
            if len(kept) >= _MAX_EXTRA:
                return kept
    return kept


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_secret(k) or (isinstance(v, dict | list) and _holds_secret(v)) for k, v in value.items())
    inner = [item for item in value if isinstance(item, dict | list)] if isinstance(value, list) else []
    return any(_holds_secret(item) for item in inner) if inner else False


@lru_cache(maxsize=4096)
def _secret(key: str) -> bool:
    folded = fold(key)
    return any(word in folded for word in words.SECRET_WORDS)
