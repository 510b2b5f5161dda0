"""What officers say of a report: real, begun, done, or none; the last one calls everybody back."""

from __future__ import annotations

from typing import Any

from core.accounts.principal import Principal
from core.domain.incidents import ReportStatus
from core.incidents.acting import STAFF, Act, Moved, clean, refuse_stale, require_role
from core.incidents.errors import Invalid
from core.incidents.states import Event

REASONS = ("false_alarm", "not_a_weapon", "duplicate", "test", "other")
"""Why a report is rejected; `other` needs a note. The first two say that the detector was wrong."""
_EVENTS = {
    ReportStatus.VERIFIED: Event.VERIFY,
    ReportStatus.IN_PROGRESS: Event.START,
    ReportStatus.COMPLETED: Event.COMPLETE,
    ReportStatus.REJECTED: Event.REJECT,
}
_DONE = {Event.VERIFY: "verified", Event.START: "started", Event.COMPLETE: "completed"}


def verify(
    act: Act, principal: Principal, report_id: int, to: ReportStatus, *, reason_code: str = "", note: str = "",
    version: int | None = None,
) -> Moved:  # fmt: skip
    """Move a report as an officer; to=REJECTED recalls it. Raises NotAllowed, NotFound, Conflict, Invalid.

    version  as read; another one now is a Conflict. None: the state alone decides
    """
    require_role(principal, *STAFF)
    event = _EVENTS.get(to)
    if event is None:
        raise Invalid("status", f"expected one of {', '.join(status.value for status in _EVENTS)}")
    note = clean("note", note, limit=2000)
    report = act.lock(report_id)
    refuse_stale(report, version)
    if event is Event.REJECT:
        _reject(act, report, reason_code, note)
        return act.moved(report_id)
    number = act.move(report, event, _DONE[event], note=note)
    act.tell(report_id, "closed" if event is Event.COMPLETE else "incident_update", str(number))
    return act.moved(report_id)


def _reject(act: Act, report: Any, reason_code: str, note: str) -> None:
    reason_code = reason_code or ("other" if note else "")
    if reason_code not in REASONS:
        raise Invalid("reason_code", f"expected one of {', '.join(REASONS)}")
    if reason_code == "other" and not note:
        raise Invalid("note", "the reason `other` needs a note")
    sent = [row["police_id"] for row in act.open_assignments(report["id"])]
    was_told = report["announced_at"] is not None
    number = act.move(
        report, Event.REJECT, "recalled" if was_told else "rejected",
        values={"reason_code": reason_code, "note": note or None}, reason_code=reason_code, note=note, police=sent,
    )  # fmt: skip
    act.tell(
        report["id"], "recalled" if was_told else "incident_update", str(number), reason_code=reason_code,
        police_ids=sent,
    )  # fmt: skip
