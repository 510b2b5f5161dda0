"""Frigate NVR: MQTT messages (events, reviews, tracked_object_update) that a bridge posts over HTTP."""

from __future__ import annotations

from typing import Literal

from core.api import Answer, Observation, Payload, PluginConfig, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.frigate.messages import read_messages


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """speed_unit: what Frigate's own `speed_unit` is set to; its messages do not say, and without it none is taken."""

    speed_unit: Literal["", "mph", "kph"] = ""


class Plugin(Base):
    """The bridge is the client; what it does with an answer is up to it."""

    Config = Config
    maker = "frigate"

    @hookimpl
    def answers(self) -> list[Answer]:
        alive = (b"frigate/available", b"frigate/stats")
        lacks = (b'"after"', b"plate", b"frigate/events", b"frigate/reviews")
        return [*(Answer(kind="heartbeat", contains=(m,), lacks=lacks) for m in alive), Answer(kind="event")]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        body = payload.body
        if b'"recognized_license_plate"' in body or b"frigate/" in body:
            return Recognition(confidence=0.95, why="the body names recognized_license_plate or a frigate/ topic")
        if b'"before"' in body and b'"after"' in body and b'"camera"' in body:
            return Recognition(confidence=0.7, why="the body has before, after and a camera")
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return read_messages(payload.body, payload.content_type, payload.device, self.config.speed_unit)
