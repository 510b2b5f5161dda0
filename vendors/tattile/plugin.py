"""Tattile ANPR cameras: messages of the default HTTP template."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.tattile.messages import read_messages

_MARKS = (
    (b"ocrscore", 0.9, "the field OCRSCORE"),
    (b"plate_string", 0.9, "the field PLATE_STRING"),
    (b"image_ctx", 0.85, "the field IMAGE_CTX"),
)


class Plugin(Base):
    """Any 200 will do as an answer; no heartbeat is known."""

    maker = "tattile"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        head = payload.body[:200_000].lower()
        found = next(((sure, why) for mark, sure, why in _MARKS if mark in head), None)
        return Recognition(confidence=found[0], why=f"the body has {found[1]}") if found else None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_messages(payload))
