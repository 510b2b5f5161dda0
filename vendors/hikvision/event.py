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
    read_epoch,
    read_time,
)
from vendors.hikvision.tree import Tree

DIRECTIONS: Mapping[str, Direction] = {
    "forward": "approach", "approach": "approach", "approaching": "approach", "towards": "approach",
    "reverse": "depart", "away": "depart", "depart": "depart", "departing": "depart",
    "enter": "in", "entering": "in", "entry": "in", "entrance": "in", "in": "in",
    "leave": "out", "leaving": "out", "exit": "out", "exiting": "out", "out": "out",
}  # fmt: skip
VEHICLE_INFO_TYPES = {"0": "", "1": "small", "2": "large", "3": "pedestrian", "4": "two-wheel", "5": "three-wheel",
                      "6": "motor vehicle"}  # fmt: skip
PLATE_EVENTS = frozenset({"anpr", "vehiclematchresult", "tfs", "illegaltrafficevent", "vehicledetection", "its"})
HEARTBEATS = frozenset({"heartbeat", "keepalive"})
STATUS_EVENTS = frozenset(
    {"videoloss", "diskfull", "diskerror", "hdfull", "hderror", "hdbadblock", "storagedetection", "nicbroken",
     "ipconflict", "illaccess", "badvideo", "videomismatch", "recordexception", "softio", "poweroff"}
)  # fmt: skip
OFFENCES = {"wrongdirection": ViolationType.LAWAN_ARAH, "crosslane": ViolationType.MARKA_JALAN,
            "lanechange": ViolationType.MARKA_JALAN}  # fmt: skip
"""Traffic events whose very name is an offence."""
_PLATE_KEYS = ("licensePlate", "plateNumber", "plate", "licensePlateNumber", "plateNo", "originalLicensePlate")
_CONFIDENCE_KEYS = ("confidenceLevel", "confidence", "plateConfidence", "entireBelieve")
_LANE_KEYS = ("line", "laneNo", "lane", "laneNumber")
_NO_COUNTRY = frozenset({"0", "253", "254", "255"})
_NOTHING = frozenset({"", "unknown", "none", "null", "-", "--"})
_ID = re.compile(r"^[0-9A-Za-z{}_-]{8,}$")
_DEEPEST = 8
_TIMES = ("dateTime", "ANPR/dateTime", "captureTime", "ANPR/captureTime", "absTime", "ANPR/absTime", "picTime", "time",
          "timestamp", "eventTime")  # fmt: skip


def events_in(document: Tree, depth: int = 0) -> list[Tree]:
    """The events of a document: an EventNotificationAlert (bare, wrapped or flat) or a polling answer with <Plates>."""
    if document.has("EventNotificationAlert"):
        return [e for alert in document.all("EventNotificationAlert") for e in events_in(alert, depth + 1)]
    known = document.key in ("eventnotificationalert", "plates")
    if known or document.has("eventType", "ANPR", "VehicleMatchResult", "Plates"):
        return [document]
    below = [c for children in document.children.values() for c in children if c.children]
    found = [e for child in below if depth < _DEEPEST for e in events_in(child, depth + 1)]
    return found or ([document] if document.get(*_PLATE_KEYS) else [])


def vehicles_in(alert: Tree) -> list[Tree]:
    """One of `events_in` for each of its ANPR blocks; itself where there is one or none.

    No documented form has several (the guides know one ANPR in an alert); relays that gather events into one make them,
    and no vehicle may be lost for that. An id that stands beside the blocks is the first vehicle's: two vehicles of one
    id would be taken for one.
    """
    blocks = [tree for tree in alert.walk() if tree.key == "anpr" and tree.children]
    if len(blocks) < 2:
        return [alert]
    beside = {key: [t for t in members if not _holds(t, blocks)] for key, members in alert.children.items()}
    beside = {key: members for key, members in beside.items() if members and key != "anpr"}
    found: list[Tree] = []
    ids: set[str] = set()
    for number, block in enumerate(blocks, 1):
        one = Tree(alert.name, alert.text)
        one.children = {"anpr": [block], **beside}  # in this order: a vehicle's own words come first
        if block.has("UUID"):
            one.children["uuid"] = block.all("UUID")
        told = _event_id(one)
        if told in ids:
            again = Tree(alert.name)
            again.children = one.children | {"uuid": [Tree("UUID", f"{told}-{number}")]}
            one = again
        ids |= {told} - {""}
        found.append(one)
    return found


def _holds(tree: Tree, blocks: Sequence[Tree]) -> bool:
    return any(one is block for one in (tree, *tree.walk()) for block in blocks)


def observations(
    event: Tree, device: Device, images: Sequence[Image], codes: Mapping[str, ViolationType]
) -> list[Observation]:
    """Read one of `events_in`.

    codes  illegalCode -> violation type, as this site defines them
    Raises MalformedPayload for one that names no type and holds nothing of a vehicle.
    """
    if event.key == "plates" or event.has("Plates"):
        rows = [event] if event.key == "plates" else event.all("Plates")
        # JSON may list the rows without a <Plate> around each
        return [_polled(plate, device) for row in rows for plate in row.all("Plate") or [row] if plate.children]
    kind = event.get("eventType")
    lasting = kind.lower() == "duration"
    if lasting:  # repeats while an alarm lasts; the true type is named inside
        kind = event.get("DurationList/Duration/relationEvent") or event.anywhere("relationEvent") or kind
    if not kind:
        if not (images or event.has("ANPR") or event.has("VehicleMatchResult") or event.anywhere(*_PLATE_KEYS)):
            raise MalformedPayload("hikvision: expected an eventType, an ANPR block, a plate or a picture, found none")
        kind = "vehicleMatchResult" if event.has("VehicleMatchResult") else "ANPR"
    word = kind.lower()
    state = event.get("eventState").lower()
    if word in HEARTBEATS or (word == "videoloss" and state == "inactive"):
        return []  # of an idle stream
    common = _common(event, device, kind, images)
    if word in PLATE_EVENTS or event.has("ANPR") or event.anywhere(*_PLATE_KEYS):
        return [_plate_read(event, word, common, codes)]
    if lasting and common["phase"] == "start":
        common["phase"] = "update"
    if state == "inactive":
        common["phase"] = "stop"
    if word in STATUS_EVENTS:
        return [Status(**common, detail=event.get("eventDescription"))]
    if images and state != "inactive":
        return [FrameCapture(**common, target=_target(event))]
    return [Alarm(**common, target=_target(event), region=_region(event))]


def _polled(row: Tree, device: Device) -> PlateRead:
    """One row of a polling answer; the camera names the picture, which lies on its own disk."""
    raw = row.get(*_PLATE_KEYS)
    return PlateRead(
        **_time(row, device),
        event="ANPR",
        event_id=row.get("picName"),
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(row.get(*_CONFIDENCE_KEYS)),
        direction=_direction(row),
        lane_no=row.get(*_LANE_KEYS),
        country=row.get("country"),
        extra=_kept(row, "picName", "matchingResult"),
    )


def _common(event: Tree, device: Device, kind: str, images: Sequence[Image]) -> dict[str, Any]:
    lasting = event.get("eventState").lower() == "active" and kind.lower() not in PLATE_EVENTS
    return {
        **_time(event, device),
        "event": kind,
        "event_id": _event_id(event),
        "phase": "start" if lasting else "single",
        "retransmitted": event.get("isDataRetransmission", "ANPR/isDataRetransmission").lower() in ("true", "1", "yes")
        or event.get("ANPR/alarmDataType", "alarmDataType") == "1",
        "images": tuple(images),
        "lane_no": event.get(*_in_anpr(*_LANE_KEYS)),
        "direction": _direction(event),
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


def _plate_read(event: Tree, word: str, common: dict[str, Any], codes: Mapping[str, ViolationType]) -> PlateRead:
    raw = event.get(*_in_anpr(*_PLATE_KEYS)) or event.anywhere(*_PLATE_KEYS)
    if not raw and word in PLATE_EVENTS:  # elsewhere cardNo is a person's card
        raw = event.get(*_in_anpr("cardNo"))
    if common["direction"] == "unknown":
        common["direction"] = _meaning(event.anywhere("direction"))
    info = _vehicle_info(event)
    return PlateRead(
        **common | {"lane_no": common["lane_no"] or event.anywhere("laneNo", "line")},
        plate_raw=raw,
        plate_number=normalise_plate(raw),
        confidence=_confidence(event.get(*_in_anpr(*_CONFIDENCE_KEYS)) or event.anywhere(*_CONFIDENCE_KEYS)),
        plate_color=_word(event.get(*_in_anpr("plateColor")) or event.anywhere("plateColor")),
        vehicle_type=_vehicle_type(event, info),
        vehicle_color=_word(
            info.get("color", "vehicleColor")
            or event.get(*_in_anpr("vehicleColor", "color"))
            or event.anywhere("vehicleColor")
        ),
        vehicle_brand=_word(event.get(*_in_anpr("vehicleLogo", "vehicleBrand")), lower=False),
        country=_country(event),
        speed_kmh=_speed(info.get("speed") or event.get(*_in_anpr("speed", "vehicleSpeed"))),
        offences=_offences(event, word, codes),
    )


def _in_anpr(*names: str) -> tuple[str, ...]:
    """Paths in the ANPR block first, then beside it."""
    return (*(f"ANPR/{name}" for name in names), *names)


def _time(event: Tree, device: Device) -> dict[str, Any]:
    """The first time that can be read; else what the device wrote, for the record."""
    raw = ""
    for path in _TIMES:
        text = event.get(path)
        if not text:
            continue
        raw = raw or text
        time = read_time(text, device)
        if time.utc is None and text.isdigit() and len(text) in (10, 13):  # relays send Unix time
            time = read_epoch(text, device, unit="s" if len(text) == 10 else "ms")
        if time.utc is not None:
            return {"capture_time": time.utc, "capture_time_raw": time.raw, "time_source": time.source}
    return {"capture_time": None, "capture_time_raw": raw, "time_source": "receive"}


def _direction(event: Tree) -> Direction:
    return _meaning(event.get(*_in_anpr("direction")))


def _meaning(word: str) -> Direction:
    return DIRECTIONS.get(word.strip().lower(), "unknown")


def _vehicle_info(event: Tree) -> Tree:
    """The vehicleInfo block: in ANPR, beside it, or in a block of a name of its own (TFS)."""
    return next((t for t in event.walk() if t.key == "vehicleinfo"), Tree("vehicleInfo"))


def _vehicle_type(event: Tree, info: Tree) -> str:
    """The word under ANPR; the coarse number in vehicleInfo only where there is no word."""
    for text in (event.get(*_in_anpr("vehicleType")), info.get("vehicleType"), event.anywhere("vehicleType")):
        if told := VEHICLE_INFO_TYPES.get(text, _word(text)):
            return told
    return ""


def _country(event: Tree) -> str:
    return next((t for p in _in_anpr("country", "CRIndex") if (t := event.get(p)) and t not in _NO_COUNTRY), "")


def _offences(event: Tree, word: str, codes: Mapping[str, ViolationType]) -> tuple[ViolationType, ...]:
    found = [codes[tree.text] for tree in event.walk() if tree.key == "illegalcode" and tree.text in codes]
    told = (word, event.anywhere("illegalTrafficEvent").lower())
    found.extend(OFFENCES[name] for name in told if name in OFFENCES)
    belts = ("pilotSafebelt", "vicepilotSafebelt", "pilotStandardSafebelt", "vicepilotStandardSafebelt")
    if any(event.anywhere(belt).lower() == "no" for belt in belts):
        found.append(ViolationType.SABUK_KESELAMATAN)
    if event.anywhere("uphone").lower() == "yes":
        found.append(ViolationType.PONSEL)
    return tuple(dict.fromkeys(found))


def _confidence(text: str) -> float | None:
    """Hikvision says percent, mostly in whole numbers. Relay scripts send 0.93 or 1.0 under the same name."""
    value = percent(text.rstrip("% "))
    if value is not None and value <= 1 and "." in text and "%" not in text:
        return percent(text, scale=1)
    return value


def _speed(text: str) -> float | None:
    """km/h; 0 = not measured."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1000 else None


def _event_id(event: Tree) -> str:
    """UUID, else a picture's id; activePostCount is none (it counts posts of one alarm), "x" is a dummy."""
    for candidate in (
        event.get("UUID", "ANPR/UUID", "eventUUID"),
        *(t.text for t in event.walk() if t.key == "pid"),
    ):
        if _ID.match(candidate) and len(set(candidate)) > 2:
            return candidate
    return ""


def _target(event: Tree) -> str:
    return _word(event.anywhere("detectionTarget", "targetType"))


def _region(event: Tree) -> str:
    return event.anywhere("regionID")


def _word(text: str, *, lower: bool = True) -> str:
    folded = text.strip().lower()
    return "" if folded in _NOTHING or (folded.isdigit() and not lower) else (folded if lower else text.strip())


def _kept(event: Tree, *paths: str) -> dict[str, Any]:
    return {path.rsplit("/", 1)[-1]: text[:200] for path in paths if (text := event.get(path))}
