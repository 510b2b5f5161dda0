"""Bodies of ALPV and CAMMRA to reads: one for each vehicle, whatever its new, update and lost messages are."""

from __future__ import annotations

from typing import Any

from core.api import (
    CaptureTime,
    Device,
    DeviceHint,
    Direction,
    Fields,
    Image,
    ImageRole,
    MalformedPayload,
    Part,
    Payload,
    PlateRead,
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

_PLATES = ("plateUTF8", "plateUnicode", "plateText", "plateASCII", "lpText", "LPR", "plate", "licensePlate")
_TIMES = ("capture_timestamp", "capture_ts", "frame_timestamp", "TS", "timestamp", "datetime", "MOD_TS", "@UtcTime")
_ALIVE = ("ALPV", "anprVersion", "numFrames", "numberOfReads", "heartbeat")
_WAYS: dict[str, Direction] = {
    "in": "in", "out": "out", "approach": "approach", "approaching": "approach", "towards": "approach",
    "away": "depart", "leave": "depart", "depart": "depart",
}  # fmt: skip
_PHASES = {"new": "start", "update": "update", "lost": "stop"}
_ROLES: dict[str, ImageRole] = {
    "plate": "plate", "lp": "plate", "vehicle": "vehicle", "car": "vehicle", "frame": "scene", "roi": "scene",
    "scene": "scene",
}  # fmt: skip
_KEPT = ("roiID", "packetCounter", "plateList", "plateListMode", "plateListDescription", "plateRegion",
         "plateISO3166-2", "profileID", "plateCoordinates", "geotag", "imageFile", "imageFile2",
         "coordinates")  # fmt: skip


def read_vehicles(payload: Payload) -> list[PlateRead]:
    """[] for a heartbeat. Raises MalformedPayload for a body without vehicles."""
    body = read_body(_double_quoted(payload.body), payload.content_type)
    found = list(records(body.root, *_PLATES, "carState"))
    if not found:  # the ONVIF topic of the app: name and value pairs
        pairs = [named_values(one.raw) | {"@UtcTime": one.text("@UtcTime")} for one in records(body.root, "Data")]
        found = [one for one in map(Fields, pairs) if one.has(*_PLATES)]
    if not found:
        if any(node.has(*_ALIVE) for node in objects(body.root)):
            return []
        raise MalformedPayload("axis: expected plateText, carState or a heartbeat of the app; found none of them")
    vehicles = _of_one_car(found)
    parts = body.pictures if len(vehicles) == 1 else ()
    return [_read(messages, parts, payload.device) for messages in vehicles]


def _double_quoted(body: bytes) -> bytes:
    """The documented heartbeat is no JSON: its quotes are single."""
    return body.replace(b"'", b'"') if body.lstrip()[:1] == b"{" and b'"' not in body else body


def _of_one_car(found: list[Fields]) -> list[list[Fields]]:
    """The messages of one body by vehicle, the best reading first: a batch has `new` and `update` of one car in it."""
    cars: dict[str, list[Fields]] = {}
    for number, node in enumerate(found):
        car = node.text("carID")
        cars.setdefault(f"{_serial(node)}:{car}" if car else f"#{number}", []).append(node)
    return [sorted(messages, key=lambda node: -(_confidence(node) or -1.0)) for messages in cars.values()]


def _read(messages: list[Fields], parts: tuple[Part, ...], device: Device) -> PlateRead:
    raw = _first(messages, *_PLATES)
    plate = normalise_plate(raw)
    time = _time(messages, device)
    car = _first(messages, "carID")
    states = [node.text("carState").lower() for node in messages]
    phase: Any = next((_PHASES[state] for state in ("new", "update", "lost") if state in states), "single")
    info = next((node.node("vehicle_info") for node in messages if node.node("vehicle_info")), Fields({}))
    pictures = [image for node in messages for image in _embedded(node)]
    pictures += picture_parts(parts, lambda part: _role(messages[0].text("imageType") or part.filename or part.name))
    kept = {key: node.value(key) for key in reversed(_KEPT) for node in messages[:1] if node.value(key)}
    kept |= {key: value for key in ("view", "model", "confidenceMMR") if (value := info.text(key))}
    return PlateRead(
        event=" ".join(filter(None, ("ALPR", states[0]))),
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=f"{car}:{plate}" if car and plate else "",
        phase=phase,
        hint=DeviceHint(
            serial=_serial(messages[0]),
            mac=messages[0].text("camera_info/MACAddress"),
            ip=messages[0].text("camera_info/IPAddress"),
            name=messages[0].text("sensorProviderID"),
        ),
        images=tuple(pictures) or tuple(image for node in messages for image in _addresses(node)),
        direction=_WAYS.get(_first(messages, "carMoveDirection", "direction").lower(), "unknown"),
        lane_no=_first(messages, "laneID", "lane"),
        vehicle_type=info.text("type").lower(),
        vehicle_color=info.text("color").lower(),
        vehicle_brand=info.text("brand", "make"),
        plate_raw=raw,
        plate_number=plate,
        confidence=_confidence(messages[0]),
        country=_first(messages, "plateCountry", "country"),
        extra=kept | ({"car_id": car} if car else {}),
    )


def _first(messages: list[Fields], *keys: str) -> str:
    return next((text for node in messages if (text := node.text(*keys))), "")


def _serial(node: Fields) -> str:
    return node.text("camera_info/SerialNumber", "SerialNumber")


def _confidence(node: Fields) -> float | None:
    return percent_of_fraction(node.text("plateConfidence", "confidence") or None)


def _time(messages: list[Fields], device: Device) -> CaptureTime:
    """Epochs first, since `datetime` is the camera's wall clock; the other way where the clock's zone is not trusted.

    MOD_TS of the list says GMT and is local time: it is asked last.
    """
    wall = device.time_rule == "wall_clock"
    keys = ("datetime", *_TIMES) if wall else _TIMES
    read = [read_moment(text, device) for node in messages for key in keys if (text := node.text(key))]
    return next((time for time in read if time.utc is not None), read[0] if read else CaptureTime(None, "receive"))


def _embedded(node: Fields) -> list[Image]:
    """Pictures in base64: a list of objects (ALPV), or a text beside imageType (relays)."""
    usual = node.text("imageType")
    found: list[Image] = []
    for one in node.nodes("ImageArray", "images"):
        role = _role(one.text("ImageType") or usual)
        found += read_picture(one.text("BinaryImage", "image", "data"), role)
    for key in ("ImageArray", "BinaryImage", "image", "plateImage"):
        found += read_picture(node.text(key), _role("plate" if key == "plateImage" else usual))
    return found


def _addresses(node: Fields) -> list[Image]:
    """Where the camera keeps them, mostly without its own address in front."""
    value = node.value("imagesURI", "imageURI")
    told = value if isinstance(value, list) else [value]
    told += [node.value(key) for key in ("LP_BMP", "ROI_BMP")]
    return [Image(role=_role(uri.rpartition("/")[2]), url=uri.strip()[:2000]) for uri in told if _is_path(uri)]


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower().endswith((".jpg", ".jpeg", ".png", ".bmp"))


def _role(name: str) -> ImageRole:
    """By the word that imageType has, or by `lp_` and `roi_` in a file's name."""
    low = name.lower()
    if low in _ROLES:
        return _ROLES[low]
    return "plate" if "lp_" in low or "plate" in low else "vehicle" if "vehicle" in low else "scene"
