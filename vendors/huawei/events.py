"""VIAS events to observations: one picture and any number of vehicles in each."""

from __future__ import annotations

from typing import Any

from core.api import (
    Alarm,
    Device,
    DeviceHint,
    Fields,
    FrameCapture,
    Image,
    MalformedPayload,
    Observation,
    Payload,
    PlateRead,
    ViolationType,
    as_text,
    normalise_plate,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
    records,
)

_VEHICLE = ("license_plate_id", "license_plate", "plate_number", "license_plate_type", "vehicle_type")
_EVENT = ("event_type", "message_id", "image_base64")
_WRONG_WAY = "75009"
_KEPT = ("bounding_box", "license_plate_type", "tarpaulin_type", "direction", "task_id", "stream_id")


def read_events(payload: Payload) -> list[Observation]:
    """Raises MalformedPayload for a body without events."""
    body = read_body(payload.body, payload.content_type)
    events = list(records(body.root, *_EVENT)) or list(records(body.root, *_VEHICLE))
    if not events:
        raise MalformedPayload("huawei: expected event_type or license_plate_id; found neither")
    loose = picture_parts(body.pictures, lambda _: "scene") if len(events) == 1 else ()
    return [one for event in events for one in _observe(event, loose, payload.device)]


def _observe(event: Fields, loose: tuple[Image, ...], device: Device) -> list[Observation]:
    vehicles = list(records(event.raw, *_VEHICLE))
    kind = event.text("event_type")
    time = read_moment(event.text("timestamp", "event_time", "time"), device)
    common: dict[str, Any] = {
        "event": kind or "vehicle",
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "hint": DeviceHint(serial=event.text("device_id"), channel=event.text("stream_id").partition("#")[0]),
        "images": (*read_picture(event.value("image_base64", "image", "image_url"), "scene"), *loose),
    }
    if not vehicles:
        return [FrameCapture(**common) if common["images"] else Alarm(**common)]
    message = event.text("message_id")
    offences = (ViolationType.LAWAN_ARAH,) if kind == _WRONG_WAY else ()
    found: list[Observation] = []
    for number, vehicle in enumerate(vehicles):
        raw = vehicle.text(*_VEHICLE[:3])
        words = {key: vehicle.text(key).lower() for key in ("vehicle_type", "vehicle_color")}
        kept = {key: told for key in _KEPT if (told := vehicle.value(key) or event.value(key)) is not None}
        codes = {f"{key}_code": text for key, text in words.items() if text.lstrip("-").isdigit()}
        found.append(PlateRead(
            **common,
            vehicle_type="" if "vehicle_type_code" in codes else words["vehicle_type"],
            vehicle_color="" if "vehicle_color_code" in codes else words["vehicle_color"],
            event_id=f"{message}:{number}" if message and number else message,
            lane_no=vehicle.text("lane_no", "lane_id", "lane"),
            plate_raw=raw,
            plate_number=normalise_plate(raw),
            offences=offences,
            extra=codes | {key: told if isinstance(told, dict) else as_text(told) for key, told in kept.items()},
        ))  # fmt: skip
    return found
