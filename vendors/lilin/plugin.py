"""LILIN LPR cameras: LPR_COUNT and INFORMATION."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl
from core.api import Plugin as Base
from vendors.lilin.rows import read_rows

_MARKS = (
    (b'"act_param"', 0.95, "the key ACT_PARAM"),
    (b'"lpr_count"', 0.95, "the key LPR_COUNT"),
    (b'"mod_ts"', 0.7, "the key MOD_TS"),
)


class Plugin(Base):
    """Any 200 will do as an answer; no heartbeat is known."""

    maker = "lilin"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        head = payload.body[:200_000].lower()
        found = next(((sure, why) for mark, sure, why in _MARKS if mark in head), None)
        return Recognition(confidence=found[0], why=f"the body has {found[1]}") if found else None

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_rows(payload))
