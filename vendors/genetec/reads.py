"""AutoVu reads in three dialects (SharpV, LPR plug-in, LPR ingestion), JSON or XML, to PlateReads."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
    PlateRead,
    as_text,
    normalise_plate,
    objects,
    percent,
    percent_of_fraction,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
)

_PLATES = ("PlateRead", "Plate", "PlateNumber", "LicensePlate")
_IMAGES: tuple[tuple[str, ImageRole], ...] = (
    ("PlateImage", "plate"), ("VehicleImage", "vehicle"), ("ContextImage", "scene"),
)  # fmt: skip
_IN_OUT: Mapping[str, Direction] = {"in": "in", "entry": "in", "entering": "in", "out": "out", "exit": "out",
                                    "leaving": "out"}  # fmt: skip
_MOTION: tuple[tuple[str, Direction], ...] = (
    ("away", "depart"), ("further", "depart"), ("depart", "depart"), ("reced", "depart"),
    ("closer", "approach"), ("toward", "approach"), ("approach", "approach"),
)  # fmt: skip
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_KEPT = ("State", "PlateStateProvince", "Latitude", "Longitude", "ContextCameraName", "SourceUrl")


def read_reads(body: bytes, content_type: str, device: Device) -> list[PlateRead]:
    """Every object that names a plate is a read. Raises MalformedPayload when there is none."""
    told = read_body(body, content_type)
    nodes = [node for node in objects(told.root) if _names_a_plate(node)]
    if not nodes:
        raise MalformedPayload(f"genetec: no read in the body: expected one of {', '.join(_PLATES)}")
    # a part shows one vehicle: beside several reads nobody can tell which
    parts = picture_parts(told.pictures, _role) if len(nodes) == 1 else ()
    return [_read(node, parts, device) for node in nodes]


def _names_a_plate(node: Fields) -> bool:
    """In XML the element around a read may have the name of its plate: that one holds an object, no text."""
    return node.has(*_PLATES) and not isinstance(node.value(*_PLATES), dict | list)


def _read(node: Fields, parts: tuple[Image, ...], device: Device) -> PlateRead:
    raw = node.text(*_PLATES)
    told = _analytics(node)
    time = _time(node, device)
    return PlateRead(
        event="PlateRead",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=_id(node.text("Id", "ReadId", "ReferenceReadId")),
        hint=DeviceHint(
            serial=node.text("SourceUrl", "ReferenceCameraId"), name=node.text("LprCameraName", "CameraName")
        ),
        images=parts + tuple(i for key, role in _IMAGES for i in read_picture(node.value(key), role)),
        direction=_direction(node.text("VehicleDirection", "Direction") or told.text("Vehicle Direction"))
        or _motion(told.text("Relative Motion") or node.text("RelativeMotion")),
        lane_no=node.text("Lane", "LaneNumber") or told.text("Lane"),
        vehicle_type=(told.text("Vehicle Type") or node.text("VehicleType")).lower(),
        vehicle_color=(told.text("Vehicle Color", "Vehicle Colour") or node.text("VehicleColor")).lower(),
        vehicle_brand=told.text("Vehicle Make") or node.text("VehicleMake"),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(node, told),
        extra={key: text for key in _KEPT if (text := node.text(key)) not in ("", "0")}
        | {key: str(value)[:200] for key, value in list(told.raw.items())[:20]},
    )


def _analytics(node: Fields) -> Fields:
    """What stands beside the plate, by name: a list of {Key, Score, Value}, or an object; "-" is no value."""
    beside = Fields({"all": node.value("PlateAnalytics", "Attributes", "Analytics")})
    found = {}
    for entry in beside.walk():
        if name := entry.text("Key", "Name"):
            found[name] = entry.text("Value")
        else:
            found |= {key: as_text(value) for key, value in entry.raw.items() if not isinstance(value, list)}
    return Fields({key: text for key, text in found.items() if text not in ("", "-")})


def _confidence(node: Fields, told: Fields) -> float | None:
    """ConfidenceScore and the analytic of that name are percent, LPR ingestion's Confidence is 0..1."""
    score = percent(node.number("ConfidenceScore"))
    score = percent(told.number("Confidence Score")) if score is None else score
    return percent_of_fraction(node.number("Confidence")) if score is None else score


def _time(node: Fields, device: Device) -> CaptureTime:
    """All times are UTC where they say nothing else; the LPR plug-in writes date (day first) and time apart."""
    date, clock = node.text("DateUtc"), node.text("TimeUtc")
    if date and clock:
        day_first = _DAY_FIRST.fullmatch(date)
        first = "-".join(reversed(day_first.groups())) if day_first else date
        time = read_moment(f"{first} {clock}", device, zoneless="utc")
        return CaptureTime(time.utc, time.source, f"{date} {clock}")
    return read_moment(node.text("ReadTimeUtc", "TimestampUtc", "Timestamp"), device, zoneless="utc")


def _direction(word: str) -> Direction | None:
    return _IN_OUT.get(word.strip().lower())


def _motion(words: str) -> Direction:
    return next((way for mark, way in _MOTION if mark in words.lower()), "unknown")


def _id(text: str) -> str:
    """A GUID or a number; one of zeros alone is none."""
    return text if text.strip("0-{}") else ""


def _role(part: Part) -> ImageRole:
    name = f"{part.name} {part.filename}".lower()
    return "plate" if "plate" in name else "scene"
