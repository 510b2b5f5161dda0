"""The figures, the map and the alerts of officers' screens. Nothing in them is null where the deployed client reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from core.accounts.tables import police, stations
from core.incidents.reading import ON, Coordinates, Viewer, coordinates, minutes, name_of, select_reports
from core.incidents.tables import assignments, reports, track_points
from core.notices.tables import notice_recipients, notices

SHOWN_STATUSES = ("new", "assigned", "in_progress", "verified", "completed")
OPEN_STATUSES = SHOWN_STATUSES[:-1]
MAP_DAYS = 30
MAP_ROWS = 500
ALERT_ROWS = 20
Priority = Literal["critical", "high", "medium", "low"]


class OfficerCounts(msgspec.Struct, kw_only=True):
    """response_time: minutes from assignment to arrival on average; resolve_Case: percent of all that was real."""

    response_time: float
    resolve_case: float = msgspec.field(name="resolve_Case")
    total_report: int
    active_police: int


class CaseStatus(msgspec.Struct, kw_only=True):
    """Exactly these five: the deployed client draws a bar for each."""

    new: int = 0
    assigned: int = 0
    in_progress: int = 0
    verified: int = 0
    completed: int = 0


class CaseFigures(msgspec.Struct, kw_only=True):
    """total_case: of the five; resolution_rate: percent completed."""

    total_case: int
    resolution_rate: float
    case_status: CaseStatus


class MapSummary(msgspec.Struct, kw_only=True):
    """Of what the map shows; police count as active when they are on duty."""

    total_incidents: int
    active_officers: int
    busy_officers: int
    incident_types: dict[str, int]


class CrimeLocation(msgspec.Struct, kw_only=True):
    """A report with a place."""

    id: int
    title: str
    location: str
    incident_type: str
    status: str
    coordinates: Coordinates
    created_at: datetime
    source: str
    cctv_name: str | None


class ActiveOfficer(msgspec.Struct, kw_only=True):
    """Police on duty with a position. assigned_to: title of the report; estimated_arrival: minutes."""

    id: int
    name: str
    status: str
    coordinates: Coordinates
    assigned_to: str | None
    estimated_arrival: float | None
    report_id: int | None
    position_at: datetime | None


class IncidentMap(msgspec.Struct, kw_only=True):
    """Open reports of any age and those of the last 30 days, newest first; rejected ones are left out."""

    summary: MapSummary
    crime_locations: list[CrimeLocation]
    active_officers: list[ActiveOfficer]


class AlertRow(msgspec.Struct, kw_only=True):
    """type: incident (id is the report's) or notification (id is the notification's)."""

    id: int
    type: Literal["incident", "notification"]
    title: str
    priority: Priority
    priority_label: Literal["Emergency", "Attention", "Notification"]
    location: str
    location_code: str
    time_ago: str
    status: str
    incident_type: str
    source: str
    created_at: datetime
    message: str | None = None
    report_id: int | None = None


class Alerts(msgspec.Struct, kw_only=True):
    """Reports that wait for somebody and unread notifications, the most pressing first."""

    alerts: list[AlertRow]
    total_alerts: int
    critical_count: int
    high_count: int


def read_counts(connection: Connection) -> OfficerCounts:
    """Of the vendors that the transaction sees; 0 where there is nothing yet."""
    real = reports.c.status != "rejected"
    row = connection.execute(
        select(
            func.count(),
            func.count().filter(real),
            func.count().filter(reports.c.status == "completed"),
            func.avg(func.extract("epoch", reports.c.arrived_at - reports.c.assigned_at)),
        ).select_from(reports)
    ).one()
    on_duty = select(func.count()).where(police.c.is_active, police.c.status.in_(("available", "busy")))
    return OfficerCounts(
        response_time=minutes(float(row[3])) or 0.0 if row[3] is not None else 0.0,
        resolve_case=round(100 * row[2] / row[1], 1) if row[1] else 0.0,
        total_report=row[0],
        active_police=connection.execute(on_duty).scalar_one(),
    )


def read_case_status(connection: Connection) -> CaseFigures:
    """How many reports stand where."""
    query = select(reports.c.status, func.count()).group_by(reports.c.status)
    found = {status: number for status, number in connection.execute(query) if status in SHOWN_STATUSES}
    total = sum(found.values())
    rate = round(100 * found.get("completed", 0) / total, 1) if total else 0.0
    return CaseFigures(total_case=total, resolution_rate=rate, case_status=CaseStatus(**found))


def read_map(connection: Connection) -> IncidentMap:
    """Rows without coordinates are left out: the deployed client's map breaks on them."""
    recent = or_(
        reports.c.status.in_(OPEN_STATUSES), reports.c.created_at > datetime.now(UTC) - timedelta(days=MAP_DAYS)
    )
    shown = select_reports().where(recent, reports.c.status != "rejected").subquery()
    query = (
        select(shown)
        .where(shown.c.place_latitude.is_not(None), shown.c.place_longitude.is_not(None))
        .order_by(shown.c.id.desc())
        .limit(MAP_ROWS)
    )
    places = [_crime_location(row) for row in connection.execute(query).mappings()]
    kinds: dict[str, int] = {}
    for place in places:
        kinds[place.incident_type] = kinds.get(place.incident_type, 0) + 1
    duty = select(
        func.count().filter(police.c.status.in_(("available", "busy"))), func.count().filter(police.c.status == "busy")
    ).where(police.c.is_active)
    active, busy = connection.execute(duty).one()
    return IncidentMap(
        summary=MapSummary(
            total_incidents=len(places), active_officers=active, busy_officers=busy, incident_types=kinds
        ),
        crime_locations=places,
        active_officers=_active_officers(connection),
    )


def _crime_location(row: Any) -> CrimeLocation:
    place = coordinates(row["place_latitude"], row["place_longitude"])
    assert place is not None, "the query asks for both"
    names = ("id", "title", "location", "incident_type", "status", "created_at", "source", "cctv_name")
    return CrimeLocation(**{name: row[name] for name in names}, coordinates=place)


def _active_officers(connection: Connection) -> list[ActiveOfficer]:
    arrival = (
        select(track_points.c.eta_s)
        .where(track_points.c.assignment_id == assignments.c.id, ~track_points.c.is_suspicious)
        .order_by(track_points.c.device_time.desc(), track_points.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(police.c.id, police.c.username, police.c.full_name, police.c.status, police.c.latitude,
               police.c.longitude, police.c.position_at, reports.c.title, assignments.c.report_id,
               assignments.c.status.label("assignment_status"), arrival.label("eta_s"))
        .select_from(
            police.outerjoin(
                assignments, and_(assignments.c.police_id == police.c.id, assignments.c.status.in_(ON))
            ).outerjoin(reports, reports.c.id == assignments.c.report_id)
        )
        .where(police.c.is_active, police.c.status.in_(("available", "busy")), police.c.latitude.is_not(None),
               police.c.longitude.is_not(None))
        .order_by(police.c.full_name, police.c.id)
    )  # fmt: skip
    return [
        ActiveOfficer(
            id=row["id"], name=name_of(row), status=row["status"],
            coordinates=Coordinates(latitude=row["latitude"], longitude=row["longitude"]), assigned_to=row["title"],
            estimated_arrival=minutes(row["eta_s"]) if row["assignment_status"] != "arrived" else 0.0,
            report_id=row["report_id"], position_at=row["position_at"],
        )
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def read_alerts(connection: Connection, viewer: Viewer) -> Alerts:
    """What still wants a person: open reports, and the caller's unread notifications of the last day."""
    now = datetime.now(UTC)
    waiting = select_reports().where(reports.c.status.in_(OPEN_STATUSES)).order_by(reports.c.id.desc())
    rows = [_incident_alert(row, viewer, now) for row in connection.execute(waiting.limit(ALERT_ROWS)).mappings()]
    rows += _notification_alerts(connection, viewer, now)
    order = ("critical", "high", "medium", "low")
    rows.sort(key=lambda row: (order.index(row.priority), -row.created_at.timestamp()))
    return Alerts(
        alerts=rows, total_alerts=len(rows), critical_count=sum(row.priority == "critical" for row in rows),
        high_count=sum(row.priority == "high" for row in rows),
    )  # fmt: skip


def _incident_alert(row: Any, viewer: Viewer, now: datetime) -> AlertRow:
    priority = priority_of(row["incident_type"], row["status"])
    code = f"CCTV-{row['device_id']}" if row["device_id"] is not None else f"LAP-{row['id']}"
    return AlertRow(
        id=row["id"], type="incident", title=row["title"], priority=priority, priority_label=_LABEL[priority],
        location=row["location"], location_code=code, time_ago=time_ago(viewer, now, row["created_at"]),
        status=row["status"], incident_type=row["incident_type"], source=row["source"], created_at=row["created_at"],
        message=row["description"] or None, report_id=row["id"],
    )  # fmt: skip


def _notification_alerts(connection: Connection, viewer: Viewer, now: datetime) -> list[AlertRow]:
    language = "en" if viewer.english else "id"
    query = (
        select(notice_recipients.c.id, notices.c.texts, notices.c.priority, notices.c.report_id,
               notice_recipients.c.created_at, reports.c.location, reports.c.incident_type)
        .select_from(
            notice_recipients.join(notices, notices.c.id == notice_recipients.c.notice_id)
            .outerjoin(reports, reports.c.id == notices.c.report_id)
        )
        .where(notice_recipients.c.role == viewer.principal.role, notice_recipients.c.person_id == viewer.principal.id,
               notice_recipients.c.read_at.is_(None), notice_recipients.c.created_at > now - timedelta(days=1))
        .order_by(notice_recipients.c.id.desc())
        .limit(ALERT_ROWS)
    )  # fmt: skip
    rows = []
    for row in connection.execute(query).mappings():
        text = row["texts"].get(language, {})
        code = f"LAP-{row['report_id']}" if row["report_id"] is not None else "-"
        rows.append(
            AlertRow(
                id=row["id"], type="notification", title=text.get("title", ""), priority=row["priority"],
                priority_label=_LABEL[row["priority"]], location=row["location"] or "", location_code=code,
                time_ago=time_ago(viewer, now, row["created_at"]), status="unread",
                incident_type=row["incident_type"] or "other", source="system", created_at=row["created_at"],
                message=text.get("message", ""), report_id=row["report_id"],
            )
        )  # fmt: skip
    return rows


def priority_of(incident_type: str, status: str) -> Priority:
    """How pressing a report is: firearms first, and what nobody has looked at before what is being dealt with."""
    if status == "new":
        return "critical" if incident_type in ("gun", "guns") else "high"
    if status in ("verified", "assigned"):
        return "high" if incident_type in ("gun", "guns") else "medium"
    return "medium" if status == "in_progress" else "low"


_LABEL: dict[Priority, Literal["Emergency", "Attention", "Notification"]] = {
    "critical": "Emergency", "high": "Attention", "medium": "Attention", "low": "Notification",
}  # fmt: skip


def time_ago(viewer: Viewer, now: datetime, then: datetime) -> str:
    """As shown beside an alert."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, indonesian, english in ((86_400, "hari", "d"), (3600, "jam", "h"), (60, "menit", "min")):
        if seconds >= size:
            number = seconds // size
            return viewer.say(f"{number} {indonesian} yang lalu", f"{number} {english} ago")
    return viewer.say("baru saja", "just now")


class Performance(msgspec.Struct, kw_only=True):
    """One station's or the whole vendor's figures over a time. Minutes; percent; null where there is nothing."""

    station_id: int | None
    station_name: str
    reports: int
    completed: int
    rejected: int
    open: int
    minutes_to_check: float | None
    minutes_to_arrival: float | None
    minutes_to_end: float | None


def read_performance(connection: Connection, since: datetime, until: datetime) -> list[Performance]:
    """By station, those without one last."""

    def mean(later: Any, earlier: Any) -> Any:
        return func.avg(func.extract("epoch", later - earlier))

    query = (
        select(
            reports.c.station_id, stations.c.name, func.count(),
            func.count().filter(reports.c.status == "completed"), func.count().filter(reports.c.status == "rejected"),
            mean(reports.c.verified_at, reports.c.created_at), mean(reports.c.arrived_at, reports.c.assigned_at),
            mean(reports.c.completed_at, reports.c.created_at),
        )
        .select_from(reports.outerjoin(stations, stations.c.id == reports.c.station_id))
        .where(reports.c.created_at >= since, reports.c.created_at < until)
        .group_by(reports.c.station_id, stations.c.name)
        .order_by(stations.c.name.nulls_last())
    )  # fmt: skip
    return [
        Performance(
            station_id=row[0], station_name=row[1] or "", reports=row[2], completed=row[3], rejected=row[4],
            open=row[2] - row[3] - row[4],
            minutes_to_check=minutes(float(row[5])) if row[5] is not None else None,
            minutes_to_arrival=minutes(float(row[6])) if row[6] is not None else None,
            minutes_to_end=minutes(float(row[7])) if row[7] is not None else None,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
