"""AxxonSoft (Axxon One, Intellect): recognised plates as CAR_PLATE elements."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.axxon.plates import read_plates


class Plugin(Base):
    """Any 200 will do as an answer; no heartbeat is known."""

    maker = "axxon"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        if b"car_plate" not in payload.body[:200_000].lower():
            return None
        return Recognition(confidence=0.95, why="the element CAR_PLATE")

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_plates(payload))
