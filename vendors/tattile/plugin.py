"""Tattile ANPR cameras: messages of the default HTTP template."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
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
        return recognise_by_marks(payload.body, _MARKS)

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_messages(payload))
