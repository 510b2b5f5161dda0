"""ISAPI events to observations. One reading for XML and JSON, for every placement of the fields that was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.api import (
    Alarm,
    Device,
    DeviceHint,
    Direction,
    FrameCapture,
    Image,
    MalformedPayload,
    Observation,
    PlateRead,
    Status,
    ViolationType,
    normalise_plate,
    percent,
    read_time,
)
from vendors.hikvision.tree import Tree

DIRECTIONS: Mapping[str, Direction] = {
    "forward": "approach", "approach": "approach", "approaching": "approach", "reverse": "depart", "away": "depart",
    "depart": "depart", "leaving": "depart", "enter": "in", "in": "in", "entrance": "in", "leave": "out", "exit": "out",
    "out": "out",
}  # fmt: skip
VEHICLE_INFO_TYPES = {"0": "other", "1": "small", "2": "large", "3": "pedestrian", "4": "two-wheel", "5": "three-wheel",
                      "6": "motor vehicle"}  # fmt: skip
PLATE_EVENTS = frozenset({"anpr", "vehiclematchresult", "tfs", "illegaltrafficevent", "vehicledetection", "its"})
STATUS_EVENTS = frozenset(
    {"videoloss", "diskfull", "diskerror", "nicbroken", "ipconflict", "illaccess", "badvideo", "videomismatch",
     "hdbadblock", "recordexception", "softio", "poweroff"}
)  # fmt: skip
OFFENCES = {"wrongdirection": ViolationType.LAWAN_ARAH, "crosslane": ViolationType.MARKA_JALAN,
            "lanechange": ViolationType.MARKA_JALAN}  # fmt: skip
"""Traffic events whose very name is an offence."""
_PLATE = ("ANPR/licensePlate", "ANPR/plateNumber", "ANPR/plate", "ANPR/licensePlateNumber", "licensePlateNumber",
          "licensePlate", "plateNumber", "plateNo", "plate", "VehicleMatchResult/PlateInfo/plate", "PlateInfo/plate",
          "VehicleMatchResult/plate", "ANPR/cardNo")  # fmt: skip
_NOTHING = frozenset({"", "unknown", "none", "null", "-", "--"})
_ID = re.compile(r"^[0-9A-Za-z{}_-]{8,}$")


def observations(
    event: Tree, device: Device, images: Sequence[Image], codes: Mapping[str, ViolationType]
) -> list[Observation]:
    """Read one document: an EventNotificationAlert (bare, wrapped or flat), or a polling answer with <Plates>.

    codes  illegalCode -> violation type, as this site defines them
    """
    name = event.name.lower()
    if name == "plates" or event.has("Plates/Plate"):
        plates = event.all("Plate") if name == "plates" else event.all("Plates/Plate")
        return [_polled(plate, device) for plate in plates]
    inner = event.all("EventNotificationAlert")
    if inner:
        return [o for one in inner for o in observations(one, device, images, codes)]
    kind = event.get("eventType")
    if kind.lower() == "duration":  # repeats while an alarm lasts; the true type is named inside
        kind = event.get("DurationList/Duration/relationEvent", "relationEvent") or kind
    if not kind:
        if not event.has("ANPR", "VehicleMatchResult") and not event.get(*_PLATE):
            raise MalformedPayload(f"expected an eventType or an ANPR block, found a document {event.name[:60]!r}")
        kind = "ANPR" if not event.has("VehicleMatchResult") else "vehicleMatchResult"
    state = event.get("eventState").lower()
    if kind.lower() == "videoloss" and state == "inactive":
        return []  # the heartbeat of an idle stream
    common = _common(event, device, kind, images)
    if kind.lower() in PLATE_EVENTS or event.has("ANPR") or (kind.lower() in OFFENCES and event.get(*_PLATE)):
        return [_plate_read(event, kind, common, codes)]
    if state == "inactive":
        return [Alarm(**(common | {"phase": "stop"}), target=_target(event), region=_region(event))]
    if kind.lower() in STATUS_EVENTS:
        return [Status(**common, detail=event.get("eventDescription"))]
    if images:
        return [FrameCapture(**common, target=_target(event))]
    return [Alarm(**common, target=_target(event), region=_region(event))]


def _polled(plate: Tree, device: Device) -> PlateRead:
    """One row of a polling answer. captureTime is the camera's wall clock even where digits look like an offset's."""
    raw = plate.get("plateNumber", "licensePlate")
    time = read_time(plate.get("captureTime", "picTime", "dateTime"), device)
    return PlateRead(
        event="ANPR",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=plate.get("picName"),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(plate.get("confidenceLevel", "confidence")),
        direction=DIRECTIONS.get(plate.get("direction").lower(), "unknown"),
        lane_no=plate.get("laneNo", "line"),
        country=plate.get("country"),
        extra=_kept(plate, "picName", "matchingResult"),
    )


def _common(event: Tree, device: Device, kind: str, images: Sequence[Image]) -> dict[str, Any]:
    time = read_time(event.get("dateTime", "ANPR/dateTime", "captureTime", "absTime", "ANPR/absTime"), device)
    lasting = event.get("eventState").lower() == "active" and kind.lower() not in PLATE_EVENTS
    return {
        "event": kind,
        "capture_time": time.utc,
        "capture_time_raw": time.raw,
        "time_source": time.source,
        "event_id": _event_id(event),
        "phase": "start" if lasting else "single",
        "retransmitted": event.get("isDataRetransmission").lower() == "true"
        or event.get("ANPR/alarmDataType", "alarmDataType") == "1",
        "images": tuple(images),
        "lane_no": event.get("ANPR/line", "ANPR/laneNo", "ANPR/lane", "laneNo", "line", "lane"),
        "direction": DIRECTIONS.get(event.get("ANPR/direction", "direction").lower(), "unknown"),
        "hint": DeviceHint(
            serial=event.get("deviceSerial", "deviceSerialNo", "serialNumber", "deviceID"),
            channel=event.get("channelID", "dynChannelID"),
            ip=event.get("ipAddress"),
            mac=event.get("macAddress"),
            name=event.get("channelName"),
        ),
        "extra": _kept(
            event, "eventDescription", "activePostCount", "deviceUUID", "ANPR/plateType", "ANPR/CRIndex",
            "ANPR/listType", "ANPR/vehicleListName", "ANPR/plateCharBelieve", "ANPR/originalLicensePlate",
            "ANPR/illegalInfo/illegalCode", "ANPR/illegalInfo/illegalName", "ANPR/vehicleInfo/vehicleLogoRecog",
            "ANPR/vehicleInfo/colorDepth", "ANPR/speedLimit", "ANPR/detectDir", "ANPR/detectType", "detectDir",
            "VehicleMatchResult/PlateInfo/listType",
        ),
    }  # fmt: skip


def _plate_read(event: Tree, kind: str, common: dict[str, Any], codes: Mapping[str, ViolationType]) -> PlateRead:
    raw = event.get(*_PLATE)
    kind_of_vehicle = _word(event.get("ANPR/vehicleType", "vehicleType"))
    if not kind_of_vehicle:
        number = event.get("ANPR/vehicleInfo/vehicleType", "vehicleInfo/vehicleType")
        kind_of_vehicle = VEHICLE_INFO_TYPES.get(number, _word(number))
        kind_of_vehicle = "" if kind_of_vehicle == "other" else kind_of_vehicle
    speed = percentless(
        event.get("ANPR/vehicleInfo/speed", "vehicleInfo/speed", "ANPR/speed", "ANPR/vehicleSpeed", "speed")
    )
    return PlateRead(
        **common,
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(
            event.get(
                "ANPR/confidenceLevel",
                "ANPR/confidence",
                "confidenceLevel",
                "confidence",
                "VehicleMatchResult/PlateInfo/confidence",
            )
        ),
        plate_color=_word(event.get("ANPR/plateColor", "plateColor", "VehicleMatchResult/PlateInfo/plateColor")),
        vehicle_type=kind_of_vehicle,
        vehicle_color=_word(
            event.get(
                "ANPR/vehicleInfo/color",
                "vehicleInfo/color",
                "ANPR/vehicleColor",
                "ANPR/color",
                "vehicleColor",
                "color",
            )
        ),
        vehicle_brand=_word(
            event.get("ANPR/vehicleLogo", "vehicleLogo", "ANPR/vehicleBrand", "vehicleBrand"), lower=False
        ),
        country=event.get("ANPR/country", "country", "ANPR/CRIndex"),
        speed_kmh=speed if speed else None,  # 0 = not measured
        offences=_offences(event, kind, codes),
    )


def _offences(event: Tree, kind: str, codes: Mapping[str, ViolationType]) -> tuple[ViolationType, ...]:
    found = []
    code = event.get("ANPR/illegalInfo/illegalCode", "illegalInfo/illegalCode", "illegalCode")
    if code in codes:
        found.append(codes[code])
    if kind.lower() in OFFENCES:
        found.append(OFFENCES[kind.lower()])
    if "no" in (event.get("ANPR/pilotsafebelt").lower(), event.get("pilotStandardSafebelt").lower()):
        found.append(ViolationType.SABUK_KESELAMATAN)
    if event.get("ANPR/uphone").lower() == "yes":
        found.append(ViolationType.PONSEL)
    return tuple(dict.fromkeys(found))


def _confidence(text: str) -> float | None:
    """Hikvision says percent. Relay scripts send 0.93 under the same name: below one with a point is a fraction."""
    value = percent(text)
    if value is not None and 0 < value < 1 and "." in text:
        return percent(text, scale=1)
    return value


def percentless(text: str) -> float | None:
    """A number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1000 else None


def _event_id(event: Tree) -> str:
    """UUID, else a picture's id; activePostCount is none (it counts posts of one alarm), "x" is a dummy."""
    for candidate in (event.get("UUID", "ANPR/UUID", "eventUUID"), *(t.text for t in event.walk() if t.name == "pId")):
        if _ID.match(candidate) and len(set(candidate)) > 2:
            return candidate
    return ""


def _target(event: Tree) -> str:
    return _word(event.get("DetectionRegionList/DetectionRegionEntry/detectionTarget", "detectionTarget", "targetType"))


def _region(event: Tree) -> str:
    return event.get("DetectionRegionList/DetectionRegionEntry/regionID", "regionID")


def _word(text: str, *, lower: bool = True) -> str:
    folded = text.strip().lower()
    return "" if folded in _NOTHING or (folded.isdigit() and not lower) else (folded if lower else text.strip())


def _kept(event: Tree, *paths: str) -> dict[str, Any]:
    return {path.rsplit("/", 1)[-1]: text[:200] for path in paths if (text := event.get(path))}
