"""Huawei VIAS (video analysis service): vehicle and wrong-way events."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
from core.api import Plugin as Base
from vendors.huawei.events import read_events

_MARKS = (
    (b'"tarpaulin_type"', 0.95, "the key tarpaulin_type"),
    (b'"license_plate_id"', 0.9, "the key license_plate_id"),
    (b'"event_type"', 0.4, "an event_type beside a stream_id"),
)


class Plugin(Base):
    """Any 200 will do as an answer; no heartbeat is known."""

    maker = "huawei"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        body = payload.body.lower()
        if b'"stream_id"' not in body and b'"license_plate_id"' not in body:
            return None
        return recognise_by_marks(payload.body, _MARKS)

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return read_events(payload)
