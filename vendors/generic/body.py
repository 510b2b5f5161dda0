"""A generic body to events: JSON bare, wrapped or in a list; forms with flat fields or a JSON field; file parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from core.api import (
    CaptureTime,
    Device,
    DeviceHint,
    Image,
    ImageRole,
    MalformedPayload,
    Part,
    Payload,
    PlateRead,
    decode_base64_image,
    decode_json,
    is_multipart,
    normalise_plate,
    percent,
    read_epoch,
    read_time,
    sniff,
    split_jpegs,
    split_parts,
)
from vendors.generic import fields as f
from vendors.generic.fields import Fields

_URL = re.compile(r"^(?:https?|ftp)://\S+$", re.IGNORECASE)
_RELATIVE = re.compile(r"^[\w./%-]+\.(?:jpe?g|png)$", re.IGNORECASE)
_NUMBER = re.compile(r"^\d{9,19}(?:\.\d+)?$")
_PICTURE_KEY = re.compile(r"(?:image|img|pic|photo|snapshot|crop)")
_MAX_EVENTS = 500
_ROLES: tuple[tuple[tuple[str, ...], ImageRole], ...] = (
    (f.PLATE_IMAGE, "plate"),
    (f.VEHICLE_IMAGE, "vehicle"),
    (f.SCENE_IMAGE, "scene"),
)


class Event:
    """One event of a body: its fields, and the file parts that came with it."""

    def __init__(self, source: Mapping[str, Any], parts: Sequence[Part] = ()) -> None:
        self.fields = Fields(source)
        self.parts = parts


def read_events(payload: Payload) -> list[Event]:
    """The events of a body. Raises MalformedPayload when it is none of the forms."""
    body, kind = payload.body, payload.content_type.split(";")[0].strip().lower()
    if is_multipart(payload.content_type) or body.lstrip()[:2] == b"--":
        return _form(split_parts(body, payload.content_type))
    if not body.strip():
        raise MalformedPayload("generic: the body is empty, expected JSON or a form")
    if kind == "application/x-www-form-urlencoded" and body.lstrip()[:1] not in (b"{", b"["):
        pairs = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200))
        return _fields(pairs, ())
    return _listed(decode_json(body), ())


def read(event: Event, device: Device) -> PlateRead:
    """One plate read. Raises MalformedPayload when the event names no vehicle."""
    fields = event.fields
    if not fields.has(f.PLATE):
        known = ", ".join(f.PLATE[:6])
        raise MalformedPayload(
            f"generic: the body names no vehicle: expected one of {known}, … (case, _ and - ignored)"
        )
    raw = fields.text(f.PLATE)
    time = _time(fields.get(f.TIME), device)
    speed = _number(fields.get(f.SPEED))
    return PlateRead(
        event=fields.text(f.EVENT) or "plate",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=fields.text(f.EVENT_ID),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(fields.get(f.CONFIDENCE)),
        plate_color=fields.text(f.PLATE_COLOR).lower(),
        direction=f.DIRECTIONS.get(fields.text(f.DIRECTION).lower(), "unknown"),
        lane_no=fields.text(f.LANE),
        vehicle_type=_word(fields.text(f.VEHICLE_TYPE)),
        vehicle_color=_word(fields.text(f.VEHICLE_COLOR)),
        vehicle_brand=fields.text(f.VEHICLE_BRAND),
        country=fields.text(f.COUNTRY),
        speed_kmh=speed,
        offences=_offences(fields),
        images=tuple(_images(event)),
        hint=DeviceHint(serial=fields.text(f.SERIAL), channel=fields.text(f.CHANNEL)),
        extra={k: v for k, v in fields.items() if isinstance(v, int | float | bool) or _short(v)},
    )


def _form(parts: list[Part]) -> list[Event]:
    """A JSON part or field makes the events, other fields join in; without one the flat fields are the event."""
    files = [part for part in parts if sniff(part.data)]
    plain: dict[str, Any] = {}
    documents: list[Any] = []
    for part in parts:
        if sniff(part.data) or not len(part.data):
            continue
        if part.filename and not part.content_type.startswith(("application/json", "text/")):
            continue  # a file that is no picture: an image error never costs the event
        text = part.text().strip()
        if text[:1] in ("{", "["):
            documents.append(decode_json(text))
        elif part.name:
            plain.setdefault(part.name, text)
    if documents:
        return [event for document in documents for event in _listed(document, files, plain)]
    if not plain:
        raise MalformedPayload("generic: the form has neither fields nor a JSON part, only files")
    return _fields(plain, files)


def _fields(plain: dict[str, Any], files: Sequence[Part]) -> list[Event]:
    for name, value in plain.items():
        if f.fold(name) in ("event", "eventdata", "json", "data", "payload") and str(value).lstrip()[:1] in ("{", "["):
            rest = {k: v for k, v in plain.items() if k != name}
            return _listed(decode_json(str(value)), files, rest)
    return [Event(plain, files)]


def _listed(value: Any, files: Sequence[Part], plain: Mapping[str, Any] | None = None) -> list[Event]:
    if isinstance(value, list):
        events = [event for item in value[:_MAX_EVENTS] for event in _listed(item, files, plain)]
        if not events:
            raise MalformedPayload("generic: the JSON list is empty")
        return events
    if not isinstance(value, dict):
        raise MalformedPayload(f"generic: expected a JSON object, got {type(value).__name__}")
    for key in ("events", "results", "reads", "plates", "data", "items", "vehicles"):
        inner = next((v for k, v in value.items() if f.fold(str(k)) == key), None)
        if isinstance(inner, list) and inner and all(isinstance(i, dict) for i in inner):
            outer = {k: v for k, v in value.items() if v is not inner}
            if not Fields(outer).has(f.PLATE):
                return [Event({**(plain or {}), **outer, **item}, files) for item in inner[:_MAX_EVENTS]]
    return [Event({**(plain or {}), **value}, files)]


def _images(event: Event) -> list[Image]:
    found: list[Image] = []
    for part in event.parts:
        role = _role(part.name) or _role(part.filename.rsplit(".", 1)[0]) or "scene"
        found.append(Image(role=role, data=part.data, offset=part.offset, mime=sniff(part.data)))
    named: dict[str, ImageRole] = {}  # picture text -> role; a telling key beats one that only says "image"
    for key, value in event.fields.items():
        told = _role(key)
        for item in value if isinstance(value, list) else [value]:
            if told and isinstance(item, str) and item and named.get(item, "scene") == "scene":
                named[item] = told
    for item, role in named.items():
        if _URL.match(item) or _RELATIVE.match(item):
            found.append(Image(role=role, url=item))
        elif len(item) > 40 and (data := decode_base64_image(item)):
            found.extend(Image(role=role, data=one, mime=sniff(one)) for one in split_jpegs(data))
    return found


def _role(name: str) -> ImageRole | None:
    folded = f.fold(name)
    for names, role in _ROLES:
        if folded in names:
            return role
    if not _PICTURE_KEY.search(folded):
        return None
    return "plate" if "plate" in folded else "vehicle" if "vehicle" in folded or "car" in folded else "scene"


def _time(value: Any, device: Device) -> CaptureTime:
    """Text with or without zone, or epoch in s, ms or µs by its digits."""
    text = "" if value is None else str(value).strip()
    if not _NUMBER.match(text) or (len(text) == 14 and text[:2] in ("19", "20")):
        return read_time(text, device)
    digits = len(text.partition(".")[0])
    return read_epoch(
        text, device, unit="s" if digits <= 10 else "ms" if digits <= 13 else "us" if digits <= 16 else "ns"
    )


def _confidence(value: Any) -> float | None:
    """Percent is the documented scale; a value below one written with a point is a fraction (0.5 = 50 %)."""
    found = percent(value)
    if found is not None and 0 < found < 1 and "." in str(value):
        return percent(value, scale=1)
    return found


def _offences(fields: Fields) -> tuple[Any, ...]:
    for name in f.VIOLATION:
        for key, value in fields.items():
            if key == name and value:
                return f.violations(value)
    return ()


def _number(value: Any) -> float | None:
    match = re.match(r"^\s*(\d+(?:[.,]\d+)?)", str(value if value is not None else ""))
    number = float(match.group(1).replace(",", ".")) if match else None
    return number if number and number < 1000 else None


def _word(text: str) -> str:
    folded = text.lower()
    return "" if folded in ("unknown", "none", "null", "-") else folded


def _short(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200
