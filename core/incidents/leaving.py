"""Police whose account ends, disabled or with another role: what they were sent to does not wait for nobody."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.accounts.tables import police
from core.incidents import dispatch
from core.incidents.acting import Act
from core.incidents.states import OPEN, State, state_of
from core.incidents.tables import assignments, reports

REASONS = {"account_disabled": "Akun petugas dinonaktifkan", "role_changed": "Petugas mendapat peran lain"}
"""Why, by code, as it stands on the assignment; other languages say it by the code."""


def release(act: Act, police_id: int, reason_code: str) -> None:
    """Withdraw the open assignment of police, if there is one, and lock their row, so that none comes after it.

    Stands before the account's own change, in its transaction: both happen or neither. The officers of the station are
    told when nobody is left on the report. The actor is who ends the account.
    """
    held = _lock(act, police_id)
    if held is None:
        return
    report, row = held
    is_vacant = dispatch.end(act, report, row, REASONS[reason_code], reason_code)
    if is_vacant and state_of(report["status"], started=report["started_at"] is not None) is not State.CHECKED:
        act.tell(report["id"], "vacated", f"vacated:{row['id']}", reason_code=reason_code)


def _lock(act: Act, police_id: int) -> tuple[Any, Any] | None:
    """The report and the open assignment, locked in Act's order: report, assignments, police. The police's own row
    comes last, so whoever was assigned meanwhile is only seen then: the locks are let go and taken anew.
    """
    under_way = select(assignments.c.id, assignments.c.report_id).where(
        assignments.c.police_id == police_id, assignments.c.status.in_(OPEN)
    )
    while True:
        with act.connection.begin_nested() as point:
            seen = act.connection.execute(under_way).first()
            report = row = None
            if seen is not None:
                query = select(reports).where(reports.c.id == seen.report_id).with_for_update()
                report = act.connection.execute(query).mappings().one()
                row = next((row for row in act.open_assignments(seen.report_id) if row["id"] == seen.id), None)
            act.connection.execute(select(police.c.id).where(police.c.id == police_id).with_for_update())
            now = act.connection.execute(under_way).first()
            if (None if row is None else row["id"]) == (None if now is None else now.id):
                return None if row is None else (report, row)
            point.rollback()
