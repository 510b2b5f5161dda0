"""Uniview's bodies as observations. What is what is told by keys, so a relay may wrap them as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from core.api import (
    Alarm,
    DeviceHint,
    Fields,
    FrameCapture,
    MalformedPayload,
    Observation,
    Payload,
    PlateRead,
    Status,
    normalise_plate,
    percent,
    read_body,
)
from vendors.uniview import pictures, words
from vendors.uniview.clock import time_of

_VEHICLE_LISTS = frozenset({"vehicleinfolist", "motorvehicleobject", "nonmotorvehicleinfolist",
                            "nonmotorvehicleobject"})  # fmt: skip
_VEHICLE_KEYS = ("PlateAttributeInfo", "VehicleAttributeInfo", "PlateNo", "MotorVehicleID", "NonMotorVehicleID")
_PEOPLE = {"personinfolist": "human", "personobject": "human", "faceinfolist": "face", "faceobject": "face"}
_QUIET = frozenset({"keepaliveobject", "registerobject", "unregisterobject"})
_PLATES = ("PlateAttributeInfo/PlateNo", "PlateAttributeInfo/PlateNumber", "PlateNo", "PlateNumber", "LicensePlate")
_CONFIDENCE = ("PlateAttributeInfo/PlateReliability", "PlateAttributeInfo/Confidence", "PlateReliability",
               "PlateConfidence", "Confidence")  # fmt: skip
_KEPT = ("VehicleAttributeInfo/Type", "VehicleAttributeInfo/Color", "VehicleAttributeInfo/VehicleBrand", "Position",
         "VehicleClass", "Direction", "PlateClass", "RelatedID", "Seq")  # fmt: skip
_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
_BLANKS = bytes.maketrans(b"\t\r\n", b"   ")
_MOST = 500


class Told(NamedTuple):
    """Something a body tells: a vehicle, people, an alarm, a sign of life; and the objects around it, nearest first."""

    kind: str
    node: Fields
    around: tuple[Fields, ...]
    motorised: bool = True


def parse(payload: Payload) -> list[Observation]:
    """Everything the body tells, in its order; [] for a sign of life. Raises MalformedPayload."""
    root = _decoded(payload)
    found: list[Observation] = []
    for event in root if isinstance(root, list) and root else [root]:
        told = list(_told(event, "", ()))
        if not told:
            raise MalformedPayload(
                "uniview: expected PlateAttributeInfo, MotorVehicleObject, AlarmType, StructureInfo or "
                f"KeepaliveObject, found {_keys(event)}"
            )
        if len(told) > _MOST:
            raise MalformedPayload(f"uniview: one event of {len(told)} objects, at most {_MOST} are read")
        found += _observations(told, payload)
    return found


def _decoded(payload: Payload) -> Any:
    """The decoded tree. Control characters in the middle of texts are seen: they cost no event."""
    try:
        return read_body(payload.body, payload.content_type).root
    except MalformedPayload:
        mended = payload.body.translate(_BLANKS, bytes(_CONTROL))
        if mended == payload.body:
            raise
        return read_body(mended, payload.content_type).root


def _told(value: Any, key: str, around: tuple[Fields, ...]) -> Iterator[Told]:
    if isinstance(value, list):
        for item in value:
            yield from _told(item, key, around)
        return
    if not isinstance(value, dict) or len(around) > 32:
        return
    node = Fields(value)
    if key in _QUIET:
        yield Told("life", node, around)
    elif key in _VEHICLE_LISTS:
        yield Told("vehicle", node, around, not key.startswith("nonmotor"))
    elif node.has(*_VEHICLE_KEYS):
        yield Told("vehicle", node, around, not node.has("NonMotorVehicleID"))
    elif key in _PEOPLE:
        yield Told(_PEOPLE[key], node, around)
    else:
        below = [
            t for k, v in value.items() if isinstance(v, dict | list) for t in _told(v, k.lower(), (node, *around))
        ]
        yield from below
        if node.text("AlarmType") and not any(t.kind == "alarm" for t in below):
            yield Told("alarm", node, around)
        elif key == "structureinfo" and not below:
            yield Told("structure", node, around)


def _observations(told: list[Told], payload: Payload) -> list[Observation]:
    vehicles = [t for t in told if t.kind == "vehicle"]
    if vehicles:
        # the alarm beside a vehicle is why it was sent, and no incident of its own
        cause = next((t.node.text("AlarmType") for t in told if t.kind == "alarm"), "")
        return [_read(t, payload, cause, alone=len(vehicles) == 1) for t in vehicles]
    if alarms := [t for t in told if t.kind == "alarm"]:
        return [_alarm(t, payload) for t in alarms]
    people = [t for t in told if t.kind in ("human", "face")]
    first = (people or [t for t in told if t.kind == "structure"])[:1]
    return [o for t in first if (o := _scene(t, payload, bool(people))) is not None]


def _common(told: Told, payload: Payload, event: str) -> dict[str, Any]:
    nodes = (told.node, *told.around)
    time = time_of(told.node, told.around, payload)
    return {
        "event": event,
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "hint": DeviceHint(
            serial=_first(nodes, "DeviceID", "DeviceSN", "SerialNo"),
            channel=_first(nodes, "SrcID", "AlarmSrcID", "ChannelID"),
            name=_first(nodes, "SrcName", "AlarmSrcName", "DeviceName", "TollgateName"),
        ),
        "extra": {path.rpartition("/")[2]: text for path in _KEPT if (text := _first(nodes, path))},
    }


def _read(told: Told, payload: Payload, cause: str, *, alone: bool) -> PlateRead:
    node = told.node
    kind = "MotorVehicle" if told.motorised else "NonMotorVehicle"
    common = _common(told, payload, cause or ("Structure" if _structured(told) else kind))
    raw = node.text(*_PLATES)
    read = node.text("HasPlate").lower() not in ("0", "false", "no")
    return PlateRead(
        **common,
        event_id=_event_id(told),
        images=pictures.of_vehicle(node, told.around, alone=alone),
        direction=words.direction(node.text("DrivingDirection", "Direction", "VehicleAttributeInfo/Direction")),
        lane_no=_first((node, *told.around), "LaneNo", "LaneID", "Lane"),
        vehicle_type=words.vehicle_type(
            node.text("VehicleAttributeInfo/Type", "VehicleClass", "VehicleType")
        ) or ("" if told.motorised else "nonmotor"),
        vehicle_color=words.color(
            node.text("VehicleColor", "VehicleAttributeInfo/Color"), coded=node.has("VehicleColor")
        ),
        vehicle_brand=words.told(node.text("VehicleAttributeInfo/VehicleBrand", "VehicleBrand"), lower=False),
        plate_raw=raw,
        plate_number=normalise_plate(raw) if read else None,
        confidence=percent(node.value(*_CONFIDENCE)),
        plate_color=words.color(
            node.text("PlateColor", "PlateAttributeInfo/Color", "PlateAttributeInfo/PlateColor"),
            coded=node.has("PlateColor"),
        ),
        speed_kmh=_speed(node.number("Speed", "VehicleSpeed", "VehicleAttributeInfo/Speed")),
    )  # fmt: skip


def _alarm(told: Told, payload: Payload) -> Observation:
    """SmartMotionDetectOn begins, …Off ends; what has neither ending is an alarm of one moment."""
    name = told.node.text("AlarmType")
    low = name.lower()
    phase = "stop" if low.endswith("off") else "start" if low.endswith("on") and not low.endswith("ion") else "single"
    common = _common(told, payload, name) | {"event_id": _event_id(told), "phase": phase}
    if any(word in low for word in words.STATUS):
        return Status(**common, detail=told.node.text("AlarmDescription", "AlarmSrcName"))
    images = pictures.of_event(told.node, told.around)
    if images and phase != "stop":
        return FrameCapture(**common, images=images)
    return Alarm(**common)


def _scene(told: Told, payload: Payload, people: bool) -> Observation | None:
    """A structure without a vehicle: a frame for the detectors; empty lists and no picture are nothing to record."""
    images = pictures.of_event(told.node, told.around)
    event = "Structure" if _structured(told) or told.kind == "structure" else told.kind.capitalize()
    common = _common(told, payload, event) | {"event_id": _event_id(told)}
    target = told.kind if people else ""
    if images:
        return FrameCapture(**common, images=images, target=target)
    return Alarm(**common, target=target) if people else None


def _structured(told: Told) -> bool:
    return any(node.has("StructureInfo", "ObjInfo") for node in told.around)


def _event_id(told: Told) -> str:
    """VIID numbers its vehicles; LAPI's RelatedID is common to an event's messages, ID tells its vehicles apart."""
    own = told.node.text("MotorVehicleID", "NonMotorVehicleID")
    related = _first((told.node, *told.around), "RelatedID")
    if own or len(related) < 6:
        return own[:190]
    number = told.node.text("ID") if told.kind == "vehicle" else told.node.text("AlarmType") or told.kind
    return f"{number or 'vehicle'}@{related}"[:190]


def _first(nodes: tuple[Fields, ...], *paths: str) -> str:
    return next((text for node in nodes if (text := node.text(*paths))), "")


def _speed(value: float | None) -> float | None:
    return value if value is not None and 0 < value <= 1000 else None


def _keys(value: Any) -> str:
    if not isinstance(value, dict):
        return type(value).__name__
    return "the keys " + ", ".join(str(key)[:40] for key in list(value)[:8]) if value else "an empty object"
