"""Plate Recognizer Stream and Snapshot: webhooks as JSON, as a form, or as a form with the picture."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.platerecognizer.results import read_results


class Plugin(Base):
    """Repeats what was not answered 200, and Snapshot removes a webhook that keeps failing."""

    maker = "platerecognizer"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [
            Answer(kind="heartbeat", contains=(b"hook", b"heartbeat"), lacks=(b"results", b'"plate'), max_body=2048),
            Answer(kind="event"),
        ]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        body = payload.body.replace(b"%22", b'"')
        if b'"hook"' in body and b'"results"' in body:
            return Recognition(confidence=0.95, why="the body has a hook and results")
        if b'"dscore"' in body or b'"model_make"' in body:
            return Recognition(confidence=0.8, why="a result has dscore or model_make")
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return read_results(payload.body, payload.content_type, payload.device)
