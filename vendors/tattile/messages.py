"""Tattile's fields, in XML as the default template writes them, or in JSON of the same names."""

from __future__ import annotations

from core.api import (
    CaptureTime,
    Device,
    DeviceHint,
    Direction,
    Fields,
    Image,
    ImageRole,
    MalformedPayload,
    Payload,
    PlateRead,
    normalise_plate,
    percent,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
    records,
)

_PLATES = ("PLATE_STRING", "PLATE", "PLATE_NUMBER")
_SCORES = ("OCRSCORE", "OCR_SCORE", "PLATE_SCORE")
_WAYS: dict[str, Direction] = {
    "approach": "approach", "approaching": "approach", "goaway": "depart", "away": "depart", "leave": "depart",
    "in": "in", "out": "out",
}  # fmt: skip
_PICTURES: tuple[tuple[str, ImageRole], ...] = (
    ("IMAGE_OCR", "plate"), ("IMAGE_PLATE", "plate"), ("IMAGE_CTX", "scene"), ("IMAGE_CONTEXT", "scene"),
    ("IMAGE_BW", "scene"), ("IMAGE_COLOR", "scene"),
)  # fmt: skip
_KEPT = ("LANE_DESCR", "PLATE_COUNTRY", "PLATE_REGION", "PLATE_CHAR_HEIGHT", "ORIG_PLATE_MIN_X", "ORIG_PLATE_MIN_Y",
         "ORIG_PLATE_MAX_X", "ORIG_PLATE_MAX_Y", "CLASS_STRING", "KEMLER_STRING")  # fmt: skip


def read_messages(payload: Payload) -> list[PlateRead]:
    """Raises MalformedPayload for a body without PLATE_STRING."""
    body = read_body(payload.body, payload.content_type)
    found = list(records(body.root, _PLATES[0])) or list(records(body.root, *_PLATES))
    if not found:
        raise MalformedPayload("tattile: expected PLATE_STRING; found none")
    loose = picture_parts(body.pictures, lambda part: _role(part.name or part.filename)) if len(found) == 1 else ()
    return [_read(node, payload.device, loose) for node in found]


def _read(node: Fields, device: Device, loose: tuple[Image, ...]) -> PlateRead:
    raw = node.text(*_PLATES)
    time = _time(node, device)
    return PlateRead(
        event="ANPR",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=node.text("ID", "EVENT_ID", "TRANSIT_ID"),
        hint=DeviceHint(serial=node.text("DEVICE_SN", "SERIAL"), name=node.text("DEVICE_NAME")),
        images=(*(image for key, role in _PICTURES for image in read_picture(node.value(key), role)), *loose),
        direction=_WAYS.get(node.text("DIRECTION").lower().replace("_", "").replace(" ", ""), "unknown"),
        lane_no=node.text("LANE_ID", "LANE"),
        vehicle_type=node.text("CLASS_STRING", "VEHICLE_CLASS", "VEHICLE_TYPE").lower(),
        vehicle_color=node.text("COLOR", "VEHICLE_COLOR").lower(),
        vehicle_brand=node.text("BRAND", "MAKE"),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(node, device),
        country=node.text("PLATE_COUNTRY_CODE", "PLATE_COUNTRY"),
        speed_kmh=_speed(node.number("SPEED")),
        extra={key.lower(): text for key in _KEPT if (text := node.text(key))},
    )


def _confidence(node: Fields, device: Device) -> float | None:
    """Some firmwares count to 100 and some to 999; only a score above 100 gives itself away.

    A camera that counts to 999 is told so by its setting `tattile.ocrscore_full`.
    """
    number = node.number(*_SCORES)
    if number is None:
        return None
    told = device.settings.get("tattile")
    full = told.get("ocrscore_full") if isinstance(told, dict) else None
    if isinstance(full, int | float) and full > 0:
        return percent(number, scale=full)
    return percent(number, scale=999 if number > 100 else 100)


def _time(node: Fields, device: Device) -> CaptureTime:
    """DATE and TIME stand apart and have no zone; a template may write one field."""
    day, clock = node.text("DATE"), node.text("TIME")
    joined = f"{day} {clock}" if day and clock else ""
    return read_moment(joined or node.text("DATETIME", "DATE_TIME", "TIMESTAMP", "UTC") or clock or day, device)


def _speed(value: float | None) -> float | None:
    return value if value is not None and 0 < value <= 500 else None


def _role(name: str) -> ImageRole:
    low = name.lower()
    return "plate" if "ocr" in low or "plate" in low else "scene"
