"""VIGI's event_list to alarms and frames. Every field may be missing."""

from __future__ import annotations

from typing import Any

from core.api import (
    Alarm,
    Body,
    Device,
    DeviceHint,
    Fields,
    FrameCapture,
    MalformedPayload,
    Observation,
    Part,
    Payload,
    Status,
    as_text,
    objects,
    picture_parts,
    read_body,
    read_picture,
    read_time,
    records,
)

_EVENT = ("dateTime", "event_type")
_DEVICE = ("device_name", "mac", "protocol", "ip")
_TARGETS = (
    ("human", ("person", "people", "human", "loiter", "gathering")), ("vehicle", ("vehicle", "car", "truck")),
)  # fmt: skip
_NEWS = ("disk", "storage", "sdcard", "videoloss", "offline", "online", "illegallogin", "ipconflict", "network")


def read_alarms(payload: Payload) -> list[Observation]:
    """[] for a message that only names the camera, and for an empty list. Raises MalformedPayload for another body."""
    body = read_body(payload.body, payload.content_type)
    lists = list(records(body.root, "event_list"))
    told = [(around, one) for around in lists for one in around.nodes("event_list")]
    told = told or [(one, one) for one in records(body.root, *_EVENT)]
    if told:
        return [_observe(around, one, _mine(one, body, len(told)), payload.device) for around, one in told]
    if lists or any(node.has(*_DEVICE) for node in objects(body.root)):
        return []
    raise MalformedPayload("vigi: expected event_list; found none")


def _mine(event: Fields, body: Body, events: int) -> list[Part]:
    """A picture's part has the event's dateTime for a name; where there is one event, all pictures are its own."""
    if events == 1:
        return list(body.pictures)
    when = event.text("dateTime")
    return [part for part in body.pictures if when and (part.name == when or part.filename.startswith(when))]


def _observe(around: Fields, event: Fields, parts: list[Part], device: Device) -> Observation:
    value = event.value("event_type", "type")
    types = [text for one in (value if isinstance(value, list) else [value]) if (text := as_text(one))]
    said = " ".join(types).lower().replace("_", "").replace("-", "").replace(" ", "")
    time = read_time(event.text("dateTime", "date_time", "time"), device)
    images = (*picture_parts(parts, lambda _: "scene"), *read_picture(event.value("image", "picture"), "scene"))
    common: dict[str, Any] = {
        "event": types[0] if types else "event",
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "hint": DeviceHint(
            ip=around.text("ip"),
            mac=around.text("mac"),
            name=around.text("device_name"),
            channel=event.text("channel", "channel_id") or around.text("channel", "channel_id"),
        ),
        "extra": {"event_types": types} if len(types) > 1 else {},
    }
    if any(word in said for word in _NEWS):
        return Status(**common, images=images, detail=", ".join(types))
    target = next((name for name, words in _TARGETS if any(word in said for word in words)), "")
    return FrameCapture(**common, images=images, target=target) if images else Alarm(**common, target=target)
