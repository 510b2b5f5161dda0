"""Milesight's bodies as observations: flat JSON whose values are all text, and numbered lines of the plate list."""

from __future__ import annotations

import re
from typing import Any

from core.api import (
    Alarm,
    CaptureTime,
    Device,
    DeviceHint,
    Direction,
    Fields,
    FrameCapture,
    Image,
    ImageRole,
    MalformedPayload,
    Observation,
    Payload,
    PlateRead,
    UnsupportedEvent,
    ViolationType,
    normalise_plate,
    percent,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
    records,
)

_PLATE = ("plate", "license_plate", "plate_number", "lp")
_VEHICLE = (*_PLATE, "plate_color", "vehicle_type", "vehicle_color", "vehicle_brand", "plate_image")
_OTHER = ("event", "event_type", "alarm", "time_msec", "time", "full_image", "evidence_image0", "counting", "people")
_KIND = ("event", "event_type", "event_name", "alarm_type", "violation_type", "violation")
_LINE = re.compile(r"^[ \t]*([A-Za-z]\w{0,60}?)_(\d{1,4})[ \t]*=([^\n]*)", re.MULTILINE)
_MOST_ROWS = 1000
_DIRECTIONS: dict[str, Direction] = {
    "1": "approach", "approach": "approach", "approaching": "approach", "forward": "approach", "towards": "approach",
    "2": "depart", "away": "depart", "depart": "depart", "departing": "depart", "leave": "depart", "reverse": "depart",
    "in": "in", "enter": "in", "entry": "in", "out": "out", "exit": "out",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_OFFENCES = (
    ("speed", ViolationType.BATAS_KECEPATAN), ("overspeed", ViolationType.BATAS_KECEPATAN),
    ("red", ViolationType.LAMPU_MERAH), ("wrong", ViolationType.LAWAN_ARAH),
    ("reverse", ViolationType.LAWAN_ARAH), ("retrograde", ViolationType.LAWAN_ARAH),
    ("helmet", ViolationType.HELM), ("belt", ViolationType.SABUK_KESELAMATAN), ("phone", ViolationType.PONSEL),
    ("bus", ViolationType.BUSWAY), ("line", ViolationType.MARKA_JALAN), ("lane", ViolationType.MARKA_JALAN),
)  # fmt: skip
_KEPT = ("type", "detection_region", "resolution_width", "resolution_height", "coordinate_x1", "coordinate_y1",
         "coordinate_x2", "coordinate_y2", "path", "roi_id")  # fmt: skip


def parse(payload: Payload) -> list[Observation]:
    """Everything the body tells, in its order. Raises MalformedPayload, or UnsupportedEvent for a mere count."""
    if is_list(payload.body):
        return [_read(Fields(row), payload.device, ()) for row in _rows(payload.body)]
    body = read_body(payload.body, payload.content_type)
    vehicles = list(records(body.root, *_VEHICLE))
    told = vehicles or list(records(body.root, *_OTHER))
    if not told:
        raise MalformedPayload(f"milesight: expected a plate or another event of the camera, found {_keys(body.root)}")
    loose = picture_parts(body.pictures, lambda part: _role(part.name or part.filename)) if len(told) == 1 else ()
    if vehicles:
        return [_read(one, payload.device, loose) for one in vehicles]
    return [_other(one, payload.device, loose) for one in told]


def is_list(body: bytes) -> bool:
    """Whether a body is an answer of operator.cgi: lines `time_0=…`, `plate_0=…`."""
    head = body[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    return head[:1] not in (b"{", b"[", b"<", b"-") and re.search(rb"(?im)^\s*(?:plate|time)_\d+\s*=", head) is not None


def _rows(body: bytes) -> list[dict[str, str]]:
    rows: dict[int, dict[str, str]] = {}
    for key, number, value in _LINE.findall(body.decode("utf-8", "replace")):
        row = rows.setdefault(int(number), {})
        row.setdefault(key, value.strip())
        if len(rows) > _MOST_ROWS:
            raise MalformedPayload(f"milesight: a list of more than {_MOST_ROWS} plates")
    return [row for _, row in sorted(rows.items()) if Fields(row).has("plate", "time")]


def _common(node: Fields, device: Device, event: str, loose: tuple[Image, ...]) -> dict[str, Any]:
    time = _time(node, device)
    return {
        "event": event,
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "images": (*_images(node), *loose),
        "direction": _DIRECTIONS.get(node.text("direction").lower(), "unknown"),
        "lane_no": _told(node, "lane", "lane_no", "detection_region", "roi_id"),
        "vehicle_type": _told(node, "vehicle_type").lower(),
        "vehicle_color": _told(node, "vehicle_color").lower(),
        "hint": DeviceHint(
            serial=_told(node, "sn", "serial", "device_sn"),
            mac=_told(node, "mac", "device_mac"),
            ip=_told(node, "ip", "device_ip"),
            name=_told(node, "device", "device_name"),
        ),
        "extra": {key: text for key in _KEPT if (text := _told(node, key))},
    }


def _read(node: Fields, device: Device, loose: tuple[Image, ...]) -> PlateRead:
    raw = node.text(*_PLATE)
    claim = _told(node, *_KIND)
    words = {word.lower() for word in _WORD.findall(claim)}
    return PlateRead(
        **_common(node, device, claim or "LPR", loose),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(_told(node, "confidence")),
        plate_color=_told(node, "plate_color").lower(),
        vehicle_brand=_told(node, "vehicle_brand"),
        country=_told(node, "region", "country"),
        speed_kmh=_speed(node.number("speed")),
        offences=tuple(dict.fromkeys(kind for word, kind in _OFFENCES if word in words)),
    )


def _other(node: Fields, device: Device, loose: tuple[Image, ...]) -> Observation:
    """Counting, parking and the like, which nobody published: a frame where there is a picture, else an alarm."""
    event = _told(node, *_KIND) or "Event"
    common = _common(node, device, event, loose)
    if common["images"]:
        return FrameCapture(**common)
    if node.has("counting", "people") or "count" in event.lower():
        raise UnsupportedEvent("counting", "a count is no event of a vehicle")
    if event == "Event":
        raise MalformedPayload(f"milesight: no plate, no event and no picture in {_keys(node.raw)}")
    return Alarm(**common)


def _told(node: Fields, *keys: str) -> str:
    """A field's text; "" for "-", by which the camera says that it has none."""
    for key in keys:
        text = node.text(key)
        if text.strip("- ") and text.lower() not in ("unknown", "none", "null", "n/a"):
            return text
    return ""


def _time(node: Fields, device: Device) -> CaptureTime:
    """The first that can be read, else what the camera wrote; both are its wall clock."""
    read = [read_moment(text, device) for key in ("time_msec", "time", "timestamp") if (text := _told(node, key))]
    return next((time for time in read if time.utc is not None), read[0] if read else CaptureTime(None, "receive", ""))


def _confidence(text: str) -> float | None:
    """Percent. No document names the scale: between 0 and 1 it can be a fraction only."""
    number = percent(text)
    return percent(text, scale=1) if number is not None and 0 < number < 1 else number


def _speed(value: float | None) -> float | None:
    return value if value is not None and 0 < value <= 1000 else None


def _images(node: Fields) -> tuple[Image, ...]:
    """Every field that is named like a picture and holds one."""
    named = (key for key in node.raw if any(word in key.lower() for word in ("image", "pic", "photo", "snap")))
    return tuple(image for key in named for image in read_picture(node.raw[key], _role(key)))


def _role(name: str) -> ImageRole:
    low = name.lower()
    if "full" in low or "evidence" in low:
        return "scene"
    return "plate" if "plate" in low else "vehicle" if "vehicle" in low else "scene"


def _keys(value: Any) -> str:
    if not isinstance(value, dict):
        return type(value).__name__
    return "the keys " + ", ".join(str(key)[:40] for key in list(value)[:8]) if value else "an empty object"
