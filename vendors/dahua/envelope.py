"""From decoded objects to items: what kind of message a Dahua object is, whatever path or wrapper it came in.

Dispatch is by keys and never by path alone: some installations send everything to one path.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from core.api import MalformedPayload
from vendors.dahua import loose_json
from vendors.dahua.fields import Node, fold, text
from vendors.dahua.words import HEARTBEATS

MAX_ITEMS = 512
_DEEPEST = 5
_EVENT_LISTS = ("eventlist", "events", "returnevents", "eventinfolist")
_EVENT_MARKS = ("trafficcar", "nonmotor", "object", "eventbaseinfo")
_TOLLGATE_MARKS = ("picture", "snapinfo", "normalpic", "cutoutpic", "vehiclepic")
_RELAY_NAMES = frozenset({"eventtype", "alarmtype", "eventname"})
_REGISTRATION_MARKS = frozenset({"devicemodel", "devicetype", "manufacturer"})
_PLATE_KEYS = frozenset({"platenumber", "plateno", "plate", "plateinfo", "licenseplate", "licenceplate", "carnum",
                         "platenum", "platetext", "vehicleno", "carnumber", "plateutf8"})  # fmt: skip
_CODE_KEYS = ("Code", "EventCode", "EventBaseInfo/Code")
_NAME_KEYS = ("EventType", "EventName", "AlarmType", "AlarmName", "Event", "Type", "TrafficCar/Event", "Name")


class Item(msgspec.Struct):
    """One message of a body.

    kind   event      an event object (eventManager, snapManager, RPC2, EventHttpUpload)
           tollgate   an ITSAPI plate push
           relay      flat JSON of DSS or a parking platform
           heartbeat  also a registration: nothing to record
    index  channel - 1, None when not said
    outer  the object around `data`, asked for what `data` lacks
    raw    the text of a `data` that could not be read, "" otherwise
    """

    kind: Literal["event", "tollgate", "relay", "heartbeat"]
    code: str = ""
    action: str = ""
    index: int | None = None
    data: Node = msgspec.field(default_factory=lambda: Node(None))
    outer: Node = msgspec.field(default_factory=lambda: Node(None))
    raw: str = ""


HEARTBEAT = Item("heartbeat")


def items_of(value: Any, where: str = "") -> list[Item]:
    """The messages in a decoded body. Raises MalformedPayload when there is none that is understood.

    where  the last segment of the path ("TollgateInfo"), which decides only what the keys leave open
    """
    found = _walk(value, fold(where), Node(None), 0)
    if not found:
        keys = ", ".join(sorted(map(str, value))[:12]) if isinstance(value, dict) else type(value).__name__
        raise MalformedPayload(
            "expected ITSAPI keys (Picture, Active, DeviceModel), an event (Code, Events) or a plateNumber; "
            f"found {keys[:200] or 'an empty object'}"
        )
    return found


def event_of(code: str, action: str, index: str, data: Any, raw: str = "") -> Item:
    """An event whose three fields stand before its object (`Code=…;action=…;index=…;data=…`)."""
    if code.lower() in HEARTBEATS:
        return HEARTBEAT
    return Item("event", code, action, _index(index), Node(data), raw=raw)


def _walk(value: Any, where: str, outer: Node, depth: int) -> list[Item]:
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        raise MalformedPayload(f"a list of {len(value)} messages is over the limit of {MAX_ITEMS}")
    if isinstance(value, list):
        return [item for child in value for item in _walk(child, where, outer, depth + 1)] if depth < _DEEPEST else []
    if not isinstance(value, dict) or depth >= _DEEPEST:
        return []
    node = Node(value)
    keys = node.folded.keys()
    for key in _EVENT_LISTS:
        if isinstance(listed := node.folded.get(key), dict | list) and listed:
            return _walk(listed, "", node, depth + 1)
    code = node.text(*_CODE_KEYS)
    if _is_tollgate(node):
        return [Item("tollgate", code, data=node, outer=outer)]
    if code:
        return [_event(node, code, outer)]
    if isinstance(node.folded.get("plate"), dict) and not keys & (_RELAY_NAMES | {"timestamp"}):
        return [Item("tollgate", data=node, outer=outer)]
    if any(isinstance(node.folded.get(mark), dict | list) for mark in _EVENT_MARKS):
        return [_event(node, node.text(*_NAME_KEYS), outer)]
    if "active" in keys or keys & HEARTBEATS or "keepalive" in text(node.at("method")).lower():
        return [HEARTBEAT]
    if "method" in keys and not isinstance(node.folded.get("params"), dict):
        return []
    if keys & _PLATE_KEYS:
        return [_relay(node, where, outer)]
    if keys & _REGISTRATION_MARKS or where == "deviceinfo":
        return [HEARTBEAT]
    found = []
    around = _behind(node, outer)
    for key, child in value.items():
        if isinstance(child, dict | list):
            found += _walk(child, fold(key), around, depth + 1)
    if found:
        return found
    if keys & _RELAY_NAMES:
        return [_relay(node, where, outer)]
    if where in HEARTBEATS or ({"devicename", "deviceid"} <= keys and len(keys) <= 8):
        return [HEARTBEAT]
    if where in ("alarminfo", "parkinginfo") and value:
        return [_event(node, node.text(*_NAME_KEYS) or {"alarminfo": "AlarmInfo"}.get(where, "ParkingInfo"), outer)]
    return []


def _is_tollgate(node: Node) -> bool:
    return any(isinstance(node.folded.get(mark), dict | list) for mark in _TOLLGATE_MARKS)


def _event(node: Node, code: str, outer: Node) -> Item:
    if code.lower() in HEARTBEATS:
        return HEARTBEAT
    action = node.text("Action", "EventAction", "EventBaseInfo/Action")
    index = _index(node.text("Index", "EventBaseInfo/Index", "EventIndex"))
    inner, raw = node.folded.get("data"), ""
    if isinstance(inner, str) and inner.strip()[:1] in ("{", "["):
        try:
            inner = loose_json.read(inner)
        except MalformedPayload:
            raw = inner
    if isinstance(inner, list):
        inner = next((child for child in inner if isinstance(child, dict)), None)
    if not isinstance(inner, dict):
        return Item("event", code, action, index, node, outer, raw)
    data, around = Node(inner), _behind(node, outer)
    if _is_tollgate(data):
        return Item("tollgate", code, data=data, outer=around)
    return Item("event", code, action, index, data, around, raw)


def _relay(node: Node, where: str, outer: Node) -> Item:
    merged = _behind(node, outer)
    name = merged.text("EventType", "EventName", "AlarmType", "Event", "Type")
    if not name or name.isdigit():
        name = "ANPR" if node.folded.keys() & _PLATE_KEYS else name or where or "relay"
    return Item("relay", name, merged.text("Action", "EventAction"), None, merged, outer)


def _behind(node: Node, outer: Node) -> Node:
    """The object with what its wrappers say in plain fields, its own fields first."""
    plain = {key: value for key, value in outer.data.items() if not isinstance(value, dict | list)}
    return Node({**plain, **node.data}) if plain else node


def _index(written: str) -> int | None:
    return int(written) if written.isdecimal() and len(written) <= 6 else None
