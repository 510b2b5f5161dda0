"""LILIN LPR cameras: LPR_COUNT and INFORMATION."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
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
        return recognise_by_marks(payload.body, _MARKS)

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return list(read_rows(payload))
