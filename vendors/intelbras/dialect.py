"""Messages of Intelbras cameras as observations."""

from __future__ import annotations

from typing import Any

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
    Observation,
    Part,
    Payload,
    PlateRead,
    Status,
    UnsupportedEvent,
    ViolationType,
    measure,
    normalise_plate,
    percent,
    picture_parts,
    read_epoch,
    read_moment,
    read_picture,
)
from vendors.intelbras.wire import Message, messages_of

_NOISE = frozenset({"intelliframe", "ntpadjusttime", "timechange", "rtspsessiondisconnect", "videomotioninfo",
                    "newfile", "clientconnect", "clientdisconnect", "configchange"})  # fmt: skip
_STATUS = frozenset({"videoloss", "storagenotexist", "storagefailure", "storagelowspace", "storagewriteerror",
                     "netabort", "ipconflict", "macconflict", "loginfailure", "reboot"})  # fmt: skip
_VEHICLES = frozenset({"trafficjunction", "trafficgate", "trafficparking", "trafficmanualsnap", "platedetection",
                       "trafficcarmeasurement", "traffictollgate", "cardrivinginout"})  # fmt: skip
_OFFENCES = {
    "trafficrunredlight": ViolationType.LAMPU_MERAH, "trafficoverspeed": ViolationType.BATAS_KECEPATAN,
    "trafficunderspeed": ViolationType.BATAS_KECEPATAN, "trafficretrograde": ViolationType.LAWAN_ARAH,
    "trafficwrongroute": ViolationType.MARKA_JALAN, "trafficoverline": ViolationType.MARKA_JALAN,
    "trafficoveryellowline": ViolationType.MARKA_JALAN, "trafficparkingonyellowbox": ViolationType.MARKA_JALAN,
    "trafficwithoutsafebelt": ViolationType.SABUK_KESELAMATAN, "trafficdrivercalling": ViolationType.PONSEL,
    "trafficnonmotorwithoutsafehat": ViolationType.HELM, "trafficvehicleinbusroute": ViolationType.BUSWAY,
}  # fmt: skip
_WAYS: dict[str, Direction] = {
    "obverse": "approach", "approach": "approach", "approaching": "approach", "head": "approach",
    "reverse": "depart", "leave": "depart", "away": "depart", "tail": "depart",
    "in": "in", "entry": "in", "enter": "in", "out": "out", "exit": "out",
}  # fmt: skip
_WAY_KEYS = ("SnapInfo/Direction", "JunctionDirection", "Direction", "DrivingDirection", "TrafficCar/JunctionDirection",
             "TrafficCar/DrivingDirection", "VehicleDirection")  # fmt: skip
_PLATE_KEYS = ("Plate/PlateNumber", "TrafficCar/PlateNumber", "Object/PlateNumber", "PlateNumber", "Plate")
_PICTURES: tuple[tuple[str, ImageRole], ...] = (
    ("NormalPic", "scene"), ("CutoutPic", "plate"), ("VehiclePic", "vehicle"),
)  # fmt: skip
_KEPT = ("Name", "EventID", "GroupID", "RuleID", "Direction", "DefenceCode", "TriggerSource", "Candidate/PersonName",
         "Candidate/Similarity", "TrafficCar/Direction")  # fmt: skip


def parse(payload: Payload) -> list[Observation]:
    """[] for signs of life. Raises MalformedPayload, or UnsupportedEvent for the camera's housekeeping alone."""
    messages = messages_of(payload)
    told = [message for message in messages if message.code.lower() not in _NOISE]
    if messages and not told:
        raise UnsupportedEvent(messages[0].code)
    return [one for message in told for one in _observe(message, payload.device)]


def _observe(message: Message, device: Device) -> list[Observation]:
    inner = message.data.node("Picture")
    data = Fields(message.data.raw | inner.raw) if inner else message.data
    low = message.code.lower()
    common = _common(message, data, device)
    riders = data.nodes("NonMotor")
    raw = _plate(data)
    if low in _STATUS:
        return [Status(**common, detail=data.text("Name", "Detail"))]
    about_car = not low or low in _VEHICLES or low in _OFFENCES or normalise_plate(raw) is not None
    stop = common["phase"] == "stop"
    if stop or not (about_car or riders):
        seen = data.text("Object/ObjectType", "ObjectType")
        return [FrameCapture(**common, target=seen) if common["images"] and not stop else Alarm(**common, target=seen)]
    reads: list[Observation] = []
    if about_car and (normalise_plate(raw) or not riders or data.has("Vehicle", "TrafficCar")):
        reads.append(_car(data, raw, low, common))
    for rider in riders:
        written = rider.text("PlateNumber", "Object/Text", "Plate/PlateNumber")
        if not reads or (normalise_plate(written) and written != raw):
            reads.append(_rider(rider, written, low, common))
    return reads


def _common(message: Message, data: Fields, device: Device) -> dict[str, Any]:
    time = _time(data, device)
    extra = {key.rpartition("/")[2]: text for key in reversed(_KEPT) if (text := data.text(key))}
    phases = {"start": "start", "stop": "stop"}
    return {
        "event": message.code or "TollgateInfo",
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "phase": phases.get(message.action.lower(), "single"),
        "hint": DeviceHint(
            serial=data.text("SnapInfo/DeviceID", "DeviceID", "SerialNo"),
            channel=str(message.index + 1) if message.index is not None else "",
            name=data.text("DeviceName", "SnapInfo/SnapAddress"),
        ),
        "images": _images(message, data),
        "direction": _direction(data),
        "lane_no": data.text("SnapInfo/LanNo", "SnapInfo/LaneNo", "SnapInfo/Lane", "LanNo", "LaneNo", "Lane"),
        "extra": extra | ({"raw": message.raw} if message.raw else {}),
    }


def _plate(data: Fields) -> str:
    """The Text of a Plate object first; that of a Vehicle object is a brand."""
    thing = data.node("Object")
    if thing.text("ObjectType").lower() == "plate" and normalise_plate(thing.text("Text")):
        return thing.text("Text")
    return "" if data.text("Plate/IsExist").lower() == "false" else data.text(*_PLATE_KEYS)


def _car(data: Fields, raw: str, low: str, common: dict[str, Any]) -> PlateRead:
    thing = data.node("Object")
    score = thing.number("Confidence") if thing.text("ObjectType").lower() in ("", "plate") else None
    speed = data.number("Vehicle/Speed", "Speed", "TrafficCar/Speed")
    plate = normalise_plate(raw)
    name = data.text("PicName", "NormalPic/PicName", "CutoutPic/PicName", "SnapInfo/DefenceCode", "DefenceCode")
    return PlateRead(
        **common | {
            "vehicle_type": data.text("Vehicle/VehicleType", "Vehicle/Category", "TrafficCar/Category").lower(),
            "vehicle_color": data.text("Vehicle/VehicleColor", "TrafficCar/VehicleColor", "VehicleColor").lower(),
        },
        event_id=f"{name}@{common['capture_time_raw']}"[:190] if name else "",
        plate_raw=raw,
        plate_number=plate,
        confidence=_reported(score if score is not None else data.number("Plate/Confidence", "Confidence")),
        plate_color=data.text("Plate/PlateColor", "TrafficCar/PlateColor", "PlateColor").lower(),
        speed_kmh=speed if speed is not None and 0 < speed <= 500 else None,
        vehicle_brand=data.text("Vehicle/VehicleSign", "TrafficCar/VehicleSign", "Vehicle/Text"),
        country=data.text("Plate/Region", "Country"),
        offences=(_OFFENCES[low],) if low in _OFFENCES else (),
    )  # fmt: skip


def _rider(rider: Fields, raw: str, low: str, common: dict[str, Any]) -> PlateRead:
    bare = rider.text("Helmet", "SafeHat", "WithSafehat").lower() in ("without", "no", "withoutsafehat", "false")
    claimed = _OFFENCES.get(low) or (ViolationType.HELM if bare else None)
    return PlateRead(
        **common | {"vehicle_type": rider.text("Category").lower(), "vehicle_color": rider.text("Color").lower()},
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_reported(rider.number("Object/Confidence", "Plate/Confidence")),
        offences=(claimed,) if claimed else (),
    )


def _reported(score: float | None) -> float | None:
    """0 means that none was reported."""
    return percent(score) if score else None


def _direction(data: Fields) -> Direction:
    coded = {"1": "in", "2": "out"}.get(data.text("CarDrivingInOut", "CommInfo/ParkType"), "")
    words = [coded]
    for key in _WAY_KEYS:
        value = data.value(key)
        words += [str(one).lower() for one in (value if isinstance(value, list) else [value])[:2]]
    return next((_WAYS[word] for word in words if word in _WAYS), "unknown")


def _time(data: Fields, device: Device) -> CaptureTime:
    """RealUTC is true, `UTC` and AccurateTime are the camera's wall clock; a clock in 1970 tells nothing."""
    read = [read_moment(data.text("SnapInfo/AccurateTime", "AccurateTime", "SnapInfo/SnapTime", "SnapTime"), device)]
    real, local = data.number("RealUTC"), data.number("UTC", "TrafficCar/UTC")
    if real and device.time_rule == "offset":
        read.append(read_epoch(data.text("RealUTC"), device))
    if local:
        at = read_epoch(local + (data.number("UTCMS") or 0) / 1000, device, clock="wall")
        read.append(CaptureTime(at.utc, at.source, data.text("UTC", "TrafficCar/UTC")))
    usable = [time for time in read if time.utc is not None and time.utc.year > 1970]
    return usable[0] if usable else CaptureTime(None, "receive", read[0].raw)


def _images(message: Message, data: Fields) -> tuple[Image, ...]:
    found: list[Image] = []
    for key, role in _PICTURES:
        for pic in data.nodes(key):
            found += read_picture(pic.text("Content", "Data"), role)
        found += read_picture(data.text(key), role)
    first = message.pictures[:1]
    return (*found, *picture_parts(first, lambda _: "scene"), *picture_parts(message.pictures[1:], _crop))


def _crop(part: Part) -> ImageRole:
    """Parts have no names; the scene comes first, and of the crops the plate's is the flat one."""
    size = measure(part.data)
    return "plate" if size and size.width * 2 >= size.height * 3 else "vehicle"
