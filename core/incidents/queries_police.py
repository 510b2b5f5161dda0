"""What police in the field see: what they are sent to, the way there, and what is near."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from core.incidents.reading import ON, Viewer, narrowed, select_reports, shown_to_police
from core.incidents.tables import assignments, reports
from core.web.pages import Numbered, Wanted, numbered


class PoliceDashboard(msgspec.Struct, kw_only=True):
    """active_report: assignments under way; resolved_case: percent of the reports one was sent to."""

    active_report: int
    resolved_case: float


class PoliceReportRow(msgspec.Struct, kw_only=True):
    """A report one is (or was) sent to. app_state: OFFERED, ACTIVE, STOP (recalled or withdrawn), DONE."""

    id: int
    title: str
    status: str
    location: str
    created_at: datetime
    incident_type: str
    assignment_id: int
    assignment_status: str
    assigned_at: datetime
    app_state: str
    latitude: float | None
    longitude: float | None
    withdrawn_by: str | None
    withdraw_reason: str | None


class PoliceReport(msgspec.Struct, kw_only=True):
    """A report one is sent to. app_state STOP: it was recalled or one was taken off it; break off and acknowledge."""

    id: int
    title: str
    description: str
    status: str
    location: str
    report_image: str | None
    incident_type: str
    created_at: datetime
    latitude: float | None
    longitude: float | None
    cctv_name: str | None
    assignment_id: int
    assignment_status: str
    assigned_at: datetime
    assigned_by: str
    is_backup: bool
    app_state: str
    stop_acknowledged_at: datetime | None
    withdrawn_by: str | None
    withdraw_reason: str | None


class AssignmentRow(msgspec.Struct, kw_only=True):
    """One assignment of one's history, declined and withdrawn ones included."""

    id: int
    report_id: int
    title: str
    location: str
    incident_type: str
    status: str
    assigned_by: str
    assigned_at: datetime
    answered_at: datetime | None
    decline_reason: str | None
    arrived_at: datetime | None
    finished_at: datetime | None
    is_backup: bool
    withdrawn_by: str | None
    withdraw_reason: str | None


def read_dashboard(connection: Connection, police_id: int) -> PoliceDashboard:
    """Zero for nothing, never null."""
    mine = assignments.c.police_id == police_id
    counts = select(
        func.count().filter(assignments.c.status.in_(ON)),
        func.count().filter(assignments.c.status == "completed"),
        func.count().filter(assignments.c.status.in_(("completed", "declined", *ON))),
    ).where(mine)
    active, completed, everything = connection.execute(counts).one()
    return PoliceDashboard(
        active_report=active, resolved_case=round(100 * completed / everything, 1) if everything else 0.0
    )


def list_active(connection: Connection, viewer: Viewer, wanted: Wanted) -> Numbered[PoliceReportRow]:
    """What one is sent to now, and recalled or withdrawn ones until the stop is acknowledged; newest first."""
    done = assignments.c.status == "completed"
    stopped = (assignments.c.status == "recalled") & assignments.c.stop_acknowledged_at.is_not(None)
    query = narrowed(_mine(viewer.principal.id).where(shown_to_police(), ~done, ~stopped), wanted)
    return numbered(connection, query, wanted, _row, assignments.c.id.desc())


def find_assigned(connection: Connection, viewer: Viewer, report_id: int) -> Any:
    """The report's row with one's newest assignment (`assignment_…`); None when one is not (or no longer) sent."""
    query = _mine(viewer.principal.id).where(reports.c.id == report_id, shown_to_police())
    return connection.execute(query.order_by(assignments.c.id.desc()).limit(1)).mappings().first()


def read_assigned(connection: Connection, viewer: Viewer, report_id: int) -> PoliceReport | None:
    """None when one is not sent there."""
    row = find_assigned(connection, viewer, report_id)
    if row is None:
        return None
    return PoliceReport(
        id=row["id"], title=row["title"], description=row["description"], status=row["status"],
        location=row["location"], report_image=viewer.picture(row), incident_type=row["incident_type"],
        created_at=row["created_at"], latitude=row["place_latitude"], longitude=row["place_longitude"],
        cctv_name=row["cctv_name"], assignment_id=row["assignment_id"], assignment_status=row["assignment_status"],
        assigned_at=row["assignment_at"], assigned_by=row["assigned_by"], is_backup=row["is_backup"],
        app_state=app_state(row["assignment_status"]), stop_acknowledged_at=row["stop_acknowledged_at"],
        withdrawn_by=row["withdrawn_by"], withdraw_reason=row["withdraw_reason"],
    )  # fmt: skip


def list_history(connection: Connection, viewer: Viewer, wanted: Wanted) -> Numbered[AssignmentRow]:
    """All one's assignments, newest first; status: of the assignment."""
    query = (
        select(assignments, reports.c.title, reports.c.location, reports.c.incident_type)
        .join(reports, reports.c.id == assignments.c.report_id)
        .where(assignments.c.police_id == viewer.principal.id)
    )
    if wanted.statuses:
        query = query.where(assignments.c.status.in_(wanted.statuses))
    if wanted.pattern is not None:
        query = query.where(
            reports.c.title.ilike(wanted.pattern, escape="\\") | reports.c.location.ilike(wanted.pattern, escape="\\")
        )
    return numbered(
        connection, query, wanted,
        lambda row: AssignmentRow(**{name: row[name] for name in AssignmentRow.__struct_fields__}),
        assignments.c.id.desc(),
    )  # fmt: skip


def app_state(assignment_status: str) -> str:
    """What the phone shows."""
    if assignment_status in ("recalled", "withdrawn"):
        return "STOP"
    if assignment_status == "offered":
        return "OFFERED"
    return "ACTIVE" if assignment_status in ON else "DONE"


def _mine(police_id: int) -> Select[Any]:
    return (
        select_reports()
        .add_columns(
            assignments.c.id.label("assignment_id"), assignments.c.status.label("assignment_status"),
            assignments.c.assigned_at.label("assignment_at"), assignments.c.assigned_by, assignments.c.is_backup,
            assignments.c.stop_acknowledged_at, assignments.c.withdrawn_by, assignments.c.withdraw_reason,
        )
        .join(assignments, assignments.c.report_id == reports.c.id)
        .where(assignments.c.police_id == police_id)
    )  # fmt: skip


def _row(row: Any) -> PoliceReportRow:
    return PoliceReportRow(
        id=row["id"], title=row["title"], status=row["status"], location=row["location"],
        created_at=row["created_at"], incident_type=row["incident_type"], assignment_id=row["assignment_id"],
        assignment_status=row["assignment_status"], assigned_at=row["assignment_at"],
        app_state=app_state(row["assignment_status"]), latitude=row["place_latitude"],
        longitude=row["place_longitude"], withdrawn_by=row["withdrawn_by"], withdraw_reason=row["withdraw_reason"],
    )  # fmt: skip
