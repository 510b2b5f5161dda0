"""The agent's JSON to reads. What a message is follows from its keys; data_type may be null or missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.api import (
    Device,
    DeviceHint,
    Fields,
    Image,
    MalformedPayload,
    PlateRead,
    UnsupportedEvent,
    normalise_plate,
    percent,
    read_body,
    read_moment,
    read_picture,
)

_SIGNS_OF_LIFE = ("heartbeat", "test")
_IN_GROUP = ("best_plate", "best_plate_number", "best_confidence", "epoch_start")
_MOST_LEVELS = 16


def read_results(body: bytes, content_type: str, device: Device) -> list[PlateRead]:
    """Raises UnsupportedEvent for a data_type that is no plate and no heartbeat, MalformedPayload for anything else."""
    root = read_body(body, content_type).root
    found = list(_reads(root, device, 0))
    if found:
        return found
    told = [word for word in _types(root, 0) if word]
    if not told:
        raise MalformedPayload("openalpr: expected data_type, best_plate, a group or results; found none of them")
    if all(word in (*_SIGNS_OF_LIFE, "alpr_results") for word in told):
        return []  # frames without a plate are nothing to record either
    raise UnsupportedEvent(next(word for word in told if word not in _SIGNS_OF_LIFE))


def _reads(value: Any, device: Device, level: int) -> Iterator[PlateRead]:
    if isinstance(value, list) and level < _MOST_LEVELS:
        for item in value:
            yield from _reads(item, device, level + 1)
    if not isinstance(value, dict) or level >= _MOST_LEVELS:
        return
    node = Fields(value)
    if group := node.node("group"):
        yield _group(group, node, node.text("data_type") or "alpr_alert", device)
    elif node.has(*_IN_GROUP) or _type(node) == "alpr_group":
        yield _group(node, Fields({}), node.text("data_type") or "alpr_group", device)
    elif _type(node) == "alpr_results" or (node.nodes("results") and node.has("epoch_time")):
        results = node.nodes("results")
        for number, result in enumerate(results):
            yield _read(result, node, device, suffix=f"#{number}" if len(results) > 1 else "")
    elif node.has("plate_number", "plate"):  # an alert that names its plate and carries no group
        yield _group(node, node, node.text("data_type") or "alpr_alert", device)
    else:
        for child in value.values():
            yield from _reads(child, device, level + 1)


def _group(group: Fields, alert: Fields, event: str, device: Device) -> PlateRead:
    """A vehicle over all its frames. What an alert says around it counts where the group is silent."""
    best = group.node("best_plate")
    raw = group.text("best_plate_number") or best.text("plate", "plate_number") or alert.text("plate_number", "plate")
    return _make(
        group,
        alert,
        device,
        event=event,
        phase="stop",
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_first(percent(v) for v in (group.number("best_confidence"), best.number("confidence"),
                                               alert.number("confidence"))),
        images=(
            *read_picture(best.value("plate_crop_jpeg") or group.value("plate_crop_jpeg"), "plate"),
            *read_picture(group.value("vehicle_crop_jpeg") or best.value("vehicle_crop_jpeg"), "vehicle"),
        ),
        country=group.text("country", "best_region") or best.text("region"),
    )  # fmt: skip


def _read(result: Fields, frame: Fields, device: Device, *, suffix: str) -> PlateRead:
    """One plate of one frame: the group of the same vehicle follows, where the agent is set to send groups.

    suffix  tells two vehicles under the frame's one uuid apart
    """
    raw = result.text("plate")
    images: tuple[Image, ...] = (
        *read_picture(result.value("plate_crop_jpeg"), "plate"),
        *read_picture(result.value("vehicle_crop_jpeg"), "vehicle"),
    )
    return _make(
        result,
        frame,
        device,
        event=frame.text("data_type") or "alpr_results",
        suffix=suffix,
        phase="update",
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=percent(result.number("confidence")),
        images=images,
        country=result.text("region", "country"),
    )


def _make(inner: Fields, outer: Fields, device: Device, *, suffix: str = "", **fields: Any) -> PlateRead:
    told = [node.value(key) for node in (inner, outer) for key in ("epoch_start", "epoch_time", "epoch_end")]
    time = read_moment(next((value for value in told if value is not None), None), device)
    vehicle = inner.node("vehicle", "best_plate/vehicle")

    def text(*names: str) -> str:
        return inner.text(*names) or outer.text(*names)

    kept = ("travel_direction", "uuid", "region", "list_type", "alert_list", "description", "site_name", "site_id",
            "is_parked", "user_data")  # fmt: skip
    return PlateRead(
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=uuid + suffix if (uuid := text("best_uuid", "uuid")) else "",
        hint=DeviceHint(
            serial=text("agent_uid"), channel=text("camera_id", "camera_number"), name=text("camera_name", "camera")
        ),
        vehicle_type=_best(vehicle, "body_type"),
        vehicle_color=_best(vehicle, "color"),
        vehicle_brand=_best(vehicle, "make"),
        extra={key: found[:200] for key in kept if (found := text(key))}
        | {key: found for key in ("make_model", "year", "orientation") if (found := _best(vehicle, key))},
        **fields,
    )


def _best(vehicle: Fields, key: str) -> str:
    """The likeliest name of a list of {name, confidence}; `_ignore_` is the classifier's word for none."""
    guesses = [g for g in vehicle.nodes(key) if g.text("name") and not g.text("name").startswith("_")]
    return max(guesses, key=lambda g: g.number("confidence") or 0.0, default=Fields({})).text("name").lower()


def _first(values: Iterator[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _type(node: Fields) -> str:
    return node.text("data_type", "openalpr_webhook").lower()


def _types(value: Any, level: int) -> Iterator[str]:
    if level >= _MOST_LEVELS:
        return
    if isinstance(value, dict):
        yield _type(Fields(value))
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _types(child, level + 1)
