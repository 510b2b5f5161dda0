"""Generic JSON and forms: `POST /api/violation` of the back office, and whatever an integrator writes by hand."""

from __future__ import annotations

from core.api import (
    Answer,
    BodyCheck,
    MalformedPayload,
    Observation,
    Payload,
    Recognition,
    UnsupportedEvent,
    hookimpl,
)
from core.api import Plugin as Base
from vendors.generic.body import read, read_events
from vendors.generic.fields import EVENT, PLATE, fold

_CHECK = BodyCheck(
    media_types=("application/json", "multipart/", "application/x-www-form-urlencoded", "text/json"), any_key=PLATE
)
_STORED = b'{"status":"ok","id":$payload_id}'
_ALIVE = b'{"status":"ok"}'
_JSON = "application/json"
_HEARTBEATS = ("heartbeat", "keepalive", "ping", "alive")


class Plugin(Base):
    """Its clients read our answers: they are told what was wrong and under which id their event is kept."""

    maker = "generic"

    @hookimpl
    def answers(self) -> list[Answer]:
        rows = []
        for path in ("/api/violation", ""):
            for word in (b"heartbeat", b"keepalive"):
                rows.append(
                    Answer(kind="heartbeat", path=path, contains=(b'"' + word + b'"',), lacks=(b"plate", b"nopol"),
                           max_body=512, body=_ALIVE, media_type=_JSON)
                )  # fmt: skip
            rows.append(Answer(kind="event", path=path, body=_STORED, media_type=_JSON, check=_CHECK))
            rows.append(Answer(kind="probe", path=path, methods=("GET", "HEAD"), body=_ALIVE, media_type=_JSON))
        return rows

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        try:
            events = read_events(payload)
        except (MalformedPayload, UnsupportedEvent):
            return None
        if any(event.fields.has(PLATE) for event in events):
            return Recognition(confidence=0.3, why="a JSON body or form that names a plate")
        return None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        found: list[Observation] = []
        for event in read_events(payload):
            if not event.fields.has(PLATE) and fold(event.fields.text((*EVENT, "type", "status"))) in _HEARTBEATS:
                continue
            found.append(read(event, payload.device))
        return found
