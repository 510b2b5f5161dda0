"""Event objects of eventManager, snapManager, RPC2 and EventHttpUpload: the same fields in four wrappers."""

from __future__ import annotations

from typing import Any

from core.api import (
    Alarm,
    CaptureTime,
    Device,
    DeviceHint,
    Direction,
    FrameCapture,
    Image,
    Observation,
    PlateRead,
    Status,
    UnsupportedEvent,
    ViolationType,
)
from vendors.dahua import offences
from vendors.dahua.clock import event_time
from vendors.dahua.envelope import Item
from vendors.dahua.fields import Node, flag, lane, plate, plate_confidence, speed, text
from vendors.dahua.pictures import roles_by_size, shared
from vendors.dahua.words import NOISE, OFFENCES, PLATES, SCENES, STATUS, direction_of

_PLATE_PATHS = (
    "TrafficCar/PlateNumber", "Object/PlateNumber", "PlateNumber", "Plate/PlateNumber", "Vehicle/PlateNumber",
    "TrafficCar/PlateNo", "PlateNo", "Plate/Number", "Plate/Text", "LicensePlate", "PlateInfo/PlateNumber",
    "PlateInfo/FrontPlateNumber", "PlateInfo/BackPlateNumber",
)  # fmt: skip
_LANES = ("Lane", "LaneNo", "LanNo", "LaneNumber", "TrafficCar/Lane", "CommInfo/Lane", "RadarInfo/Lane")
_CAR_TYPES = ("Vehicle/Category", "TrafficCar/Category", "TrafficCar/VehicleType", "Vehicle/VehicleType", "VehicleType")
_CAR_COLOURS = ("TrafficCar/VehicleColor", "Vehicle/VehicleColor", "Vehicle/Color", "Vehicle/MainColor", "VehicleColor")
_IN_OUT = ("CarDrivingInOut", "DrivingInOut", "DriveInOut", "InOut", "Direction", "Type", "State")
_DIRECTIONS = ("JunctionDirection", "Direction", "DrivingDirection", "TrafficCar/JunctionDirection",
               "TrafficCar/DrivingDirection", "Vehicle/DrivingDirection", "CommInfo/Direction")  # fmt: skip
_KEPT = {
    "name": "name", "groupid": "group_id", "eventid": "device_event_id", "countingroup": "count_in_group",
    "indexingroup": "index_in_group", "ruleid": "rule_id", "lightstate": "light_state", "direction": "crossing",
    "redlightutc": "red_light_utc", "triggertype": "trigger_type", "speedlimit": "speed_limit",
    "jamlenght": "jam_length", "jamlength": "jam_length", "jamreallength": "jam_real_length", "filepath": "file_path",
}  # fmt: skip
_KEPT_BELOW = {
    "trafficcar": {"direction": "lane_direction", "vehiclesize": "vehicle_size"},
    "vehicle": {"subtext": "vehicle_model"},
    "comminfo": {"snapcategory": "snap_category"},
    "candidate": {"personname": "person", "similarity": "similarity"},
    "plateinfo": {"backplatenumber": "back_plate"},
}


def observe(item: Item, images: list[Image], device: Device, *, alone: bool = True) -> list[Observation]:
    """Turn one event into observations. Raises UnsupportedEvent for the device's housekeeping.

    images  those of the text the event stood in; alone = no other event stood there
    """
    code = item.code or "Event"
    low = code.lower()
    if low in NOISE:
        raise UnsupportedEvent(code)
    common = _common(item, code, device)
    action = item.action.lower()
    if action == "start":
        common["phase"] = "start"
    elif action == "stop":
        # the end of an incident that was told before: never a second read
        common["phase"] = "stop"
        return [Status(**common) if low in STATUS else Alarm(**common, images=tuple(images))]
    if low in STATUS:
        return [Status(**common, images=tuple(images), detail=item.data.text("Name", "Detail", "Reason"))]
    pictures = roles_by_size(images)
    reads = _reads(item, low, common)
    if reads:
        mine = tuple(pictures) if alone and len(reads) == 1 else shared(pictures)
        return [PlateRead(**{**common, **read}, images=mine) for read in reads]
    return [_alarm(item, code, common, pictures)]


def same_vehicle(items: list[Item]) -> bool:
    """True when all events of one text are about one vehicle (a capture and the violation found on it)."""
    if len(items) < 2:
        return True
    plates = {plate(car_plate(item.data)[0]) for item in items}
    return len(plates) == 1 and None not in plates


def car_plate(data: Node) -> tuple[str, Node]:
    """The plate as written and the object that names it: a Plate object's Text first, then the PlateNumber keys.

    The Text of any other object is a brand; only where an object says no type, Text with a digit in it is a plate.
    """
    written = ""
    for thing in data.nodes("Object", "Objects", "ObjectList"):
        if thing.text("ObjectType", "Type").lower() == "plate" and (found := thing.text("Text", "PlateNumber")):
            if plate(found):
                return found, thing
            written = written or found
    for path in _PLATE_PATHS:
        if found := data.text(path):
            if plate(found):
                return found, data.node("Object")
            written = written or found
    bare = data.text("Plate")
    thing = data.node("Object")
    if not bare and not thing.text("ObjectType", "Type"):
        bare = thing.text("Text") if any(c.isdigit() for c in thing.text("Text")) else ""
    return (bare, thing) if bare and plate(bare) else (written or bare, thing)


def _common(item: Item, code: str, device: Device) -> dict[str, Any]:
    data, outer = item.data, item.outer
    when: CaptureTime = event_time(device, data, outer)
    channel = str(item.index + 1) if item.index is not None else ""
    if not channel and (number := outer.number("Channel") if outer else None) is not None and 0 <= number < 1024:
        channel = str(int(number) + 1)
    folded = data.folded
    extra: dict[str, Any] = {_KEPT[key]: value for key in _KEPT.keys() & folded.keys() if (value := text(folded[key]))}
    for block, fields in _KEPT_BELOW.items():
        if block in folded:
            below = data.node(block)
            extra |= {name: value for key, name in fields.items() if (value := below.text(key))}
    if item.raw:
        extra["raw"] = item.raw[:4000]
    return {
        "event": code,
        "capture_time": when.utc,
        "capture_time_raw": when.raw,
        "time_source": when.source,
        "hint": DeviceHint(
            serial=data.text("SerialNo", "SN", "DeviceID") or outer.text("SerialNo", "SN", "DeviceID"),
            channel=channel,
            mac=outer.text("PhysicalAddress", "MAC") or data.text("PhysicalAddress"),
            name=data.text("MachineName", "DeviceName") or outer.text("MachineName", "DeviceName"),
        ),
        "lane_no": next((found for path in _LANES if (found := lane(data.at(path)))), ""),
        "extra": extra,
    }


def _reads(item: Item, low: str, common: dict[str, Any]) -> list[dict[str, Any]]:
    """The vehicles of an event; [] when it is not about a vehicle."""
    data = item.data
    written, named_by = car_plate(data)
    riders = data.nodes("NonMotor", "NonMotors", "NonMotorList")
    claimed = offences.by_code(item.code, data.text("TrafficCar/Event"))
    about_vehicle = low in PLATES or low in OFFENCES or bool(plate(written))
    if not about_vehicle and not _shows_vehicle(data, low):
        return []
    rider_claims = bool(riders) and (
        "nonmotor" in low or "safehat" in low or data.text("CommInfo/SnapCategory").lower() == "nonmotor"
    )
    if riders and not data.node("Vehicle") and not riders[0].text("PlateNumber") and rider_claims:
        # the rider's own block has no plate: the event's plate is the rider's
        return [_rider(data, rider, claimed, common, written if i == 0 else "") for i, rider in enumerate(riders)]
    reads = []
    rider_plates = {plate(rider.text("PlateNumber", "Object/Text")) for rider in riders} - {None}
    if not riders or data.node("Vehicle") or (plate(written) and plate(written) not in rider_plates):
        reads.append(_car(data, written, named_by, [] if rider_claims else claimed, common))
        reads += _further_plates(data, written, common)
    for rider in riders:
        reads.append(_rider(data, rider, claimed if rider_claims or not reads else [], common))
    return reads


def _shows_vehicle(data: Node, low: str) -> bool:
    """A traffic code that no list knows, or no code at all, with a vehicle's own block."""
    if low in SCENES or not (low.startswith("traffic") or low == "event"):
        return False
    return bool(data.node("TrafficCar") or data.node("Vehicle") or data.node("NonMotor"))


def _car(
    data: Node, written: str, named_by: Node, claimed: list[ViolationType], common: dict[str, Any]
) -> dict[str, Any]:
    thing = named_by or data.node("Object")
    kind = thing.text("ObjectType").lower()
    # a Vehicle object's Confidence is not the plate's (and 0 there means "not reported")
    score = None if kind not in ("", "plate") else thing.at("Confidence")
    if score is None:
        score = data.at("TrafficCar/PlateConfidence", "PlateConfidence", "Plate/Confidence")
    number = plate(written)
    confidence, note = plate_confidence(score)
    return {
        "plate_number": number,
        "plate_raw": written,
        "confidence": confidence,
        "plate_color": data.word(
            "TrafficCar/PlateColor", "Plate/PlateColor", "PlateColor", "PlateInfo/FrontPlateColor"
        ),
        "speed_kmh": speed(data.number("Speed", "TrafficCar/Speed", "Vehicle/Speed", "RadarInfo/VehSpeed")),
        "direction": _direction(data, common["event"].lower()),
        "vehicle_type": data.word(*_CAR_TYPES) or (thing.word("Category") if kind == "vehicle" else ""),
        "vehicle_color": data.word(*_CAR_COLOURS),
        "vehicle_brand": _brand(data, thing if kind == "vehicle" else Node(None), number),
        "country": data.text("CommInfo/Country", "TrafficCar/Country", "Country", "Plate/Region")[:40],
        "offences": tuple(dict.fromkeys([*claimed, *offences.of_car(data)])),
        "event_id": _event_id(data, number or "", "car"),
        "extra": {**common["extra"], **note},
    }


def _rider(
    data: Node, rider: Node, claimed: list[ViolationType], common: dict[str, Any], written: str = ""
) -> dict[str, Any]:
    thing = rider.node("Object", "Plate")
    written = rider.text("PlateNumber", "Object/PlateNumber", "Object/Text", "Plate/PlateNumber") or written
    number = plate(written)
    confidence, note = plate_confidence(thing.at("Confidence"))
    return {
        "plate_number": number,
        "plate_raw": written,
        "confidence": confidence,
        "plate_color": rider.word("PlateColor"),
        "speed_kmh": speed(rider.number("Speed")),
        "direction": _direction(data, common["event"].lower()),
        "vehicle_type": rider.word("Category", "Type") or "nonmotor",
        "vehicle_color": rider.word("Color", "NonMotorColor", "VehicleColor"),
        "vehicle_brand": rider.text("Brand"),
        "offences": tuple(dict.fromkeys([*claimed, *offences.of_rider(rider)])),
        "event_id": _event_id(data, number or "", "rider"),
        "extra": {**common["extra"], **note},
    }


def _further_plates(data: Node, first: str, common: dict[str, Any]) -> list[dict[str, Any]]:
    """Plate objects of other vehicles in the same picture; the event's other fields belong to the first."""
    known = {plate(first)}
    reads = []
    for thing in data.nodes("Objects", "ObjectList"):
        written = thing.text("Text", "PlateNumber")
        number = plate(written)
        if thing.text("ObjectType").lower() != "plate" or number is None or number in known:
            continue
        known.add(number)
        confidence, _ = plate_confidence(thing.at("Confidence"))
        event_id = _event_id(data, number, "car")
        reads.append({"plate_number": number, "plate_raw": written, "confidence": confidence, "event_id": event_id})
    return reads


def _alarm(item: Item, code: str, common: dict[str, Any], pictures: list[Image]) -> Observation:
    data = item.data
    target = data.text("Object/ObjectType", "ObjectType", "Objects/ObjectType")
    if not target:
        target = next((word for word in ("Human", "Vehicle", "Face") if word.lower() in code.lower()), "")
    if pictures:
        return FrameCapture(**common, images=tuple(pictures), target=target)
    return Alarm(**common, target=target, region=data.text("RegionName", "Name", "CustomParkNo"))


def _direction(data: Node, low: str) -> Direction:
    """In/out where the event is about that; else which way the vehicle faces (Obverse, Approach, Head)."""
    if low == "cardrivinginout":
        for path in _IN_OUT:
            said = {"1": "in", "2": "out"}.get(data.text(path), data.text(path))
            if direction_of(said) in ("in", "out"):
                return direction_of(said)
    for path in _DIRECTIONS:
        value = data.at(path)
        for word in value if isinstance(value, list) else [value]:
            if (found := direction_of(text(word))) != "unknown":
                return found
    coded = {"1": "in", "2": "out"}.get(data.text("CarDrivingInOut")) or {"1": "in", "2": "out"}.get(
        data.text("CommInfo/ParkType")
    )
    if coded:
        return direction_of(coded)
    found = direction_of(data.text("VehicleDirection", "Vehicle/VehicleDirection"))
    if found == "unknown":
        found = direction_of({"1": "approach", "-1": "depart"}.get(data.text("RadarInfo/Dir"), ""))
    return found


def _brand(data: Node, vehicle: Node, number: str | None) -> str:
    for path in ("Vehicle/Text", "Vehicle/Brand", "TrafficCar/VehicleSign", "Vehicle/VehicleSign", "VehicleSign"):
        if data.word(path):
            return data.text(path)
    brand = vehicle.text("Text") if vehicle.word("Text") else ""
    return "" if number and plate(brand) == number else brand


def _event_id(data: Node, number: str, kind: str) -> str:
    """GroupID and EventID are counters that restart with the camera: unique only with the time and the plate."""
    group = data.text("GroupID", "TrafficCar/GroupID", "EventBaseInfo/GroupID")
    event = data.text("EventID")
    moment = data.text("UTC", "RealUTC", "TrafficCar/UTC")
    if (group in ("", "0") and event in ("", "0")) or not moment or flag(moment) is False:
        return ""
    return f"{group}-{event}-{moment}.{data.text('UTCMS') or 0}-{number or kind}"[:190]
