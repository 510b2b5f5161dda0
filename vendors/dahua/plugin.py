"""Dahua and its OEMs (Intelbras, CP Plus, Amcrest, Lorex): ITSAPI, eventManager, snapManager, uploads, DSS relays."""

from __future__ import annotations

from collections.abc import Iterator

from core import api
from core.api import (
    Answer,
    Device,
    MalformedPayload,
    Observation,
    Payload,
    Recognition,
    StreamConnect,
    UnsupportedEvent,
    hookimpl,
    stream_payloads,
)
from vendors.dahua import dialect
from vendors.dahua.answers import TABLE

_MARKS = (
    (b"vehocleseries", 0.95, "the misspelt key VehocleSeries"),
    (b"trafficcar", 0.95, "a TrafficCar object"),
    (b"eventbaseinfo", 0.9, "EventBaseInfo"),
    (b"snapinfo", 0.85, "SnapInfo"),
    (b"cutoutpic", 0.85, "CutoutPic"),
    (b"normalpic", 0.85, "NormalPic"),
    (b"client.notifyeventstream", 0.9, "an RPC2 event stream"),
    (b"code=", 0.7, "a Code=…;action=… block"),
    (b"events[", 0.7, "Events[n] lines"),
    (b"devicemodel", 0.4, "DeviceModel of an ITSAPI registration"),
    (b'"active"', 0.3, "Active of an ITSAPI keep-alive"),
)

_EVENTS = "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5"
_PICTURES = "/cgi-bin/snapManager.cgi?action=attachFileProc&channel={channel}&heartbeat=5&Flags[0]=Event&Events=[All]"


class Plugin(api.Plugin):
    """Parses what Dahua devices push; the bulk is in dialect.py."""

    version = "1.0"

    @hookimpl
    def answers(self) -> list[Answer]:
        return list(TABLE)

    @hookimpl
    def open_stream(self, device: Device, connect: StreamConnect) -> Iterator[Payload]:
        """eventManager tells more, snapManager brings pictures; `settings.dahua.stream` or the purposes choose."""
        wanted = device.settings.get("dahua", {}).get("stream") or ("snapshots" if device.purposes else "events")
        path = _PICTURES.format(channel=device.channel or "1") if wanted == "snapshots" else _EVENTS
        return stream_payloads(connect, device, path, silent_s=30.0)  # heartbeats come every 5 s

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return dialect.parse(payload)

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        if "/notificationinfo/" in payload.path.lower():
            return Recognition(confidence=0.9, why="the path /NotificationInfo/ of ITSAPI")
        lowered = payload.body[:200_000].lower()
        for mark, confidence, why in _MARKS:
            if mark in lowered:
                try:
                    dialect.parse(payload)
                except (MalformedPayload, UnsupportedEvent):
                    confidence /= 2
                return Recognition(confidence=confidence, why=why)
        return None
