"""Verkada Command: webhooks for licence plates and camera notifications."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.verkada.webhooks import read_webhooks


class Plugin(Base):
    """Command repeats what was not answered 200."""

    maker = "verkada"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer(kind="event")]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        if "verkada-signature" in payload.headers:
            return Recognition(confidence=0.95, why="the request is signed by Verkada")
        if b'"webhook_type"' in payload.body.lower():
            return Recognition(confidence=0.9, why="the body has a webhook_type")
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return read_webhooks(payload.body, payload.content_type, payload.device)
