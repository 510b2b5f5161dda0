"""Sending police: assign, accept or decline, take an assignment back, and the stop with its acknowledgement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select, update

from core.accounts.principal import Principal
from core.accounts.tables import police
from core.incidents.acting import STAFF, Act, Moved, clean, refusal_of, refuse_stale, require_role
from core.incidents.errors import Conflict, NotFound
from core.incidents.states import (
    OPEN,
    AssignmentEvent,
    AssignmentRefusal,
    AssignmentState,
    Event,
    Refusal,
    advance,
    state_of,
)
from core.incidents.tables import assignments
from core.notices.tables import notice_recipients, notices


def assign(
    act: Act, principal: Principal, report_id: int, police_id: int, *, backup: bool = False,
    version: int | None = None,
) -> int:  # fmt: skip
    """Send a police officer and return the assignment's id. It counts as the human check.

    backup  beside those who are on it; otherwise a Conflict as long as somebody is. Raises NotAllowed, NotFound,
            Conflict.
    """
    require_role(principal, *STAFF)
    report = act.lock(report_id)
    refuse_stale(report, version)
    vacant = not any(not row["is_backup"] for row in act.open_assignments(report_id))
    if backup and vacant:
        raise Conflict(Refusal.NOBODY_SENT, report["status"], version=report["version"])
    chosen = _lock_police(act, report, police_id)
    event = Event.BACK_UP if backup else Event.ASSIGN
    number = act.move(
        report, event, "assigned", vacant=vacant, police_id=police_id, police=_name(chosen), backup=backup or None
    )
    _refuse_unfit(act, chosen)
    values = {
        "vendor_id": report["vendor_id"], "report_id": report_id, "police_id": police_id,
        "assigned_by": act.actor.name, "assigned_role": act.actor.role, "assigned_actor_id": principal.id,
        "assigned_at": act.now, "is_backup": backup,
    }  # fmt: skip
    query = insert(assignments).values(**values).returning(assignments.c.id)
    assignment_id = int(act.connection.execute(query).scalar_one())
    busy = update(police).where(police.c.id == police_id)
    act.connection.execute(busy.values(status="busy", updated_at=act.now))
    act.tell(
        report_id, "assigned", str(number), assignment_id=assignment_id, police_id=police_id,
        police_name=_name(chosen), is_backup=backup,
    )  # fmt: skip
    return assignment_id


def answer(act: Act, principal: Principal, report_id: int, accept: bool, reason: str = "") -> Moved:
    """Accept, or decline with a reason; declining frees the police and hands the report back to the officers."""
    require_role(principal, "police")
    reason = clean("reason", reason, limit=500, least=0 if accept else 1)
    report = act.lock(report_id, ever=True)
    mine = act.my_assignment(report_id)
    event = AssignmentEvent.ACCEPT if accept else AssignmentEvent.DECLINE
    values = {} if accept else {"decline_reason": reason}
    after = act.move_assignment(mine, event, report["status"], **values)
    if after is None:
        return act.moved(report_id)  # the phone repeats itself
    if accept:
        number = act.write(report, "accepted", assignment_id=mine["id"])
    else:
        number = hand_back(act, report, mine, "declined", reason=reason)
    act.tell(
        report_id, "assignment_answered", str(number), assignment_id=mine["id"], police_id=principal.id,
        police_name=act.actor.name, accept=accept, reason=reason,
    )  # fmt: skip
    return act.moved(report_id)


def withdraw(
    act: Act, principal: Principal, report_id: int, reason: str, police_id: int | None = None
) -> Moved:  # fmt: skip
    """Take an assignment back as an officer; the report goes where a decline takes it, and somebody else may be sent.

    It is legal until the assignment has ended, after the arrival too: at two in the morning somebody who arrived and
    fell silent, was hurt or is at the wrong gate must not hold the report, and only the officer can know. Nothing is
    lost by it for a court: the arrival, the way, words and evidence stay, the report stays in_progress, and who took
    them off, when and why stands beside. Work that has ended cannot be withdrawn any more.

    police_id  whom, as the officer saw it: a colleague's newer assignment is not hit; None: the one who goes first
    Raises NotAllowed, NotFound, Invalid, Conflict (reason `withdrawn`: somebody did it before, and who).
    """
    require_role(principal, *STAFF)
    reason = clean("reason", reason, limit=500, least=1)
    report = act.lock(report_id)
    row = next((row for row in act.open_assignments(report_id) if police_id in (None, row["police_id"])), None)
    if row is None:
        raise _nothing_open(act, report, police_id)
    end(act, report, row, reason)
    return act.moved(report_id)


def end(act: Act, report: Any, row: Any, reason: str, reason_code: str = "") -> bool:
    """End an open, locked assignment as withdrawn and tell its police, and the owner that it changed; True when nobody
    is left on the report.

    reason_code  of a reason that nobody wrote: one of core.incidents.leaving.REASONS, whose words `reason` are
    """
    act.move_assignment(
        row, AssignmentEvent.WITHDRAW, report["status"], withdrawn_by=act.actor.name or act.actor.role,
        withdrawn_role=act.actor.role, withdrawn_actor_id=act.actor.id, withdraw_reason=reason,
    )  # fmt: skip
    told = {"reason_code": reason_code} if reason_code else {"reason": reason}
    number = hand_back(act, report, row, "withdrawn", police_id=row["police_id"], **told)
    act.tell(
        report["id"], "withdrawn", str(number), assignment_id=row["id"], police_id=row["police_id"], reason=reason,
        reason_code=reason_code,
    )  # fmt: skip
    act.tell(report["id"], "incident_update", f"withdrawn:{row['id']}")
    return not act.open_assignments(report["id"])


def _nothing_open(act: Act, report: Any, police_id: int | None) -> Conflict | NotFound:
    """Why there is nothing to withdraw: what became of the newest assignment, or that there was none."""
    query = select(assignments).where(assignments.c.report_id == report["id"])
    if police_id is not None:
        query = query.where(assignments.c.police_id == police_id)
    row = act.connection.execute(query.order_by(assignments.c.id.desc()).limit(1)).mappings().first()
    if row is None and police_id is not None:
        return NotFound("assignment", police_id)
    state = state_of(report["status"], started=report["started_at"] is not None)
    step = advance(state, Event.WITHDRAW, role=act.actor.role)
    if row is None or (isinstance(step, Refusal) and step is not Refusal.NOBODY_SENT):
        return Conflict(step if isinstance(step, Refusal) else Refusal.NOBODY_SENT, report["status"])
    over = AssignmentRefusal.OVER
    return refusal_of(AssignmentRefusal.WITHDRAWN if row["status"] == "withdrawn" else over, row, report["status"])


def hand_back(act: Act, report: Any, mine: Any, action: str, **detail: Any) -> int:
    """What follows for the report when police declined, gave up or were taken off it (their assignment has ended).

    The first of the back-ups, where there is one, takes the place of who left.
    """
    if mine["is_backup"]:
        return act.write(report, action, assignment_id=mine["id"], backup=True, **detail)
    others = act.open_assignments(report["id"])
    if not others:
        return act.move(report, Event.WITHDRAW, action, assignment_id=mine["id"], **detail)
    first = others[0]
    act.connection.execute(update(assignments).where(assignments.c.id == first["id"]).values(is_backup=False))
    act.change(report)
    return act.write(
        report, action, assignment_id=mine["id"], promoted_police_id=first["police_id"], **detail
    )  # fmt: skip


def acknowledge_stop(act: Act, principal: Principal, report_id: int) -> datetime:
    """The police say that they saw the stop; the first time counts. Raises Conflict when nothing was recalled or
    withdrawn.
    """
    require_role(principal, "police")
    report = act.lock(report_id, ever=True)
    mine = act.my_assignment(report_id)
    if mine["status"] not in (AssignmentState.RECALLED, AssignmentState.WITHDRAWN):
        raise Conflict(AssignmentRefusal.NOT_RECALLED, mine["status"], report_status=report["status"])
    if mine["stop_acknowledged_at"] is not None:
        seen: datetime = mine["stop_acknowledged_at"]
        return seen
    query = update(assignments).where(assignments.c.id == mine["id"])
    act.connection.execute(query.values(stop_acknowledged_at=act.now))
    _acknowledge_notices(act, report, principal)
    act.write(report, "stop_acknowledged", assignment_id=mine["id"])
    return act.now


def _acknowledge_notices(act: Act, report: Any, principal: Principal) -> None:
    """Who stopped has seen why: no further channel is tried for it."""
    stops = select(notices.c.id).where(
        notices.c.report_id == report["id"], notices.c.kind.in_(("recalled", "withdrawn"))
    )
    query = update(notice_recipients).where(
        notice_recipients.c.notice_id.in_(stops), notice_recipients.c.role == "police",
        notice_recipients.c.person_id == principal.id, notice_recipients.c.acknowledged_at.is_(None),
    )  # fmt: skip
    seen = func.coalesce(notice_recipients.c.read_at, act.now)
    act.connection.execute(query.values(acknowledged_at=act.now, read_at=seen))


def _lock_police(act: Act, report: Any, police_id: int) -> Any:
    query = select(police).where(police.c.id == police_id, police.c.vendor_id == report["vendor_id"])
    row = act.connection.execute(query.with_for_update()).mappings().first()
    if row is None:
        raise NotFound("police", police_id)
    return row


def _refuse_unfit(act: Act, chosen: Any) -> None:
    if not chosen["is_active"]:
        raise Conflict("police_inactive", chosen["status"])
    under_way = select(exists().where(assignments.c.police_id == chosen["id"], assignments.c.status.in_(OPEN)))
    if chosen["status"] == "busy" or act.connection.execute(under_way).scalar_one():
        raise Conflict("police_busy", "busy")


def _name(row: Any) -> str:
    return str(row["full_name"] or row["username"])
