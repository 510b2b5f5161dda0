"""Genetec AutoVu: the SharpV HTTP extension, the Security Center LPR plug-in, and LPR ingestion."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.genetec.reads import read_reads

_MARKS = (b"plateanalytics", b"relative motion", b"lprcameraname", b"referencereadid", b"platestateprovince")


class Plugin(Base):
    """Its senders want a 200; what they read in the answer's body is not known to matter."""

    maker = "genetec"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer(kind="event", path="/lpringestion/Reads"), Answer(kind="event")]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        body = payload.body.lower()
        mark = next((mark for mark in _MARKS if mark in body), None)
        if mark is None:
            return None
        return Recognition(confidence=0.9, why=f"the body has the AutoVu field {mark.decode()}")

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_reads(payload.body, payload.content_type, payload.device))
