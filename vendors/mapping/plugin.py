"""Makes whose output is templated on the device: where each field stands is told in plugins.toml."""

from __future__ import annotations

from core.api import Answer, MalformedPayload, Observation, Payload, PluginConfig, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.mapping.config import AnswerText, Reading
from vendors.mapping.reading import read_vehicles


class Config(PluginConfig, Reading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One template of one make. doc.md shows whole ones.

    fields      where each field stands: path expressions, or several of them, asked in order
    each        path of the vehicles, for bodies with several
    images      where pictures stand: base64, a data URI, an address, or the name of a file part
    confidence_full  the value that means certain: 100, 1, 999
    time_format      of strptime, for times that are not read by themselves; time_zone: whose clock a zoneless one means
    directions       the device's words or numbers -> approach, depart, in, out
    heartbeat   bodies that are a sign of life and no vehicle
    answer      what the device wants to hear
    """

    answer: AnswerText = AnswerText()


class Plugin(Base):
    """Speaks for the make that its instance names in plugins.toml: `maker = "vaxtor"`."""

    Config = Config

    @hookimpl
    def answers(self) -> list[Answer]:
        told = self.config.answer
        return [Answer(kind="event", status=told.status, body=told.body.encode(), media_type=told.media_type)]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        try:
            reads = read_vehicles(payload, self.config)
        except MalformedPayload:
            return None
        if not any(read.plate_number for read in reads):
            return None
        return Recognition(confidence=0.4, why=f"the paths of {self.context.instance} find a plate in it")

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_vehicles(payload, self.config))
