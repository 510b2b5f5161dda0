"""Hikvision (ISAPI): HTTP listening, alertStream chunks, polling answers; also HiLook, HiWatch and OEMs."""

from __future__ import annotations

import msgspec

from core.api import (
    Answer,
    Device,
    Image,
    MalformedPayload,
    Observation,
    Part,
    Payload,
    PluginConfig,
    Recognition,
    ViolationType,
    hookimpl,
    is_multipart,
    sniff,
    split_parts,
)
from core.api import Plugin as Base
from vendors.hikvision import event, pictures
from vendors.hikvision.tree import Tree, read_documents


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
            Answer(kind="heartbeat", contains=(b"videoloss", b"inactive"), lacks=(b"--",), max_body=2048),
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
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        body = payload.body
        if not body.strip():
            raise MalformedPayload("hikvision: the body is empty, expected XML, JSON or multipart")
        if is_multipart(payload.content_type) or body.lstrip()[:2] == b"--":
            return self._parts(split_parts(body, payload.content_type), payload.device)
        if sniff(body):
            raise MalformedPayload("hikvision: a picture without an event (expected multipart with XML or JSON)")
        part = Part(headers={}, name="", filename="", content_type="", data=memoryview(body), offset=0)
        return [o for doc in read_documents(part.text()) for o in self._read(doc, payload.device, ())]

    def _parts(self, parts: list[Part], device: Device) -> list[Observation]:
        """Events and their pictures, whatever their order: a picture belongs to the event before it, or the first."""
        events: list[tuple[Tree, list[Part]]] = []
        early: list[Part] = []
        aside: list[Tree] = []
        broken: list[MalformedPayload] = []
        for part in parts:
            if sniff(part.data):
                (events[-1][1] if events else early).append(part)
                continue
            if not part.data or bytes(part.data[:64]).lstrip(b"\xef\xbb\xbf \r\n\t")[:1] not in (b"<", b"{", b"["):
                continue  # an empty picture, or a placeholder instead of one
            try:
                documents = read_documents(part.text())
            except MalformedPayload as error:
                broken.append(error)
                continue
            for document in documents:
                # DeepinView posts faceCapture beside alarmResult: one event in two parts
                (events.append((document, [])) if _is_event(document) else aside.append(document))
        if not events:
            if broken:
                raise broken[0]
            if not aside:
                raise MalformedPayload("hikvision: no part holds an event (expected XML or JSON beside the pictures)")
            events = [(aside[0], [])]
        events[0][1][:0] = early
        return [o for document, own in events for o in self._read(document, device, own)]

    def _read(self, document: Tree, device: Device, parts: list[Part] | tuple[()]) -> list[Observation]:
        images: list[Image] = pictures.from_parts(parts, document) + pictures.from_fields(document)
        return event.observations(document, device, images, self.config.illegal_codes)


def _is_event(document: Tree) -> bool:
    return document.name.lower() in ("eventnotificationalert", "plates") or document.has(
        "eventType", "EventNotificationAlert", "ANPR", "Plates"
    )
