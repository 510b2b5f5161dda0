"""Webhook bodies to observations: plates, camera notifications, news of the cameras themselves."""

from __future__ import annotations

from typing import Any

from core.api import (
    Alarm,
    Device,
    DeviceHint,
    Fields,
    FrameCapture,
    MalformedPayload,
    Observation,
    PlateRead,
    Status,
    UnsupportedEvent,
    normalise_plate,
    objects,
    percent_of_fraction,
    read_body,
    read_moment,
    read_picture,
)

_PLATES = ("license_plate_number", "license_plate", "plate_number")
_STATUS = frozenset({"camera_offline", "camera_online", "camera_added", "camera_removed"})
_PLAIN = frozenset({"lpr", "notification"})
_TIMES = ("detected", "created", "created_at")
_KEPT = ("license_plate_state", "org_id", "webhook_id", "crop", "video_url", "objects")


def read_webhooks(body: bytes, content_type: str, device: Device) -> list[Observation]:
    """Raises UnsupportedEvent for webhooks of doors and sensors, MalformedPayload for a body that is no webhook."""
    found = [(node, node.node("data")) for node in objects(read_body(body, content_type).root)]
    hooks = [(hook, data) for hook, data in found if hook.has("webhook_type") or data.has(*_PLATES)]
    if not hooks:  # a relay may pass the data alone
        hooks = [(Fields({}), node) for node, _ in found if node.has(*_PLATES)]
    if not hooks:
        raise MalformedPayload("verkada: expected webhook_type or license_plate_number; found neither")
    read = [_observation(hook, data or hook, device) for hook, data in hooks]
    seen = [one for one in read if one is not None]
    if not seen:
        raise UnsupportedEvent(hooks[0][0].text("webhook_type") or "webhook")
    return seen


def _observation(hook: Fields, data: Fields, device: Device) -> Observation | None:
    """None for a webhook that is no camera's."""
    kind = hook.text("webhook_type").lower()
    event = data.text("notification_type").lower() or kind or "lpr"
    time = read_moment(data.value(*_TIMES) or hook.value("created_at"), device)
    images = read_picture(data.value("image_url"), "scene")
    common: dict[str, Any] = {
        "event": event,
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "hint": DeviceHint(
            serial=data.text("camera_id", "device_id"), name=data.text("camera_name", "device_name")
        ),
        "images": images,
        "extra": {key: str(value)[:300] for key in _KEPT if (value := data.value(key) or hook.value(key))},
    }  # fmt: skip
    if data.has(*_PLATES) or kind == "lpr":
        raw = data.text(*_PLATES)
        return PlateRead(
            **common,
            plate_raw=raw,
            plate_number=normalise_plate(raw),
            confidence=percent_of_fraction(data.number("confidence")),
            vehicle_type=data.text("vehicle_type").lower(),
            vehicle_color=data.text("vehicle_color").lower(),
            vehicle_brand=data.text("vehicle_make"),
        )
    if kind not in _PLAIN:
        return None
    if event in _STATUS:
        return Status(**common, detail=event)
    return FrameCapture(**common) if images else Alarm(**common, target="person" if "person" in event else "")
