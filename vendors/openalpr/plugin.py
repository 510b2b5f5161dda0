"""OpenALPR / Rekor Scout: JSON that the agent posts: groups, alerts, single frames, heartbeats."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.openalpr.results import read_results

_PLATES = (b"best_plate", b"alpr_group", b"alpr_results", b"alpr_alert", b'"plate')
"""Of which every body with a plate in it holds one: such a body is never taken for a heartbeat."""


class Plugin(Base):
    """The agent queues what is not answered 200 and sends it again."""

    maker = "openalpr"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [
            Answer(kind="heartbeat", contains=(b'"data_type"', b'"heartbeat"'), lacks=_PLATES, max_body=65_536),
            Answer(kind="heartbeat", contains=(b'"openalpr_webhook"', b'"test"'), lacks=_PLATES, max_body=1024),
            Answer(kind="event"),
        ]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        body = payload.body.lower()
        for mark in (b'"openalpr_webhook"', b'"alpr_group"', b'"alpr_alert"', b'"alpr_results"'):
            if mark in body:
                return Recognition(confidence=0.95, why=f"the body says {mark.decode()}")
        if b'"data_type"' in body and b'"cpu_cores"' in body:
            return Recognition(confidence=0.8, why="the body has data_type and cpu_cores of an agent")
        if b'"best_plate' in body or b'"epoch_start"' in body:
            return Recognition(confidence=0.7, why="the body has best_plate or epoch_start")
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_results(payload.body, payload.content_type, payload.device))
