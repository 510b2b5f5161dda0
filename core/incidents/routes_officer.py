"""Officers of a station: figures, map, alerts, reports; verify and send (the contract's OFFICER rows)."""

from __future__ import annotations

import math
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from sqlalchemy import Connection, select

from core.domain.incidents import ReportStatus
from core.incidents import queries_dashboard, queries_officer
from core.incidents.deciding import REASONS
from core.incidents.desk import (
    PAGES_OF_10,
    PAGES_OF_20,
    TAG_OFFICER,
    DeviceId,
    KindText,
    SourceText,
    as_id,
    missing,
    preview_of,
    reports_of,
    viewer_of,
)
from core.incidents.geo import nearest_police, nearest_stations
from core.incidents.inputs import AnnouncementOrder, AssignOrder, Verification, WithdrawOrder
from core.incidents.queries_dashboard import Alerts, CaseFigures, IncidentMap, OfficerCounts, Performance
from core.incidents.queries_officer import AvailableRow, OfficerReport, OfficerReportRow, PoliceRow
from core.incidents.reading import (
    Coordinates,
    NotificationRow,
    Track,
    coordinates,
    list_notifications,
    read_track,
)
from core.incidents.tables import assignments
from core.notices.service import announce
from core.problems import Problem
from core.web.call import Call
from core.web.cursor import BIGINT
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.pages import Numbered, Wanted
from core.web.params import From, Id, To, utc

Near = Annotated[
    int | None, QueryParameter(name="near", ge=1, le=BIGINT, description="id of a report: nearest to it first")
]
StationId = Annotated[int | None, QueryParameter(name="station_id", ge=1, le=BIGINT)]


ANNOUNCEMENTS_MOST = (10, 3600.0)
"""Of one person within so many seconds."""


class Changed(msgspec.Struct, kw_only=True):
    """A report after an act. `version` goes into the next one."""

    id: int
    status: str
    updated_at: datetime
    version: int


class Assigned(msgspec.Struct, kw_only=True):
    """Who was sent where."""

    id: int
    report_id: int
    officer_id: int
    assigned_at: datetime


class NearStationRow(msgspec.Struct, kw_only=True):
    """distance: metres."""

    id: int
    name: str
    phone: str
    coordinates: Coordinates
    distance: float


@get("/officer/count", operation_id="get_officer_counts", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Figures", responses=documented(401, 403))  # fmt: skip
def get_count(call: NamedDependency[Call]) -> Ok[OfficerCounts]:
    """Of the vendor."""
    with call.rows() as connection:
        return call.ok(queries_dashboard.read_counts(connection))


@get("/officer/case-status", operation_id="get_case_status", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Reports by status", responses=documented(401, 403))  # fmt: skip
def get_case_status(call: NamedDependency[Call]) -> Ok[CaseFigures]:
    """Always the five statuses; rejected reports are in none of them."""
    with call.rows() as connection:
        return call.ok(queries_dashboard.read_case_status(connection))


@get("/officer/latest-report", operation_id="list_reports", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Reports", responses=documented(401, 403), dependencies=PAGES_OF_10)  # fmt: skip
def list_reports(
    call: NamedDependency[Call], asked: NamedDependency[Wanted], incident_type: KindText = None,
    source: SourceText = None, since: From = None, until: To = None, cctv_id: DeviceId = None,
    station_id: StationId = None,
) -> Ok[Numbered[OfficerReportRow]]:  # fmt: skip
    """Newest first. A status that no report can have gives an empty list."""
    with call.rows() as connection:
        rows = queries_officer.list_reports(
            connection, viewer_of(call), asked, incident_type=incident_type or None,
            source=source or None, since=utc(since), until=utc(until), device_id=cctv_id, station_id=station_id,
        )  # fmt: skip
    return call.ok(rows)


@get("/officer/report/{report_id:int}", operation_id="get_report", tags=TAG_OFFICER, sync_to_thread=True,
     summary="A report", responses=documented(401, 403, 404))  # fmt: skip
def get_report(call: NamedDependency[Call], report_id: Id) -> Ok[OfficerReport]:
    """With owner, camera, evidence, assignments and timeline. Personal data: the look is audited."""
    with call.rows() as connection:
        row = queries_officer.find_report(connection, report_id)
        if row is None:
            raise missing("report", report_id)
        preview = preview_of(call, row["vendor_id"])
        found = queries_officer.read_report(connection, viewer_of(call), report_id, preview)
        call.audit(
            connection, "report_viewed", vendor_id=row["vendor_id"], object_kind="report", object_id=report_id
        )  # fmt: skip
    assert found is not None, "the same transaction found it"
    return call.ok(found)


@get("/officer/report/{report_id:int}/track", operation_id="get_track", tags=TAG_OFFICER, sync_to_thread=True,
     summary="The way of the police", responses=documented(401, 403, 404))  # fmt: skip
def get_track(call: NamedDependency[Call], report_id: Id) -> Ok[Track]:
    """Points, oldest first; `is_stale` when the phone has been silent for a minute."""
    with call.rows() as connection:
        row = queries_officer.find_report(connection, report_id)
        if row is None:
            raise missing("report", report_id)
        return call.ok(read_track(connection, row, datetime.now(UTC)))


@get("/officer/report/{report_id:int}/stations", operation_id="list_near_stations", tags=TAG_OFFICER,
     sync_to_thread=True, summary="The nearest stations", responses=documented(401, 403, 404))  # fmt: skip
def list_near_stations(call: NamedDependency[Call], report_id: Id) -> Ok[list[NearStationRow]]:
    """Nearest first; none for a report without a place."""
    with call.rows() as connection:
        place = _place(connection, report_id)
        rows = nearest_stations(connection, place.latitude, place.longitude, 10) if place is not None else []
    return call.ok(
        [
            NearStationRow(
                id=row.id, name=row.name, phone=row.phone, distance=round(row.distance_m, 1),
                coordinates=Coordinates(latitude=row.latitude, longitude=row.longitude),
            )
            for row in rows
        ]
    )  # fmt: skip


@get("/officer/notification", operation_id="list_officer_notifications", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Own notifications", responses=documented(401, 403), dependencies=PAGES_OF_20)  # fmt: skip
def list_own_notifications(
    call: NamedDependency[Call], asked: NamedDependency[Wanted]
) -> Ok[Numbered[NotificationRow]]:
    """Newest first; status: read, unread."""
    with call.rows() as connection:
        return call.ok(list_notifications(connection, viewer_of(call), asked))


@get("/officer/incident-map", operation_id="get_incident_map", tags=TAG_OFFICER, sync_to_thread=True,
     summary="The map", responses=documented(401, 403))  # fmt: skip
def get_map(call: NamedDependency[Call]) -> Ok[IncidentMap]:
    """Open reports and those of the last 30 days, and police on duty; nothing without coordinates."""
    with call.rows() as connection:
        return call.ok(queries_dashboard.read_map(connection))


@get("/officer/recent-alerts", operation_id="list_alerts", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Alerts", responses=documented(401, 403))  # fmt: skip
def list_alerts(call: NamedDependency[Call]) -> Ok[Alerts]:
    """What waits for somebody, the most pressing first."""
    with call.rows() as connection:
        return call.ok(queries_dashboard.read_alerts(connection, viewer_of(call)))


@get("/officer/performance", operation_id="get_performance", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Figures by station", responses=documented(401, 403))  # fmt: skip
def get_performance(call: NamedDependency[Call], since: From = None, until: To = None) -> Ok[list[Performance]]:
    """Of reports opened within the time; by default the last 30 days."""
    end = utc(until) or datetime.now(UTC)
    with call.rows() as connection:
        rows = queries_dashboard.read_performance(connection, utc(since) or end - timedelta(days=30), end)
    return call.ok(rows)


@get("/officer/available", operation_id="list_available_police", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Police who can be sent", responses=documented(401, 403, 404))  # fmt: skip
def list_available(call: NamedDependency[Call], near: Near = None) -> Ok[list[AvailableRow]]:
    """Available police with a position; with `near` the nearest to that report first, and how far they are."""
    with call.rows() as connection:
        rows = queries_officer.list_available(connection)
        if near is None:
            return call.ok(rows)
        place = _place(connection, near)
        if place is None:
            return call.ok(rows)
        away = {
            one.id: one.distance_m
            for one in nearest_police(connection, place.latitude, place.longitude, radius_km=20_100, limit=1000)
        }
    for row in rows:
        row.distance = round(away[row.id], 1) if row.id in away else None
    rows.sort(key=lambda row: (row.distance is None, row.distance or 0.0, row.name))
    return call.ok(rows)


@get("/officer/police", operation_id="list_police", tags=TAG_OFFICER, sync_to_thread=True,
     summary="Police", responses=documented(401, 403), dependencies=PAGES_OF_10)  # fmt: skip
def list_police(call: NamedDependency[Call], asked: NamedDependency[Wanted]) -> Ok[Numbered[PoliceRow]]:
    """By name; status: available, busy, offline."""
    with call.rows() as connection:
        return call.ok(queries_officer.list_police(connection, asked))


@post("/officer/verify/{report_id:int}", operation_id="verify_report", tags=TAG_OFFICER, status_code=200,
      sync_to_thread=True, summary="Decide on a report", responses=documented(401, 403, 404, 409, 412))  # fmt: skip
def verify(call: NamedDependency[Call], report_id: Id, data: JSONBody[Verification]) -> Ok[Changed]:
    """verified, in_progress, completed, or rejected: that recalls it, and everybody who was told hears so."""
    moved = reports_of(call).verify(
        call.principal, report_id, ReportStatus(data.status),
        reason_code=_reason_code(data), note=data.note or data.reason, version=data.version,
    )  # fmt: skip
    return call.ok(
        Changed(id=moved.id, status=moved.status, updated_at=moved.updated_at, version=moved.version),
        ("Status laporan diubah", "The report's status was changed"),
    )


@post("/officer/assign/{report_id:int}", operation_id="assign_police", tags=TAG_OFFICER, status_code=201,
      sync_to_thread=True, summary="Send police", responses=documented(401, 403, 404, 409))  # fmt: skip
def assign(call: NamedDependency[Call], report_id: Id, data: JSONBody[AssignOrder]) -> Response[Ok[Assigned]]:
    """Counts as the human check. 409 when somebody was sent already; `backup` sends more."""
    number = reports_of(call).assign(call.principal, report_id, as_id(data.officer_id), backup=data.backup)
    with call.rows() as connection:
        row = connection.execute(select(assignments).where(assignments.c.id == number)).mappings().one()
    made = Assigned(
        id=row["id"], report_id=row["report_id"], officer_id=row["police_id"], assigned_at=row["assigned_at"]
    )  # fmt: skip
    return Response(call.ok(made, ("Petugas ditugaskan", "Police sent")), status_code=201)


@post("/officer/assign/{report_id:int}/withdraw", operation_id="withdraw_assignment", tags=TAG_OFFICER, status_code=200,
      sync_to_thread=True, summary="Take an assignment back", responses=documented(401, 403, 404, 409))  # fmt: skip
def withdraw(call: NamedDependency[Call], report_id: Id, data: JSONBody[WithdrawOrder]) -> Ok[Changed]:
    """Whoever was sent is told to stop, and somebody else may be sent. 409 when it has ended: `withdrawn` says who took
    it back before. Legal after the arrival too: what was done stays on record.
    """
    police_id = None if data.officer_id is None else as_id(data.officer_id)
    moved = reports_of(call).withdraw(call.principal, report_id, data.reason, police_id)
    return call.ok(
        Changed(id=moved.id, status=moved.status, updated_at=moved.updated_at, version=moved.version),
        ("Penugasan ditarik", "The assignment was withdrawn"),
    )


def _reason_code(data: Verification) -> str:
    """Clients that know no codes say the reason in words."""
    if data.status != "rejected" or data.reason_code:
        return data.reason_code
    return data.reason if data.reason in REASONS else "other"


def _place(connection: Connection, report_id: int) -> Coordinates | None:
    row = queries_officer.find_report(connection, report_id)
    if row is None:
        raise missing("report", report_id)
    return coordinates(row["place_latitude"], row["place_longitude"])


@post("/officer/announcement", operation_id="announce", tags=TAG_OFFICER, status_code=201, sync_to_thread=True,
      summary="Tell all officers and police", responses=documented(401, 403, 429))  # fmt: skip
def announce_to_all(call: NamedDependency[Call], data: JSONBody[AnnouncementOrder]) -> Response[Ok[None]]:
    """To everybody on duty in the agency, but who writes it."""
    me = call.principal
    if me.vendor_id is None:
        raise Problem("forbidden", ("Admin nasional tidak punya petugas", "National admins have no officers"))
    wait = call.services.brake.wait_s(f"announce:{me.role}:{me.id}", *ANNOUNCEMENTS_MOST)
    if wait > 0:
        words = ("Terlalu banyak pengumuman", "Too many announcements")
        raise Problem("rate-limited", words, headers={"Retry-After": str(math.ceil(wait))})
    key = data.client_id or secrets.token_hex(16)
    facts = {"title": data.title, "text": data.message, "actor_role": me.role, "actor_id": me.id,
             "at": datetime.now(UTC).isoformat()}  # fmt: skip
    with call.services.database.system() as connection:
        announce(connection, vendor_id=me.vendor_id, kind="announcement", facts=facts,
                 dedup_key=f"announcement:{me.role}:{me.id}:{key}")  # fmt: skip
        call.audit(connection, "announced", vendor_id=me.vendor_id, detail={"title": data.title})
    return Response(call.ok(None, ("Pengumuman dikirim", "Announced")), status_code=201)


HANDLERS = [
    get_count, get_case_status, list_reports, get_report, get_track, list_near_stations, list_own_notifications,
    get_map, list_alerts, get_performance, list_available, list_police, verify, assign, withdraw,
    announce_to_all,
]  # fmt: skip
