"""What owners of cameras see: their cameras, their reports, the police on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, or_, select

from core.accounts.tables import devices
from core.incidents.cctv import select_cctv
from core.incidents.reading import (
    Viewer,
    main_assignment,
    narrowed,
    points_of,
    select_reports,
)
from core.incidents.tables import reports
from core.web.pages import Numbered, Wanted, numbered


class OwnCounts(msgspec.Struct, kw_only=True):
    """Of the owner."""

    cctv_count: int
    report_count: int


class CctvRow(msgspec.Struct, kw_only=True):
    """A camera. `stream_url` never has a password in it; it is opened once an admin approved it."""

    id: int
    name: str
    location: str
    ip: str = msgspec.field(name="IP")
    stream_url: str | None
    camera_type: str
    status: str
    stream_approved: bool
    preview_url: str | None
    latitude: float | None
    longitude: float | None


class CctvReport(msgspec.Struct, kw_only=True):
    """A report of the camera."""

    id: int
    title: str
    status: str
    created_at: datetime


class CctvDetail(CctvRow, kw_only=True):
    """A camera with its newest reports. status_detail: why it is offline, for people."""

    description: str
    reports: list[CctvReport] = msgspec.field(name="Reports")
    status_detail: str
    last_frame_at: datetime | None
    has_stream_login: bool


class CctvPreview(msgspec.Struct, kw_only=True):
    """`preview_url` opens by itself for a while; null where no picture has come."""

    preview_url: str | None
    name_cctv: str
    status: str
    location: str
    description: str
    id: int | None


class OwnReportRow(msgspec.Struct, kw_only=True):
    """A report of the owner's."""

    id: int
    title: str
    status: str
    location: str
    created_at: datetime
    report_image: str | None
    incident_type: str
    cctv_name: str | None
    cctv_location: str | None
    is_assigned: bool
    updated_at: datetime


class ReportCctv(msgspec.Struct, kw_only=True):
    """The camera of a report; members are null for a report without one."""

    id: int | None
    name: str | None
    location: str | None


class AssignedPoint(msgspec.Struct, kw_only=True):
    """A point of the way: minutes and metres to the incident."""

    id: int
    estimated_time: float | None
    distance: float | None


class AssignedTo(msgspec.Struct, kw_only=True):
    """Who was sent (`name`), by whom (`name_officer`)."""

    id: int
    name: str
    name_officer: str
    tracking: list[AssignedPoint]


class OwnReport(msgspec.Struct, kw_only=True):
    """A report of the owner's; `assigned_to` is null before somebody is sent."""

    id: int
    title: str
    description: str
    status: str
    location: str
    report_image: str | None
    incident_type: str
    created_at: datetime
    cctv: ReportCctv
    is_assigned: bool
    assigned_to: AssignedTo | None
    updated_at: datetime
    is_recalled: bool


def count_own(connection: Connection, owner_id: int) -> OwnCounts:
    """Cameras and reports."""
    cameras = select(func.count()).where(devices.c.owner_id == owner_id, devices.c.is_active).scalar_subquery()
    of_reports = select(func.count()).where(reports.c.owner_id == owner_id).scalar_subquery()
    row = connection.execute(select(cameras, of_reports)).one()
    return OwnCounts(cctv_count=row[0], report_count=row[1])


def list_cctv(connection: Connection, owner_id: int, wanted: Wanted, preview: Any) -> Numbered[CctvRow]:
    """The owner's cameras, newest first. preview(device_id) is the address of its picture."""
    query = _own_cctv(owner_id)
    if wanted.statuses:
        narrowed_to = query.subquery()
        query = query.where(devices.c.id.in_(select(narrowed_to.c.id).where(narrowed_to.c.status.in_(wanted.statuses))))
    if wanted.pattern is not None:
        texts = (devices.c.device_name, devices.c.location, devices.c.description)
        query = query.where(or_(*(text.ilike(wanted.pattern, escape="\\") for text in texts)))
    return numbered(connection, query, wanted, lambda row: CctvRow(**_cctv(row, preview)), devices.c.id.desc())


def read_cctv(connection: Connection, owner_id: int, device_id: int, preview: Any) -> CctvDetail | None:
    """None when the owner has no such camera."""
    row = connection.execute(_own_cctv(owner_id).where(devices.c.id == device_id)).mappings().first()
    if row is None:
        return None
    newest = (
        select(reports.c.id, reports.c.title, reports.c.status, reports.c.created_at)
        .where(reports.c.device_id == device_id)
        .order_by(reports.c.id.desc())
        .limit(20)
    )
    return CctvDetail(
        **_cctv(row, preview),
        description=row["description"],
        reports=[CctvReport(**found) for found in connection.execute(newest).mappings()],
        status_detail=row["health_detail"] or "",
        last_frame_at=row["last_frame_at"],
        has_stream_login=row["stream_login"] is not None,
    )


def read_preview(connection: Connection, owner_id: int, device_id: int | None, preview: Any) -> CctvPreview | None:
    """Of this camera, or of the one that is online first; None when the owner has none."""
    query = _own_cctv(owner_id)
    if device_id is not None:
        query = query.where(devices.c.id == device_id)
    rows = connection.execute(query.order_by(devices.c.id)).mappings().all()
    if not rows:
        return None
    row = min(rows, key=lambda found: (found["status"] != "online", found["id"]))
    return CctvPreview(
        preview_url=preview(row["id"]), name_cctv=row["device_name"] or row["device_code"], status=row["status"],
        location=row["location"] or "", description=row["description"], id=row["id"],
    )  # fmt: skip


def list_own_reports(
    connection: Connection, viewer: Viewer, wanted: Wanted, *, since: datetime | None = None,
    until: datetime | None = None, device_id: int | None = None,
) -> Numbered[OwnReportRow]:  # fmt: skip
    """Newest first."""
    query = narrowed(_own_reports(viewer), wanted)
    if since is not None:
        query = query.where(reports.c.created_at >= since)
    if until is not None:
        query = query.where(reports.c.created_at < until)
    if device_id is not None:
        query = query.where(reports.c.device_id == device_id)
    return numbered(
        connection, query, wanted,
        lambda row: OwnReportRow(
            id=row["id"], title=row["title"], status=row["status"], location=row["location"],
            created_at=row["created_at"], report_image=viewer.picture(row), incident_type=row["incident_type"],
            cctv_name=row["cctv_name"], cctv_location=row["cctv_location"], is_assigned=row["is_assigned"],
            updated_at=row["updated_at"],
        ),
        reports.c.id.desc(),
    )  # fmt: skip


def find_own_report(connection: Connection, viewer: Viewer, report_id: int) -> Any:
    """The row of `select_reports`, None when it is not the owner's."""
    return connection.execute(_own_reports(viewer).where(reports.c.id == report_id)).mappings().first()


def read_own_report(connection: Connection, viewer: Viewer, report_id: int) -> OwnReport | None:
    """None when it is not the owner's."""
    row = find_own_report(connection, viewer, report_id)
    if row is None:
        return None
    found = main_assignment(connection, report_id)
    assigned_to = None
    if found is not None:
        points = points_of(connection, found["id"], limit=50)
        assigned_to = AssignedTo(
            id=found["police_id"], name=found["police_full_name"] or found["police_username"],
            name_officer=found["assigned_by"],
            tracking=[
                AssignedPoint(id=point.id, estimated_time=point.estimated_time, distance=point.distance)
                for point in points
            ],
        )  # fmt: skip
    return OwnReport(
        id=row["id"], title=row["title"], description=row["description"], status=row["status"],
        location=row["location"], report_image=viewer.picture(row), incident_type=row["incident_type"],
        created_at=row["created_at"], is_assigned=row["is_assigned"], assigned_to=assigned_to,
        cctv=ReportCctv(id=row["device_id"], name=row["cctv_name"], location=row["cctv_location"]),
        updated_at=row["updated_at"], is_recalled=row["recalled_at"] is not None,
    )  # fmt: skip


def _own_cctv(owner_id: int) -> Select[Any]:
    return select_cctv().where(devices.c.owner_id == owner_id)


def _own_reports(viewer: Viewer) -> Select[Any]:
    return select_reports().where(reports.c.owner_id == viewer.principal.id)


def _cctv(row: Any, preview: Any) -> dict[str, Any]:
    return {
        "id": row["id"], "name": row["device_name"] or row["device_code"], "location": row["location"] or "",
        "ip": row["ip_address"] or "", "stream_url": row["stream_url"], "camera_type": row["camera_type"],
        "status": row["status"], "stream_approved": bool(row["stream_allow"]), "preview_url": preview(row["id"]),
        "latitude": row["latitude"], "longitude": row["longitude"],
    }  # fmt: skip
