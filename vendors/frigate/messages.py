"""Frigate's messages to observations. An object with a recognised plate is a read, any other an alarm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from core.api import (
    Alarm,
    Device,
    DeviceHint,
    Fields,
    MalformedPayload,
    Observation,
    PlateRead,
    UnsupportedEvent,
    normalise_plate,
    percent_of_fraction,
    read_body,
    read_moment,
)

_PHASES: Mapping[str, Literal["start", "update", "stop"]] = {
    "new": "start", "update": "update", "lpr": "update", "end": "stop",
}  # fmt: skip
_VEHICLES = frozenset({"car", "truck", "bus", "motorcycle", "bicycle", "van", "boat", "train", "school_bus"})
_PLATES = ("recognized_license_plate", "data/recognized_license_plate", "plate")
_SCORES = ("recognized_license_plate_score", "data/recognized_license_plate_score")
_ALIVE = ("available", "stats")
_KMH = {"mph": 1.609344, "kph": 1.0}
_MOST_LEVELS = 16


def read_messages(body: bytes, content_type: str, device: Device, speed_unit: str = "") -> list[Observation]:
    """Raises UnsupportedEvent for a message of another kind, MalformedPayload for a body that is no message."""
    root = read_body(body, content_type).root
    messages = list(_messages(root, 0))
    if not messages:
        raise MalformedPayload("frigate: expected after, a plate, or an object with camera and label; found none")
    read = [_observation(kind, node, device, speed_unit) for kind, node in messages if node and kind not in _ALIVE]
    unread = [kind for kind, node in messages if not node and kind not in _ALIVE]
    if unread and not read:
        raise UnsupportedEvent(unread[0])
    return [seen for seen in read if seen is not None]


def _messages(value: Any, level: int) -> Iterator[tuple[str, Fields]]:
    """(type, the object as it is now) of each message; a type nobody here reads comes with an empty object."""
    if level >= _MOST_LEVELS or not isinstance(value, dict | list):
        return
    if isinstance(value, list):
        for item in value:
            yield from _messages(item, level + 1)
        return
    node = Fields(value)
    kind, topic = node.text("type").lower(), node.text("topic").rpartition("/")[2].lower()
    if after := node.node("after"):
        yield kind, after
    elif kind in ("lpr", "face") or (node.has("plate") and node.has("score", "camera")):
        yield kind or "lpr", node
    elif node.has("camera") and node.has("label", "severity"):
        yield "end" if node.value("end_time") is not None else "update", node
    elif topic in _ALIVE or node.has("cpu_usages"):
        yield topic or "stats", node
    elif kind and node.has("camera", "id"):
        yield kind, Fields({})
    else:
        for child in value.values():
            yield from _messages(child, level + 1)


def _observation(kind: str, node: Fields, device: Device, speed_unit: str) -> Observation | None:
    time = read_moment(node.value("frame_time", "timestamp", "end_time", "start_time"), device)
    raw, score = _plate(node)
    label = node.text("label").lower()
    camera = node.text("camera")
    common: dict[str, Any] = {
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "event_id": node.text("id"),
        "phase": _PHASES.get(kind, "single"),
        "hint": DeviceHint(channel=camera, name=camera),
        "extra": {
            key: text[:200]
            for key in ("velocity_angle", "average_estimated_speed", "current_zones", "entered_zones", "name", "type")
            if (text := node.text(key) or ", ".join(map(str, _list(node.value(key)))))
        },
    }
    if raw or kind == "lpr":
        return PlateRead(
            **common,
            event=kind or "event",
            plate_raw=raw,
            plate_number=normalise_plate(raw),
            confidence=percent_of_fraction(score),
            vehicle_type=label if label in _VEHICLES else "",
            speed_kmh=_speed(node, speed_unit),
        )
    if node.text("false_positive") == "true":
        return None
    target = label or next(iter(map(str, _list(node.value("data/objects")))), "") or ("face" if kind == "face" else "")
    return Alarm(**common, event=node.text("severity") or kind or "event", target=target)


def _plate(node: Fields) -> tuple[str, Any]:
    """(text, score): a text with the score beside it, or a pair of both."""
    value = node.value(*_PLATES)
    if isinstance(value, list):
        pair = [*value, None, None]
        return str(pair[0] or "").strip()[:40], pair[1]
    scores = _SCORES if node.has("label") else (*_SCORES, "score")  # an object's own score is not its plate's
    return node.text(*_PLATES), node.value(*scores)


def _speed(node: Fields, unit: str) -> float | None:
    """km/h, where the unit is known; 0 = not measured."""
    value = node.number("current_estimated_speed", "average_estimated_speed")
    return round(value * _KMH[unit], 2) if unit and value else None


def _list(value: Any) -> list[Any]:
    return value[:20] if isinstance(value, list) else []
