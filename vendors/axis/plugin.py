"""Axis cameras with AXIS License Plate Verifier, or CAMMRA of FF Group: the same exporter in both."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
from core.api import Plugin as Base
from vendors.axis.vehicles import read_vehicles

_EVENT = (b"plate", b"carstate", b"carid", b"lptext")
_MARKS = (
    (b"platecoordinatesrelative", 0.95, "the key plateCoordinatesRelative"),
    (b"carmovedirection", 0.95, "the key carMoveDirection"),
    (b"fflprapp", 0.9, "addresses of the app fflprapp"),
    (b"anprversion", 0.8, "a heartbeat with an anprVersion"),
    (b"alpv.realtime", 0.9, "the topic ALPV.RealTime"),
    (b"lp_bmp", 0.5, "LP_BMP of the plate list, which other makes have too"),
)


class Plugin(Base):
    """What is not answered 200 is kept by the app and sent again."""

    maker = "axis"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [
            Answer(kind="heartbeat", contains=(b"alpv", b"numframes"), lacks=_EVENT, max_body=4096),
            Answer(),
        ]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        return recognise_by_marks(payload.body, _MARKS)

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_vehicles(payload))
