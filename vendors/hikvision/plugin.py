"""Hikvision (ISAPI): HTTP listening, alertStream chunks, polling answers; also HiLook, HiWatch and OEMs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from core.api import (
    Answer,
    Device,
    MalformedPayload,
    Observation,
    Payload,
    PluginConfig,
    Recognition,
    StreamConnect,
    ViolationType,
    hookimpl,
    stream_payloads,
)
from core.api import Plugin as Base
from vendors.hikvision import event, pictures
from vendors.hikvision.body import read_body


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """illegal_codes: what this site's illegalCode values mean; cameras start from the Chinese national list."""

    illegal_codes: dict[str, ViolationType] = msgspec.field(default_factory=lambda: {"1301": ViolationType.LAWAN_ARAH})


class Plugin(Base):
    """Any answer but an empty 200 makes the camera post the same event again."""

    Config = Config
    maker = "hikvision"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [
            # what holds anything else beside it (a second part, an active alarm, a plate) is stored
            Answer(
                kind="heartbeat",
                contains=(b"videoloss", b"inactive"),
                lacks=(b"--", b">active", b'"active"', b"anpr"),
                max_body=2048,
            ),
            Answer(kind="event"),
        ]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        head = payload.body[:65536]
        if b"EventNotificationAlert" in head:
            return Recognition(confidence=0.95, why="the body holds an EventNotificationAlert")
        for mark in (b"licensePlatePicture", b"vehicleMatchResult", b"faceCapture"):
            if mark in head:
                return Recognition(confidence=0.7, why=f"the body speaks of {mark.decode()}")
        if b"<Plates" in head and b"plateNumber>" in head:
            return Recognition(confidence=0.8, why="the body is a list of Plates, as ISAPI answers a poll")
        return None

    @hookimpl
    def open_stream(self, device: Device, connect: StreamConnect) -> Iterator[Payload]:
        return stream_payloads(connect, device, "/ISAPI/Event/notification/alertStream")

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        found: list[Observation] = []
        empty: MalformedPayload | None = None
        for told in read_body(payload.body, payload.content_type):
            images = pictures.from_parts(told.parts, told.event) + pictures.from_fields(told.fields)
            try:
                found.extend(event.observations(told.event, payload.device, images, self.config.illegal_codes))
            except MalformedPayload as error:  # costs no event beside it
                empty = error
        if empty is not None and not found:
            raise empty
        return found
