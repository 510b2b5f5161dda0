"""Frames of metadata and notifications to observations; element names by meaning, namespaces do not matter."""

from __future__ import annotations

import re
from typing import Any, Literal

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
    Status,
    UnsupportedEvent,
    named_values,
    normalise_plate,
    objects,
    percent_of_fraction,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
    records,
)

_APPEARANCE = ("Appearance", "LicensePlateInfo", "VehicleInfo")
_PLATE_ITEMS = ("PlateNumber", "LicensePlateNumber", "LicensePlate", "Plate", "lpText")
_ENVELOPES = ("Envelope", "MetadataStream", "VideoAnalytics", "Frame", "PullMessagesResponse", "Notify",
              "RenewResponse", "SubscribeResponse", "CurrentTime", "TerminationTime")  # fmt: skip
_NEWS = re.compile(r"device/hardwarefailure|device/operat|monitoring/|signalloss|storagefailure", re.IGNORECASE)
_HOUSEKEEPING = re.compile(r"(?:recording|media|configuration|advancedsecurity|eventbuffer)", re.IGNORECASE)
_SWITCHES = ("State", "IsMotion", "IsInside", "IsTamper", "LogicalState", "Value", "Failed", "Alarm", "Active")
_SOURCES = ("VideoSourceConfigurationToken", "VideoSourceToken", "VideoSource", "Source", "InputToken")
_WAYS: dict[str, Direction] = {
    "approach": "approach", "approaching": "approach", "towards": "approach", "away": "depart", "leaving": "depart",
    "in": "in", "enter": "in", "out": "out", "exit": "out",
}  # fmt: skip
_PICTURES: tuple[tuple[str, ImageRole], ...] = (
    ("LicensePlateImage", "plate"), ("LicensePlateImageURI", "plate"), ("PlateImage", "plate"),
    ("VehicleImage", "vehicle"), ("VehicleImageURI", "vehicle"), ("Image", "scene"), ("ImageURI", "scene"),
    ("ImageRef", "scene"), ("Snapshot", "scene"),
)  # fmt: skip
_SEVERAL = re.compile(rb"<\?xml[^>]*\?>")
_LONGEST = 200


def read_documents(payload: Payload) -> list[Observation]:
    """[] for answers and frames without anything in them.

    Raises UnsupportedEvent where only people, states at subscription or housekeeping were told of, MalformedPayload for
    what is no ONVIF document.
    """
    body = read_body(_one_document(payload.body), payload.content_type)
    told = list(records(body.root, "Topic", *_APPEARANCE))
    if not told:
        if any(node.has(*_ENVELOPES) for node in objects(body.root)):
            return []
        raise MalformedPayload("onvif: expected a Frame with objects or a NotificationMessage; found neither")
    loose = picture_parts(body.pictures, lambda _: "scene") if len(told) == 1 else ()
    found: list[Observation] = []
    left_out = ""
    for node in told:
        one = _event(node, payload.device, loose) if node.has("Topic") else _thing(node, payload.device, loose)
        if isinstance(one, str):
            left_out = left_out or one
        else:
            found.append(one)
    if not found:
        raise UnsupportedEvent(left_out)
    return found


def _one_document(body: bytes) -> bytes:
    """Documents of a stream may stand one behind the other, each with its declaration."""
    if len(_SEVERAL.findall(body)) < 2:
        return body
    return b"<Documents>" + _SEVERAL.sub(b"", body.lstrip(b"\xef\xbb\xbf")) + b"</Documents>"


def _thing(node: Fields, device: Device, loose: tuple[Image, ...]) -> PlateRead | str:
    """An object of a frame: a read where it is a vehicle with details, else the name of what it is."""
    if not node.node("Appearance/LicensePlateInfo", "LicensePlateInfo", "Appearance/VehicleInfo", "VehicleInfo"):
        return "Object"
    time = _utc(node.text("UtcTime", "Time"), device)
    return _vehicle("LicensePlate", node, Fields({}), time, loose)


def _event(node: Fields, device: Device, loose: tuple[Image, ...]) -> Observation | str:
    """A notification, or the topic of one that is not for us."""
    topic = "/".join(step.rpartition(":")[2] for step in node.text("Topic").split("/")) or "Event"
    message = node.node("Message/Message", "Message") or node
    items = Fields(named_values(message.raw))
    time = _utc(message.text("UtcTime") or node.text("UtcTime"), device)
    vehicle = next(iter(records(message.raw, *_APPEARANCE)), Fields({}))
    if vehicle or items.has(*_PLATE_ITEMS):
        return _vehicle(topic, vehicle, items, time, loose)
    operation = message.text("PropertyOperation").lower()
    if operation == "initialized" or _HOUSEKEEPING.match(topic):
        return topic
    common = _common(topic, items, time) | {"phase": _phase(operation, items)}
    images = (*_images(items), *loose)
    if _NEWS.search(topic):
        return Status(**common, detail=items.text("Info", "Reason", "Token"))
    if images and common["phase"] != "stop":
        return FrameCapture(**common, images=images)
    return Alarm(**common, region=items.text("Rule", "RuleName"))


def _vehicle(topic: str, node: Fields, items: Fields, time: CaptureTime, loose: tuple[Image, ...]) -> PlateRead:
    plate = node.node("Appearance/LicensePlateInfo", "LicensePlateInfo")
    info = node.node("Appearance/VehicleInfo", "VehicleInfo")
    raw = plate.text("PlateNumber") or items.text(*_PLATE_ITEMS)
    number = normalise_plate(raw)
    score = plate.text("PlateNumber/Likelihood") or items.text("Likelihood", "Confidence")
    thing = node.text("ObjectId") or items.text("ObjectId")
    speed = node.number("Behaviour/Speed", "Speed")
    speed = items.number("Speed") if speed is None else speed
    pictures = [image for source in (node, node.node("Appearance"), items) for image in _images(source)]
    common = _common(topic, items, time)
    told = {
        "object_id": thing, "plate_type": plate.text("PlateType"), "issuing_entity": plate.text("IssuingEntity"),
        "vehicle_model": info.text("Model"),
    }  # fmt: skip
    common["extra"] |= {key: text for key, text in told.items() if text}
    return PlateRead(
        **common,
        event_id=_event_id(thing, number, time),
        images=(*pictures, *loose),
        direction=_WAYS.get((items.text("Direction") or node.text("Direction")).lower(), "unknown"),
        lane_no=items.text("Lane", "LaneNo", "LaneId"),
        vehicle_type=(info.text("Type") or items.text("VehicleType")).lower(),
        vehicle_color=items.text("VehicleColor", "Color").lower(),
        vehicle_brand=info.text("Brand") or items.text("VehicleBrand", "Brand"),
        plate_raw=raw,
        plate_number=number,
        # the standard's default for a likelihood that is left out is 1
        confidence=percent_of_fraction(score or 1) if number else percent_of_fraction(score or None),
        country=plate.text("CountryCode") or items.text("CountryCode", "Country"),
        speed_kmh=round(speed * 3.6, 2) if speed is not None and 0 < speed < 200 else None,
    )


def _common(topic: str, items: Fields, time: CaptureTime) -> dict[str, Any]:
    return {
        "event": topic,
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "hint": DeviceHint(channel=items.text(*_SOURCES)[:_LONGEST]),
        "extra": {key: text for key, text in items.raw.items() if len(text) <= _LONGEST},
    }


def _event_id(thing: str, plate: str | None, time: CaptureTime) -> str:
    """An object's number counts from anew with the camera: with the plate, or the hour, it is unique enough.

    A vehicle is told of in many frames; so they become one.
    """
    if not thing or time.utc is None:
        return ""
    return f"{thing}:{plate or time.utc.strftime('%Y%m%d%H')}"


def _phase(operation: str, items: Fields) -> Literal["single", "start", "stop"]:
    """By the state that the notification tells; one without a state, and without an end, is a moment."""
    if operation == "deleted":
        return "stop"
    state = items.text(*_SWITCHES).lower()
    return "start" if state in ("true", "1", "on", "active") else "stop" if state in ("false", "0", "off") else "single"


def _utc(text: str, device: Device) -> CaptureTime:
    """Named UtcTime, and often sent without the Z."""
    return read_moment(text, device, zoneless="utc")


def _images(node: Fields) -> list[Image]:
    return [image for key, role in _PICTURES for image in read_picture(node.text(key), role)]
