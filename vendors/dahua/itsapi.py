"""ITSAPI: what traffic cameras push to /NotificationInfo/TollgateInfo, and the flat JSON of DSS and parking relays."""

from __future__ import annotations

from typing import Any

from core.api import (
    Alarm,
    Device,
    DeviceHint,
    Direction,
    FrameCapture,
    Image,
    Observation,
    PlateRead,
    Status,
    UnsupportedEvent,
)
from vendors.dahua import offences
from vendors.dahua.clock import written_time
from vendors.dahua.envelope import Item
from vendors.dahua.fields import Node, flag, lane, number, plate, plate_confidence, speed, text
from vendors.dahua.pictures import embedded, roles_by_size
from vendors.dahua.words import NOISE, PLATES, STATUS, direction_of

_TIMES = ("AccurateTime", "SnapTime", "CaptureTime", "PassTime", "Time")
_RELAY_TIMES = ("timestamp", "captureTime", "eventTime", "capTime", "alarmTime", "occurTime", "snapTime", "passTime",
                "dateTime", "triggerTime", "AccurateTime", "time")  # fmt: skip
_RELAY_PLATES = (
    "plateNumber", "plateNo", "licensePlate", "licencePlate", "plateNum", "carNum", "carNumber", "plateText",
    "vehicleNo", "plate", "plate/plateNumber", "plate/number", "plate/text", "vehicle/plateNumber",
    "vehicle/plateNo", "vehicle/plate", "vehicle/licensePlate",
)  # fmt: skip
_KEPT = {
    "vehicle_model": ("VehicleSeries", "VehocleSeries"), "snap_address": ("SnapAddress",), "pic_name": ("PicName",),
    "defence_code": ("DefenceCode",), "trigger_source": ("TriggerSource",), "time_zone_index": ("TimeZone",),
    "plate_type": ("PlateType",), "snap_time": ("SnapTime",), "upload_num": ("UploadNum",),
}  # fmt: skip


class _Sections:
    """A tollgate push: SnapInfo, Plate and Vehicle stand inside `Picture` or beside it, or their fields do.

    A field is asked of its own section first, then of all of them: one table, made once.
    """

    def __init__(self, item: Item) -> None:
        top = item.data
        picture = top.node("Picture", "Pictures")
        self.pictures = (picture, top)
        self.snap = picture.node("SnapInfo") or top.node("SnapInfo")
        self.plate = picture.node("Plate", "PlateInfo") or top.node("Plate", "PlateInfo")
        self.vehicle = picture.node("Vehicle", "VehicleInfo") or top.node("Vehicle", "VehicleInfo")
        every: dict[str, Any] = {}
        for node in (item.outer, self.vehicle, self.plate, top, picture, self.snap):
            every |= {k: v for k, v in node.folded.items() if not isinstance(v, dict) and v not in (None, "")}
        self.every = Node(every)

    def text(self, section: Node, *keys: str) -> str:
        return section.text(*keys) or self.every.text(*keys)

    def word(self, section: Node, *keys: str) -> str:
        return section.word(*keys) or self.every.word(*keys)

    def value(self, section: Node, *keys: str) -> Any:
        found = section.at(*keys)
        return self.every.at(*keys) if found is None else found


def tollgate(item: Item, images: list[Image], device: Device) -> list[Observation]:
    """Read a TollgateInfo. AccurateTime is the camera's wall clock; TimeZone is an index and not read as hours.

    Pictures are in base64; where a push is multipart instead, `images` are its parts.
    """
    its = _Sections(item)
    when = written_time(device, its.every, _TIMES)
    written = its.text(its.plate, "PlateNumber", "PlateNo")
    exists = flag(its.value(its.plate, "IsExist"))
    number_plate = plate(written) if exists is not False else None
    confidence, note = plate_confidence(its.value(its.plate, "Confidence", "PlateConfidence"))
    channel = number(its.value(its.plate, "Channel"))
    extra = {key: found for key, keys in _KEPT.items() if (found := its.text(its.snap, *keys))}
    code = its.text(its.snap, "Event", "EventCode", "SnapType", "ViolationCode") if written or its.snap else ""
    event = code if offences.by_code(code) else item.code or "TollgateInfo"
    return [
        PlateRead(
            event=event,
            capture_time=when.utc,
            capture_time_raw=when.raw,
            time_source=when.source,
            event_id=_event_id(its, when.raw),
            hint=DeviceHint(
                serial=its.text(its.snap, "DeviceID", "SerialNo", "DeviceSN"),
                channel=str(int(channel) + 1) if channel is not None and 0 <= channel < 1024 else "",
                ip=its.text(its.snap, "IPAddress", "DeviceIP"),
                mac=its.text(its.snap, "MAC", "PhysicalAddress"),
                name=its.text(its.snap, "DeviceName", "MachineName"),
            ),
            images=(*embedded(*its.pictures), *roles_by_size(images)),
            direction=_direction(its),
            lane_no=lane(its.value(its.snap, "LanNo", "LaneNo", "Lane", "LaneNumber")),
            vehicle_type=its.word(its.vehicle, "VehicleType", "Category", "Type"),
            vehicle_color=its.word(its.vehicle, "VehicleColor", "Color"),
            plate_number=number_plate,
            plate_raw=written,
            confidence=confidence,
            plate_color=its.word(its.plate, "PlateColor"),
            speed_kmh=speed(number(its.value(its.vehicle, "Speed", "VehicleSpeed"))),
            vehicle_brand=its.text(its.vehicle, "VehicleSign", "Brand")
            if its.word(its.vehicle, "VehicleSign", "Brand")
            else "",
            country=its.text(its.plate, "Region", "Country")[:40],
            offences=tuple(
                dict.fromkeys([*offences.by_code(code), *offences.of_car(Node({"Vehicle": its.vehicle.data}))])
            ),
            extra={**extra, **note},
        )
    ]


def relay(item: Item, images: list[Image], device: Device) -> list[Observation]:
    """Read a platform's flat JSON: `plateNumber`, `direction` entry/exit, ISO `timestamp`, `imageUrl`."""
    data = item.data
    if item.code.lower() in NOISE:
        raise UnsupportedEvent(item.code)
    vehicle = data.node("vehicle", "vehicleInfo")
    when = written_time(device, data, _RELAY_TIMES)
    pictures = [*embedded(data, vehicle, data.node("images", "pictures")), *roles_by_size(images)]
    written = data.text(*_RELAY_PLATES)
    common: dict[str, Any] = {
        "event": item.code,
        "capture_time": when.utc,
        "capture_time_raw": when.raw,
        "time_source": when.source,
        "event_id": data.text("eventId", "alarmId", "recordId", "uuid")[:190],
        "hint": DeviceHint(
            serial=data.text("deviceId", "deviceCode", "deviceSn", "serialNo"),
            channel=data.text("channelId", "channel", "channelNo"),
            ip=data.text("deviceIp", "ip"),
            name=data.text("channelName", "deviceName"),
        ),
        "images": tuple(pictures),
        "direction": _relay_direction(data),
        "lane_no": lane(data.at("laneNo", "lane", "lanNo", "laneId")),
        "vehicle_type": vehicle.word("type", "vehicleType", "category") or data.word("vehicleType", "carType"),
        "vehicle_color": vehicle.word("color", "vehicleColor") or data.word("vehicleColor", "carColor"),
    }
    phase = item.action.lower()
    common["phase"] = phase if phase in ("start", "stop") else "single"
    if item.code.lower() in STATUS:
        return [Status(**common)]
    if phase == "stop":
        return [Alarm(**common)]
    if not written and item.code.lower() not in PLATES and not offences.by_code(item.code):
        return [FrameCapture(**common) if pictures else Alarm(**common)]
    score = data.at("confidence", "plateConfidence", "plate/confidence", "vehicle/confidence", "score")
    size = number(score)
    # no document names the scale of a relay: a fraction is one, everything else is percent
    confidence, note = plate_confidence(size * 100 if size is not None and 0 < size < 1 else score)
    return [
        PlateRead(
            **common,
            plate_number=plate(written),
            plate_raw=written,
            confidence=confidence,
            plate_color=data.word("plateColor", "plate/color"),
            speed_kmh=speed(number(data.at("speed", "vehicleSpeed", "vehicle/speed"))),
            vehicle_brand=vehicle.text("brand") or data.text("vehicleBrand", "brand"),
            offences=tuple(offences.by_code(item.code)),
            extra=note,
        )
    ]


def _event_id(its: _Sections, moment: str) -> str:
    """PicName or DefenceCode with the time: some cameras give every picture the same name."""
    name = its.text(its.pictures[0].node("NormalPic"), "PicName")
    for pic in ("NormalPic", "VehiclePic", "CutoutPic"):
        name = name or its.pictures[0].text(f"{pic}/PicName") or its.pictures[1].text(f"{pic}/PicName")
    name = name or its.text(its.snap, "DefenceCode")
    return f"{name}@{moment}"[:190] if name else ""


def _direction(its: _Sections) -> Direction:
    for key in ("Direction", "DrivingDirection", "JunctionDirection", "VehicleDirection"):
        if (found := direction_of(its.text(its.snap, key))) != "unknown":
            return found
    return "unknown"


def _relay_direction(data: Node) -> Direction:
    for path in ("direction", "drivingDirection", "inOut", "passDirection", "vehicle/direction", "eventType"):
        if (found := direction_of(text(data.at(path)))) != "unknown":
            return found
    return "unknown"
