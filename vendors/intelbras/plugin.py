"""Intelbras: LPR cameras by ITSAPI, cameras and recorders by eventManager."""

from __future__ import annotations

from core import api
from core.api import Answer, Observation, Payload, Recognition, hookimpl
from vendors.intelbras.dialect import parse

_JSON = "application/json"
_DONE = b'{"Result":true}'
_REGISTERED = b'{"Result":true,"Message":"Success"}'
_EVENT = (b'"picture"', b"snapinfo", b"plate", b'"code"', b"code=", b"image/", b"trafficcar")


def _its(name: str) -> str:
    return f"/NotificationInfo/{name}"


class Plugin(api.Plugin):
    """The camera sends again what is not answered 200 with Result true.

    The paths of /NotificationInfo/ are shared with the make whose firmware this is.
    """

    maker = "intelbras"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [
            Answer(kind="heartbeat", contains=(b'"active"', b'"deviceid"'), lacks=_EVENT, max_body=1024, body=_DONE,
                   media_type=_JSON),
            Answer(kind="registration", contains=(b'"devicemodel"',), lacks=_EVENT, max_body=4096, body=_REGISTERED,
                   media_type=_JSON),
            Answer(kind="heartbeat", contains=(b"heartbeat",), lacks=(*_EVENT, b"{"), max_body=1024, body=_DONE,
                   media_type=_JSON),
            Answer(kind="heartbeat", path=_its("KeepAlive"), shared=True, lacks=_EVENT, max_body=4096, body=_DONE,
                   media_type=_JSON),
            Answer(kind="registration", path=_its("DeviceInfo"), shared=True, lacks=_EVENT, max_body=16384,
                   body=_REGISTERED, media_type=_JSON),
            *(Answer(path=_its(name), shared=True, body=_DONE, media_type=_JSON)
              for name in ("TollgateInfo", "ParkingInfo", "AlarmInfo", "KeepAlive", "DeviceInfo")),
            Answer(body=_DONE, media_type=_JSON),
        ]  # fmt: skip

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        head = payload.body[:200_000].lower()
        if b"intelbras" in head:
            return Recognition(confidence=0.95, why="the body names Intelbras")
        if b"vip-" in head and b"devicemodel" in head:
            return Recognition(confidence=0.8, why="the model begins with VIP-")
        if any(mark in head for mark in (b"snapinfo", b"code=", b"normalpic", b"trafficcar")):
            return Recognition(confidence=0.5, why="a form that it shares with the make of its firmware")
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return parse(payload)
