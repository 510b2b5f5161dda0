"""CAR_PLATE: everything in attributes, the picture as the element's text."""

from __future__ import annotations

import re

import msgspec

from core.api import (
    Device,
    DeviceHint,
    Direction,
    Fields,
    Image,
    MalformedPayload,
    Payload,
    PlateRead,
    measure,
    normalise_plate,
    objects,
    percent,
    picture_parts,
    read_body,
    read_moment,
    read_picture,
)

_WAYS: dict[str, Direction] = {"in": "in", "out": "out", "entry": "in", "exit": "out"}
_PLATES = ("plate", "plate_number", "number")
_TEXTS = ("#text", "image", "picture", "frame")
_KEPT = ("plate_mask", "direction", "version", "list", "comment")
_SEVERAL = re.compile(rb"</CAR_PLATE\s*>\s*<|/>\s*<CAR_PLATE", re.IGNORECASE)
_DECLARATION = re.compile(rb"<\?xml[^>]*\?>")


def read_plates(payload: Payload) -> list[PlateRead]:
    """Raises MalformedPayload for a body without a CAR_PLATE."""
    raw = payload.body
    if raw.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<" and _SEVERAL.search(raw):
        raw = b"<list>" + _DECLARATION.sub(b"", raw.lstrip(b"\xef\xbb\xbf")) + b"</list>"
    body = read_body(raw, payload.content_type)
    found = [node for node in map(_bare, objects(body.root)) if node.has(*_PLATES)]
    if not found:
        raise MalformedPayload("axxon: expected CAR_PLATE with the attribute plate; found none")
    loose = picture_parts(body.pictures, lambda _: "scene") if len(found) == 1 else ()
    return [_read(node, payload.device, loose) for node in found]


def _bare(node: Fields) -> Fields:
    """Attributes and child elements alike: a template may write either."""
    return Fields({key.removeprefix("@"): value for key, value in node.raw.items()} | {"#text": node.raw.get("#text")})


def _read(node: Fields, device: Device, loose: tuple[Image, ...]) -> PlateRead:
    raw = node.text(*_PLATES)
    time = read_moment(node.text("time", "timestamp", "date_time"), device)
    return PlateRead(
        event="CAR_PLATE",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=node.text("id", "event_id", "guid"),
        hint=DeviceHint(channel=node.text("cam-id", "camera", "cam"), name=node.text("cam-name", "camera_name")),
        images=(*(_named(image) for key in _TEXTS for image in read_picture(node.raw.get(key), "scene")), *loose),
        direction=_WAYS.get(node.text("direction").lower(), "unknown"),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=percent(node.text("confidence", "quality") or None),
        country=node.text("country"),
        extra={key: text for key in _KEPT if (text := node.text(key))},
    )


def _named(image: Image) -> Image:
    """The template does not say what its picture shows: a flat one is the crop of the plate."""
    size = measure(image.data) if image.data is not None else None
    return msgspec.structs.replace(image, role="plate") if size and size.width >= 2 * size.height > 0 else image
