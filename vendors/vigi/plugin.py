"""TP-Link VIGI cameras and recorders: alarm messages, with or without a picture."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.vigi.alarms import read_alarms


class Plugin(Base):
    """Any 200 will do as an answer; the test message of the web page tells the camera's names alone."""

    maker = "vigi"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        head = payload.body[:200_000].lower()
        if b'"event_list"' not in head:
            return None
        sure = 0.9 if b'"device_name"' in head or b'"mac"' in head else 0.6
        return Recognition(confidence=sure, why="the body has an event_list")

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return read_alarms(payload)
