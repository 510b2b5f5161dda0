"""Rows of INFORMATION to reads. Rows without a time are entries of the camera's own list and no reads."""

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
    UnsupportedEvent,
    normalise_plate,
    objects,
    percent_of_fraction,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
    records,
)

_PLATES = ("LPR", "PLATE", "LICENSE_PLATE")
_TIMES = ("TS", "MOD_TS")
_WAYS: dict[str, Direction] = {
    "in": "in", "out": "out", "approach": "approach", "approaching": "approach", "away": "depart", "leave": "depart",
}  # fmt: skip
_KEPT = ("ACTION", "ACT_PARAM", "LIST_TYPE", "RTIME", "LPR_USER", "LP_BMP", "ROI_BMP", "ROI_X", "ROI_Y", "ROI_W",
         "ROI_H", "LP_X", "LP_Y", "LP_W", "LP_H", "MOD_TS")  # fmt: skip
_LONGEST = 300
"""A longer BMP is the picture itself."""


def read_rows(payload: Payload) -> list[PlateRead]:
    """[] for an empty list. Raises UnsupportedEvent for entries of the camera's list alone, MalformedPayload else."""
    body = read_body(payload.body, payload.content_type)
    rows = list(records(body.root, *_PLATES))
    if not rows and any(node.has("LPR_COUNT", "INFORMATION") for node in objects(body.root)):
        return []
    if not rows:
        raise MalformedPayload("lilin: expected LPR_COUNT and INFORMATION with LPR; found neither")
    seen = [row for row in rows if row.text(*_TIMES) or not row.has(*_TIMES)]
    if not seen:
        raise UnsupportedEvent("list", "entries of the camera's own list, without a read")
    loose = picture_parts(body.pictures, lambda part: _role(part.name or part.filename)) if len(seen) == 1 else ()
    return [_read(row, payload.device, loose) for row in seen]


def _read(row: Fields, device: Device, loose: tuple[Image, ...]) -> PlateRead:
    raw = row.text(*_PLATES)
    time = _time(row, device)
    car = row.text("CAR_ID")
    return PlateRead(
        event="LPR",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=f"{car}:{time.raw}" if car and time.utc else "",
        hint=DeviceHint(serial=row.text("SN", "SERIAL"), mac=row.text("MAC"), name=row.text("DEVICE_NAME", "CAMERA")),
        images=(
            *(image for key in ("LP_BMP", "ROI_BMP") for image in read_picture(row.value(key), _role(key))),
            *loose,
        ),
        direction=_WAYS.get(row.text("DIRECTION").lower(), "unknown"),
        lane_no=row.text("LANE", "LANE_NO"),
        vehicle_type=row.text("VEHICLE_TYPE").lower(),
        vehicle_color=row.text("VEHICLE_COLOR").lower(),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=percent_of_fraction(row.text("THRESHOLD", "CONFIDENCE") or None),
        country=row.text("COUNTRY"),
        extra={key.lower(): text for key in _KEPT if 0 < len(text := row.text(key)) <= _LONGEST},
    )  # fmt: skip


def _time(row: Fields, device: Device) -> CaptureTime:
    """TS is right. MOD_TS says GMT and is local on some cameras: only where TS is none that can be read."""
    read = [read_moment(text, device) for key in _TIMES if (text := row.text(key))]
    return next((time for time in read if time.utc is not None), read[0] if read else CaptureTime(None, "receive"))


def _role(name: str) -> ImageRole:
    low = name.lower()
    return "plate" if low.startswith("lp") or "plate" in low else "scene"
