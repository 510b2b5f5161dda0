"""Webhook bodies to observations: one read for each vehicle in `results`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.api import (
    Device,
    DeviceHint,
    Fields,
    FrameCapture,
    Image,
    ImageRole,
    MalformedPayload,
    Observation,
    Part,
    PlateRead,
    UnsupportedEvent,
    normalise_plate,
    objects,
    percent_of_fraction,
    picture_parts,
    read_body,
    read_moment,
)

_HEARTBEATS = ("heartbeat", "ping", "test", "status")


def read_results(body: bytes, content_type: str, device: Device) -> list[Observation]:
    """Raises MalformedPayload without hook and results, UnsupportedEvent for a hook of another kind (video, dwell)."""
    told = read_body(body, content_type)
    events = list(_events(told.root))
    if not events:
        raise MalformedPayload('platerecognizer: expected "results", as data of a hook or by itself; found neither')
    images = picture_parts(told.pictures, _role) if len(events) == 1 else ()
    found: list[Observation] = []
    unread = []
    for hook, data in events:
        if isinstance(data.value("results"), list | dict):
            found += _observations(hook, data, images, device)
        elif (word := hook.text("event")) and not word.lower().startswith(_HEARTBEATS):
            unread.append(word)
    if unread and not found:
        raise UnsupportedEvent(unread[0])
    return found


def _events(root: Any) -> Iterator[tuple[Fields, Fields]]:
    """(hook, data) of each event; without a hook around it, an object that has results is the data."""
    seen: set[int] = set()
    for node in objects(root):
        if id(node.raw) in seen:
            continue
        if node.has("hook"):
            data = node.node("data") or node
            seen |= {id(below.raw) for below in data.walk()}
            yield node.node("hook"), data
        elif isinstance(node.value("results"), list | dict):
            yield Fields({}), node


def _observations(hook: Fields, data: Fields, images: tuple[Image, ...], device: Device) -> Iterator[Observation]:
    time = read_moment(data.text("timestamp"), device, zoneless="utc")
    if time.utc is None:
        time = read_moment(data.text("timestamp_local"), device)
    results = data.nodes("results")
    if len(results) > 1:  # a crop beside several vehicles shows one of them, and nobody can tell which
        images = tuple(image for image in images if image.role == "scene")
    camera = data.text("camera_id") or hook.text("camera_id")
    common: dict[str, Any] = {
        "event": hook.text("event") or "recognition",
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "hint": DeviceHint(channel=camera, name=camera),
        "images": images,
    }
    for result in results:
        yield _read(result, common)
    if not results and images:  # Snapshot sends every picture, with or without a vehicle
        yield FrameCapture(**common)


def _read(result: Fields, common: dict[str, Any]) -> PlateRead:
    """Results of newer versions have an object for the plate and for the vehicle, with `props` in each."""
    plates = _best(result.nodes("plate/props/plate"))
    raw = result.text("plate") or plates.text("value", "plate")
    color = _best(result.nodes("color", "vehicle/color", "vehicle/props/color"))
    model = _best(result.nodes("model_make", "vehicle/model_make", "vehicle/props/make_model"))
    side = _best(result.nodes("orientation", "vehicle/props/orientation"))
    region = result.node("region") or _best(result.nodes("plate/props/region"))
    kept = {
        "direction_degrees": result.text("direction"),
        "orientation": side.text("orientation", "value"),
        "model": model.text("model"),
        "dscore": result.text("dscore"),
        "position_sec": result.text("position_sec"),
        "source_url": result.text("source_url"),
    }
    return PlateRead(
        **common,
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=percent_of_fraction(result.number("score") if raw and not plates else plates.number("score")),
        vehicle_type=_word(result.text("vehicle/type", "vehicle")),
        vehicle_color=_word(color.text("color", "value")),
        vehicle_brand=model.text("make"),
        country=region.text("code", "value"),
        extra={key: text[:200] for key, text in kept.items() if text},
    )


def _best(choices: list[Fields]) -> Fields:
    """The likeliest of a list of guesses; the first of equals."""
    return max(choices, key=lambda choice: choice.number("score") or 0.0, default=Fields({}))


def _word(text: str) -> str:
    return "" if text.lower() == "unknown" else text.lower()


def _role(part: Part) -> ImageRole:
    """`upload` is the whole picture; others are named for what they show."""
    name = f"{part.name} {part.filename.rpartition('/')[2]}".lower()
    return "plate" if "plate" in name else "vehicle" if "vehicle" in name else "scene"
