"""Uniview (UNV): LAPI notifications, and the GA/T 1400 form (VIID) that other Chinese makes speak too."""

from __future__ import annotations

from typing import Literal

from core import api
from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
from vendors.uniview import dialect

_JSON = "application/json"
_LAPI = "/LAPI/*"
_DONE = b'{"ResponseStatusObject":{"StatusCode":0,"StatusString":"OK"}}'
_LISTED = b'{"ResponseStatusListObject":{"ResponseStatusObject":[{"StatusCode":0,"StatusString":"OK"}]}}'
_EVENT = (b"plateno", b"structureinfo", b"alarmtype", b"listobject", b"motorvehicle", b"subimage")
_MARKS = (
    (b"motorvehicleobject", 0.9, "a MotorVehicleObject of GA/T 1400"),
    (b"plateattributeinfo", 0.95, "PlateAttributeInfo of LAPI"),
    (b"structureinfo", 0.9, "StructureInfo of LAPI"),
    (b"alarmsrcid", 0.8, "AlarmSrcID of LAPI"),
    (b"keepaliveobject", 0.6, "a KeepaliveObject of GA/T 1400"),
)


def _quiet(kind: Literal["heartbeat", "registration"], path: str = "", contains: tuple[bytes, ...] = ()) -> Answer:
    return Answer(
        kind=kind, path=path, contains=contains, lacks=_EVENT, max_body=4096, body=_DONE, media_type=_JSON
    )  # fmt: skip


class Plugin(api.Plugin):
    """Reads what Uniview devices push; the bulk is in dialect.py."""

    maker = "uniview"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [
            Answer(path=_LAPI),
            _quiet("heartbeat", path="/VIID/System/Keepalive"),
            _quiet("registration", path="/VIID/System/Register"),
            _quiet("registration", path="/VIID/System/UnRegister"),
            Answer(path="/VIID/*", body=_LISTED, media_type=_JSON),
            _quiet("heartbeat", contains=(b"keepaliveobject",)),
            _quiet("registration", contains=(b"registerobject",)),
            Answer(),
        ]

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return dialect.parse(payload)

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        for prefix in ("/lapi/", "/viid/"):
            if prefix in payload.path.lower():
                return Recognition(confidence=0.9, why=f"the path {prefix.upper()} of Uniview and GA/T 1400")
        return recognise_by_marks(payload.body, _MARKS)
