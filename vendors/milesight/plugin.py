"""Milesight: LPR events by HTTP POST, and answers of the camera's plate list (operator.cgi)."""

from __future__ import annotations

from core import api
from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
from vendors.milesight import dialect

_MARKS = (
    (b'"vehicle brand"', 0.95, 'the key "Vehicle Brand" with a blank'),
    (b'"detection_region"', 0.9, "the key detection_region"),
    (b'"evidence_image', 0.85, "the key evidence_image"),
    (b'"time_msec"', 0.8, "the key time_msec"),
)


class Plugin(api.Plugin):
    """Reads what Milesight cameras push; the bulk is in dialect.py. Any 200 will do as an answer."""

    maker = "milesight"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return dialect.parse(payload)

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        if dialect.is_list(payload.body):
            return Recognition(confidence=0.85, why="numbered lines time_0=, plate_0= of operator.cgi")
        return recognise_by_marks(payload.body, _MARKS)
