"""What officers see of reports and police: lists and the one report. Figures are in queries_dashboard.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, or_, select

from core.accounts.tables import device_health, devices, owners, police, stations
from core.incidents.cctv import status_column
from core.incidents.event_words import describe_event
from core.incidents.reading import (
    ON,
    Coordinates,
    Viewer,
    coordinates,
    count_unread,
    main_assignment,
    minutes,
    name_of,
    narrowed,
    select_reports,
)
from core.incidents.tables import assignments, camera_health, report_events, report_evidence, reports
from core.web.pages import Numbered, Wanted, numbered


class OfficerReportRow(msgspec.Struct, kw_only=True):
    """A report of the vendor. unanswered_since: when somebody was sent who has not answered yet."""

    id: int
    title: str
    status: str
    location: str
    created_at: datetime
    report_image: str | None
    incident_type: str
    cctv_name: str | None
    is_assigned: bool
    source: str
    is_confirmed: bool
    version: int
    updated_at: datetime
    unanswered_since: datetime | None


class HomeOfOwner(msgspec.Struct, kw_only=True):
    """Degrees WGS84; both null where it is not known: clients read the members without a look."""

    latitude: float | None = None
    longitude: float | None = None


class OwnerOfReport(msgspec.Struct, kw_only=True):
    """Members are null for a report without an owner."""

    id: int | None
    name: str | None
    email: str | None
    phone: str | None
    address: str | None
    coordinates: HomeOfOwner


class CctvOfReport(msgspec.Struct, kw_only=True):
    """Members are null for a report without a camera. `stream_url` never has a password in it."""

    id: int | None
    name: str | None
    location: str | None
    description: str | None
    camera_type: str | None
    status: str | None
    stream_url: str | None
    preview_url: str | None


class EvidenceRow(msgspec.Struct, kw_only=True):
    """`file_url` opens by itself for a while."""

    id: int
    file_url: str
    type: str
    created_at: datetime
    role: str
    mime: str
    size: int
    file_name: str
    sha256: str
    actor: str
    detail: dict[str, Any]


class AssignmentOfReport(msgspec.Struct, kw_only=True):
    """Who was sent."""

    id: int
    officer_id: int
    officer_name: str
    phone: str
    license_plate: str
    vehicle_type: str
    status: str
    assigned_by: str
    assigned_at: datetime
    answered_at: datetime | None
    decline_reason: str | None
    arrived_at: datetime | None
    finished_at: datetime | None
    stop_acknowledged_at: datetime | None
    is_backup: bool
    withdrawn_by: str | None
    withdraw_reason: str | None


class ActivityRow(msgspec.Struct, kw_only=True):
    """A line of the case timeline."""

    id: int
    action: str
    description: str
    actor: str
    created_at: datetime
    actor_role: str
    from_status: str | None
    to_status: str | None


class ReportMetadata(msgspec.Struct, kw_only=True):
    """response_time: minutes from assignment to arrival; resolution_time: minutes from the report to its end."""

    unread_notifications: int
    has_evidence: bool
    response_time: float | None
    resolution_time: float | None


class OfficerReport(msgspec.Struct, kw_only=True):
    """The report with all that belongs to it; `assignment` is null before somebody is sent."""

    id: int
    title: str
    description: str
    status: str
    location: str
    incident_type: str
    report_image: str | None
    source: str
    is_assigned: bool
    is_confirmed: bool
    created_at: datetime
    updated_at: datetime
    incident_at: datetime
    owner: OwnerOfReport
    cctv: CctvOfReport
    evidences: list[EvidenceRow]
    assignment: AssignmentOfReport | None
    assignments: list[AssignmentOfReport]
    activity_logs: list[ActivityRow]
    metadata: ReportMetadata
    coordinates: Coordinates | None
    station_name: str | None
    verified_by: str | None
    verified_at: datetime | None
    reason_code: str | None
    note: str | None
    recalled_at: datetime | None
    detection: dict[str, Any]
    version: int


class AvailableRow(msgspec.Struct, kw_only=True):
    """Police with a position who can be sent. distance: metres to the report that `near` names."""

    id: int
    name: str
    phone: str
    status: str
    location: Coordinates
    office_name: str
    vehicle_type: str
    license_plate: str
    position_at: datetime | None
    distance: float | None = None


class PoliceRow(msgspec.Struct, kw_only=True):
    """Police of the vendor. location: their last position as text, else their station's name."""

    id: int
    name: str
    phone: str
    status: str
    location: str
    vehicle_type: str
    license_plate: str
    office_name: str
    badge_no: str
    coordinates: Coordinates | None
    position_at: datetime | None
    active_report_id: int | None


def list_reports(
    connection: Connection, viewer: Viewer, wanted: Wanted, *, incident_type: str | None = None,
    source: str | None = None, since: datetime | None = None, until: datetime | None = None,
    station_id: int | None = None, device_id: int | None = None,
) -> Numbered[OfficerReportRow]:  # fmt: skip
    """Newest first."""
    asked = select(assignments.c.assigned_at).where(
        assignments.c.report_id == reports.c.id, assignments.c.status == "offered", ~assignments.c.is_backup
    )
    unanswered = asked.correlate(reports).scalar_subquery().label("unanswered_since")
    query = narrowed(select_reports().add_columns(unanswered), wanted)
    for column, value in ((reports.c.incident_type, incident_type), (reports.c.source, source),
                          (reports.c.station_id, station_id), (reports.c.device_id, device_id)):  # fmt: skip
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(reports.c.created_at >= since)
    if until is not None:
        query = query.where(reports.c.created_at < until)
    names = OfficerReportRow.__struct_fields__
    return numbered(
        connection, query, wanted,
        lambda row: OfficerReportRow(
            **{name: row[name] for name in names if name != "report_image"}, report_image=viewer.picture(row)
        ),
        reports.c.id.desc(),
    )  # fmt: skip


def find_report(connection: Connection, report_id: int) -> Any:
    """The row of `select_reports` that the transaction may see."""
    return connection.execute(select_reports().where(reports.c.id == report_id)).mappings().first()


def read_report(connection: Connection, viewer: Viewer, report_id: int, preview: Any) -> OfficerReport | None:
    """None when the transaction sees no such report."""
    row = find_report(connection, report_id)
    if row is None:
        return None
    everyone = list_assignments(connection, report_id)
    main = main_assignment(connection, report_id)
    evidences = list_evidence(connection, viewer, report_id)
    arrived = row["arrived_at"] - row["assigned_at"] if row["arrived_at"] and row["assigned_at"] else None
    ended = row["completed_at"] - row["created_at"] if row["completed_at"] else None
    kept = ("id", "title", "description", "status", "location", "incident_type", "source", "is_assigned",
            "is_confirmed", "created_at", "updated_at", "incident_at", "verified_by", "verified_at", "reason_code",
            "note", "recalled_at", "detection", "version")  # fmt: skip
    return OfficerReport(
        **{name: row[name] for name in kept},
        report_image=viewer.picture(row),
        owner=_owner(connection, row["owner_id"]),
        cctv=_cctv(connection, row["device_id"], preview),
        evidences=evidences,
        assignment=next((one for one in everyone if main is not None and one.id == main["id"]), None),
        assignments=everyone,
        activity_logs=list_activity(connection, viewer, report_id),
        metadata=ReportMetadata(
            unread_notifications=count_unread(connection, viewer.principal), has_evidence=bool(evidences),
            response_time=minutes(arrived.total_seconds()) if arrived else None,
            resolution_time=minutes(ended.total_seconds()) if ended else None,
        ),
        coordinates=coordinates(row["place_latitude"], row["place_longitude"]),
        station_name=connection.execute(select(stations.c.name).where(stations.c.id == row["station_id"])).scalar(),
    )  # fmt: skip


def list_evidence(connection: Connection, viewer: Viewer, report_id: int) -> list[EvidenceRow]:
    """Oldest first."""
    query = select(report_evidence).where(report_evidence.c.report_id == report_id).order_by(report_evidence.c.id)
    return [
        EvidenceRow(
            id=row["id"], file_url=viewer.url(row["vendor_id"], row["sha256"]), type=row["type"],
            created_at=row["created_at"], role=row["role"], mime=row["mime"], size=row["size"],
            file_name=row["file_name"], sha256=bytes(row["sha256"]).hex(), actor=row["actor_name"],
            detail=row["detail"],
        )
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def list_activity(connection: Connection, viewer: Viewer, report_id: int) -> list[ActivityRow]:
    """The timeline, newest first."""
    query = select(report_events).where(report_events.c.report_id == report_id).order_by(report_events.c.id.desc())
    return [
        ActivityRow(
            id=row["id"], action=row["action"], description=describe_event(row, viewer),
            actor=row["actor_name"] or row["actor_role"], created_at=row["at"], actor_role=row["actor_role"],
            from_status=row["from_status"], to_status=row["to_status"],
        )
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def list_assignments(connection: Connection, report_id: int) -> list[AssignmentOfReport]:
    """All of a report, declined, withdrawn and backup ones included, newest first."""
    query = (
        select(assignments, police.c.full_name, police.c.username, police.c.phone, police.c.license_plate,
               police.c.vehicle_type)
        .join(police, police.c.id == assignments.c.police_id)
        .where(assignments.c.report_id == report_id)
        .order_by(assignments.c.id.desc())
    )  # fmt: skip
    renamed = ("officer_id", "officer_name")
    return [
        AssignmentOfReport(
            officer_id=row["police_id"], officer_name=name_of(row),
            **{name: row[name] for name in AssignmentOfReport.__struct_fields__ if name not in renamed},
        )
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def list_available(connection: Connection, *, statuses: tuple[str, ...] = ("available",)) -> list[AvailableRow]:
    """Police with a position, by name; those without one are left out: a map cannot show them."""
    query = _police().where(
        police.c.status.in_(statuses), police.c.latitude.is_not(None), police.c.longitude.is_not(None)
    )
    return [available_row(row) for row in connection.execute(query.order_by(police.c.full_name)).mappings()]


def available_row(row: Any, distance: float | None = None) -> AvailableRow:
    """A row of police with office_name."""
    return AvailableRow(
        id=row["id"], name=name_of(row), phone=row["phone"], status=row["status"],
        location=Coordinates(latitude=row["latitude"], longitude=row["longitude"]),
        office_name=row["office_name"] or "", vehicle_type=row["vehicle_type"], license_plate=row["license_plate"],
        position_at=row["position_at"], distance=distance,
    )  # fmt: skip


def list_police(connection: Connection, wanted: Wanted) -> Numbered[PoliceRow]:
    """All police of the vendor, by name; status: available, busy, offline."""
    query = _police()
    if wanted.statuses:
        query = query.where(police.c.status.in_(wanted.statuses))
    if wanted.pattern is not None:
        texts = (police.c.full_name, police.c.username, police.c.phone, police.c.license_plate, stations.c.name)
        query = query.where(or_(*(text.ilike(wanted.pattern, escape="\\") for text in texts)))
    return numbered(connection, query, wanted, _police_row, police.c.full_name, police.c.id)


def _police() -> Select[Any]:
    columns = [police.c[name] for name in ("id", "username", "full_name", "phone", "status", "latitude", "longitude",
                                           "position_at", "vehicle_type", "license_plate", "badge_no")]  # fmt: skip
    active = (
        select(assignments.c.report_id)
        .where(assignments.c.police_id == police.c.id, assignments.c.status.in_(ON))
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(*columns, stations.c.name.label("office_name"), active.label("active_report_id"))
        .select_from(police.outerjoin(stations, stations.c.id == police.c.station_id))
        .where(police.c.is_active)
    )


def _police_row(row: Any) -> PoliceRow:
    place = coordinates(row["latitude"], row["longitude"])
    where = f"{place.latitude:.5f}, {place.longitude:.5f}" if place is not None else row["office_name"] or ""
    return PoliceRow(
        id=row["id"], name=name_of(row), phone=row["phone"], status=row["status"], location=where,
        vehicle_type=row["vehicle_type"], license_plate=row["license_plate"], office_name=row["office_name"] or "",
        badge_no=row["badge_no"] or "", coordinates=place, position_at=row["position_at"],
        active_report_id=row["active_report_id"],
    )  # fmt: skip


def _owner(connection: Connection, owner_id: int | None) -> OwnerOfReport:
    columns = [owners.c[name] for name in
               ("id", "username", "full_name", "email", "phone", "address", "latitude", "longitude")]  # fmt: skip
    row = connection.execute(select(*columns).where(owners.c.id == owner_id)).mappings().first()
    if row is None:
        return OwnerOfReport(id=None, name=None, email=None, phone=None, address=None, coordinates=HomeOfOwner())
    return OwnerOfReport(
        id=row["id"], name=name_of(row), email=row["email"], phone=row["phone"], address=row["address"],
        coordinates=HomeOfOwner(latitude=row["latitude"], longitude=row["longitude"]),
    )  # fmt: skip


def _cctv(connection: Connection, device_id: int | None, preview: Any) -> CctvOfReport:
    row = None
    if device_id is not None:
        query = (
            select(devices, status_column().label("status"))
            .select_from(
                devices.outerjoin(camera_health, camera_health.c.device_id == devices.c.id)
                .outerjoin(device_health, device_health.c.device_id == devices.c.id)
            )
            .where(devices.c.id == device_id)
        )  # fmt: skip
        row = connection.execute(query).mappings().first()
    if row is None:
        names = CctvOfReport.__struct_fields__
        return CctvOfReport(**dict.fromkeys(names))
    return CctvOfReport(
        id=row["id"], name=row["device_name"] or row["device_code"], location=row["location"] or "",
        description=row["description"], camera_type=row["camera_type"], status=row["status"],
        stream_url=row["stream_url"], preview_url=preview(row["id"]),
    )  # fmt: skip
