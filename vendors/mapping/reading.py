"""A body and a mapping to reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from core.api import (
    CaptureTime,
    Device,
    DeviceHint,
    Direction,
    Fields,
    Image,
    ImageRole,
    MalformedPayload,
    Part,
    Payload,
    PlateRead,
    as_text,
    normalise_plate,
    percent,
    picture_parts,
    read_body,
    read_form,
    read_moment,
    read_picture,
)
from vendors.mapping.config import Reading
from vendors.mapping.paths import Path, compile_path

_WAYS: Mapping[str, Direction] = {
    "approach": "approach", "approaching": "approach", "towards": "approach", "forward": "approach",
    "depart": "depart", "departing": "depart", "away": "depart", "goaway": "depart", "receding": "depart",
    "in": "in", "entry": "in", "enter": "in", "masuk": "in", "out": "out", "exit": "out", "leave": "out",
    "keluar": "out",
}  # fmt: skip
_MOST_KMH = 1000
_KMH = {"kmh": 1.0, "mph": 1.609344, "ms": 3.6}
_TOLD_KEYS = 8


def read_vehicles(payload: Payload, config: Reading) -> list[PlateRead]:
    """Raises MalformedPayload naming the key of the mapping that found nothing, and the keys that the body has."""
    query = read_form(payload.query) if payload.query else {}
    if query and not payload.body.strip():
        root: Any = query
        parts: tuple[Part, ...] = ()
    else:
        body = read_body(payload.body, payload.content_type)
        parts = body.pictures
        root = query | body.root if isinstance(body.root, dict) else body.root
    if _alive(root, config):
        return []
    vehicles = _find(compile_path(config.each), root, root) if config.each else [root]
    vehicles = [one for one in vehicles if one not in (None, "")]
    if not vehicles:
        raise MalformedPayload(f"mapping: nothing at each = {config.each!r}; {_keys(root)}")
    plates = config.fields.paths("plate")
    if not any(_find(path, one, root) for one in vehicles for path in plates):
        raise MalformedPayload(f"mapping: nothing at fields.plate = {config.fields.plate!r}; {_keys(root)}")
    return [_Vehicle(one, root, config, payload.device).read(parts, len(vehicles)) for one in vehicles]


class _Vehicle:
    """One vehicle of a body: a field is looked for in it first, then in the whole body."""

    def __init__(self, node: Any, root: Any, config: Reading, device: Device) -> None:
        self._node, self._root, self._config, self._device = node, root, config, device

    def read(self, parts: tuple[Part, ...], vehicles: int) -> PlateRead:
        raw = self._text("plate")
        time = self._time()
        return PlateRead(
            event=self._text("event") or self._config.event,
            capture_time=time.utc,
            capture_time_raw=time.raw,
            time_source=time.source,
            event_id=self._text("event_id"),
            hint=DeviceHint(serial=self._text("serial"), channel=self._text("channel"), name=self._text("name")),
            images=self._images(parts, vehicles),
            direction=self._direction(),
            lane_no=self._text("lane_no"),
            vehicle_type=self._text("vehicle_type").lower(),
            vehicle_color=self._text("vehicle_color").lower(),
            vehicle_brand=self._text("vehicle_brand"),
            plate_raw=raw,
            plate_number=normalise_plate(raw),
            plate_color=self._text("plate_color").lower(),
            confidence=percent(self._number("confidence"), scale=self._config.confidence_full),
            country=self._text("country"),
            speed_kmh=self._speed(),
            extra={
                key: found[:300]
                for key, path in self._config.extra.items()
                if (found := _first_text(_find(compile_path(path), self._node, self._root)))
            },
        )

    def _text(self, key: str) -> str:
        for path in self._config.fields.paths(key):
            if found := _first_text(_find(path, self._node, self._root)):
                return found
        return ""

    def _number(self, key: str) -> float | None:
        return Fields({"n": self._text(key)}).number("n")

    def _speed(self) -> float | None:
        value = self._number("speed")
        kmh = -1.0 if value is None else round(value * _KMH[self._config.speed_unit], 2)
        return kmh if 0 <= kmh <= _MOST_KMH else None

    def _direction(self) -> Direction:
        word = self._text("direction")
        told = {key.strip().lower(): way for key, way in self._config.directions.items()}
        return told.get(word.lower()) or _WAYS.get(word.lower(), "unknown")

    def _time(self) -> CaptureTime:
        raw = " ".join(text for text in (self._text("date"), self._text("time")) if text)
        text = raw
        if self._config.time_format and raw:
            try:
                text = datetime.strptime(raw, self._config.time_format).isoformat()
            except ValueError:
                text = raw  # what is not in the form told may still be readable
        time = read_moment(text, self._device, zoneless=self._config.time_zone)
        return CaptureTime(time.utc, time.source, raw)

    def _images(self, parts: tuple[Part, ...], vehicles: int) -> tuple[Image, ...]:
        """File parts beside several vehicles are bound to none: nobody can tell which they show."""
        found: list[Image] = []
        named = {name.lower(): part for part in parts for name in (part.name, part.filename) if name}
        taken = []
        for image in self._config.images:
            part = named.get(image.path.lower())
            if part is not None and vehicles == 1:
                taken.append(part)
                found += [msgspec.structs.replace(one, role=image.role) for one in picture_parts([part], _scene)]
            for value in _find(compile_path(image.path), self._node, self._root):
                found += read_picture(value, image.role)
        if vehicles == 1:
            found += picture_parts([part for part in parts if part not in taken], _scene)
        return tuple(found)


def _scene(_: Part) -> ImageRole:
    """What a picture shows of which the mapping says nothing."""
    return "scene"


def _find(path: Path, node: Any, root: Any) -> list[Any]:
    """In the vehicle, then in the body; in an element that stands around the whole body (an XML root) too."""
    places = [root] if path.from_top or node is root else [node, root]
    if isinstance(root, dict) and len(root) == 1:
        places += root.values()
    return next((found for place in places if (found := path.find(place))), [])


def _first_text(values: list[Any]) -> str:
    return next((text for value in values if (text := as_text(value))), "")


def _alive(root: Any, config: Reading) -> bool:
    told = config.heartbeat
    if told is None:
        return False
    found = _find(compile_path(told.path), root, root)
    wanted = {value.strip().lower() for value in told.values}
    return any(as_text(value).lower() in wanted for value in found) if wanted else bool(found)


def _keys(root: Any) -> str:
    """The top keys for the reader of the quarantine; never a value."""
    if not isinstance(root, dict):
        return f"the body is no object but {type(root).__name__}"
    return "the body has " + (", ".join(key[:40] for key in list(root)[:_TOLD_KEYS]) or "no keys")
