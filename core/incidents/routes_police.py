"""Police in the field: what they are sent to, where they are, what they answer (the contract's POLICE rows)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from sqlalchemy import Connection, select

from core.accounts.tables import police
from core.domain.geo import distance_m
from core.incidents import queries_police as queries
from core.incidents.desk import PAGES_OF_10, PAGES_OF_20, TAG_POLICE, missing, reports_of, slow_noise, viewer_of
from core.incidents.inputs import Answer, StatusOrder, TrackOrder
from core.incidents.queries_police import AssignmentRow, PoliceDashboard, PoliceReport, PoliceReportRow
from core.incidents.reading import (
    NotificationRow,
    Track,
    list_notifications,
    minutes,
    read_track,
    select_reports,
)
from core.incidents.tables import reports, track_points
from core.incidents.tracking import TrackInput
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.pages import Numbered, Wanted
from core.web.params import Id

POINTS_MOST = (120, 60)
"""Positions that one phone sends within so many seconds: one in half a second."""
NEAR_ROWS = 20
LatitudeText = Annotated[float | None, QueryParameter(name="latitude", ge=-90, le=90)]
LongitudeText = Annotated[float | None, QueryParameter(name="longitude", ge=-180, le=180)]


class StatusChanged(msgspec.Struct, kw_only=True):
    """The report after it."""

    id: int
    status: str
    updated_at: datetime


class PointMade(msgspec.Struct, kw_only=True):
    """The point as it was taken. distance: metres; estimated_time: minutes."""

    id: int
    status: str
    created_at: datetime
    distance: float | None
    estimated_time: float | None
    is_nearby: bool
    is_suspicious: bool


class NearReport(msgspec.Struct, kw_only=True):
    """An open report nearby. Who is not sent there learns kind and distance, not what happened."""

    id: int
    incident_type: str
    status: str
    latitude: float
    longitude: float
    distance: float
    created_at: datetime


@get("/police/dashboard", operation_id="get_police_dashboard", tags=TAG_POLICE, sync_to_thread=True,
     summary="Own figures", responses=documented(401, 403))  # fmt: skip
def get_dashboard(call: NamedDependency[Call]) -> Ok[PoliceDashboard]:
    """Assignments under way, and the percentage that was completed."""
    with call.rows() as connection:
        return call.ok(queries.read_dashboard(connection, call.principal.id))


@get("/police/report/active", operation_id="list_active_reports", tags=TAG_POLICE, sync_to_thread=True,
     summary="Where one is sent", responses=documented(401, 403), dependencies=PAGES_OF_10)  # fmt: skip
def list_active(call: NamedDependency[Call], asked: NamedDependency[Wanted]) -> Ok[Numbered[PoliceReportRow]]:
    """Newest first; recalled ones stay until the stop is acknowledged."""
    with call.rows() as connection:
        return call.ok(queries.list_active(connection, viewer_of(call), asked))


@get("/police/report/{report_id:int}", operation_id="get_assigned_report", tags=TAG_POLICE, sync_to_thread=True,
     summary="A report", responses=documented(401, 403, 404))  # fmt: skip
def get_report(call: NamedDependency[Call], report_id: Id) -> Ok[PoliceReport]:
    """Only where one is (or was) sent."""
    with call.rows() as connection:
        found = queries.read_assigned(connection, viewer_of(call), report_id)
    if found is None:
        raise missing("report", report_id)
    return call.ok(found)


@get("/police/report/{report_id:int}/track", operation_id="get_own_way", tags=TAG_POLICE, sync_to_thread=True,
     summary="The own way", responses=documented(401, 403, 404))  # fmt: skip
def get_track(call: NamedDependency[Call], report_id: Id) -> Ok[Track]:
    """Of who was sent first; only where one is (or was) sent."""
    with call.rows() as connection:
        row = queries.find_assigned(connection, viewer_of(call), report_id)
        if row is None:
            raise missing("report", report_id)
        return call.ok(read_track(connection, row, datetime.now(UTC)))


@post("/police/report/{report_id:int}/status", operation_id="set_tracking_status", tags=TAG_POLICE, status_code=200,
      sync_to_thread=True, summary="Say where one stands", responses=documented(401, 403, 404, 409, 429))  # fmt: skip
def set_status(call: NamedDependency[Call], report_id: Id, data: JSONBody[StatusOrder]) -> Ok[StatusChanged]:
    """`arrived` takes the report to in_progress, `completed` closes it."""
    moved = reports_of(call).set_status(
        call.principal, report_id, data.status, description=data.description, client_id=data.client_id
    )  # fmt: skip
    changed = StatusChanged(id=moved.id, status=moved.status, updated_at=moved.updated_at)
    return call.ok(changed, ("Status diubah", "Status changed"))


@post("/police/report/{report_id:int}/track", operation_id="add_track_point", tags=TAG_POLICE, status_code=201,
      sync_to_thread=True, summary="Send a position", responses=documented(401, 403, 404, 409, 429))  # fmt: skip
def add_point(call: NamedDependency[Call], report_id: Id, data: JSONBody[TrackOrder]) -> Response[Ok[PointMade]]:
    """A phone may send a point again: the same client_id is taken once."""
    with call.rows() as connection:
        _slow_phone(connection, call.principal.id)
    fields = {name: getattr(data, name) for name in TrackOrder.__struct_fields__}
    point = reports_of(call).track(call.principal, report_id, TrackInput(**fields))
    made = PointMade(
        id=point.id, status=point.status, created_at=point.received_at,
        distance=None if point.distance_m is None else round(point.distance_m, 1),
        estimated_time=minutes(point.eta_s), is_nearby=point.is_nearby, is_suspicious=point.is_suspicious,
    )  # fmt: skip
    return Response(call.ok(made), status_code=201)


@post("/police/report/{report_id:int}/answer", operation_id="answer_assignment", tags=TAG_POLICE, status_code=200,
      sync_to_thread=True, summary="Accept or decline", responses=documented(401, 403, 404, 409))  # fmt: skip
def answer(call: NamedDependency[Call], report_id: Id, data: JSONBody[Answer]) -> Ok[StatusChanged]:
    """Who declines says why; the officers are told and send somebody else."""
    moved = reports_of(call).answer(call.principal, report_id, data.accept, reason=data.reason)
    return call.ok(StatusChanged(id=moved.id, status=moved.status, updated_at=moved.updated_at))


@post("/police/report/{report_id:int}/stop", operation_id="acknowledge_stop", tags=TAG_POLICE, status_code=200,
      sync_to_thread=True, summary="Acknowledge a recall", responses=documented(401, 403, 404, 409))  # fmt: skip
def acknowledge_stop(call: NamedDependency[Call], report_id: Id) -> Ok[None]:
    """The report was recalled and one has stopped."""
    reports_of(call).acknowledge_stop(call.principal, report_id)
    return call.ok(None, ("Penghentian dicatat", "The stop is noted"))


@get("/police/assignment", operation_id="list_assignments", tags=TAG_POLICE, sync_to_thread=True,
     summary="Own assignments", responses=documented(401, 403), dependencies=PAGES_OF_10)  # fmt: skip
def list_history(call: NamedDependency[Call], asked: NamedDependency[Wanted]) -> Ok[Numbered[AssignmentRow]]:
    """All of them, newest first, declined ones too; status: of the assignment."""
    with call.rows() as connection:
        return call.ok(queries.list_history(connection, viewer_of(call), asked))


@get("/police/nearest", operation_id="list_near_reports", tags=TAG_POLICE, sync_to_thread=True,
     summary="Open reports nearby", responses=documented(401, 403))  # fmt: skip
def list_near(
    call: NamedDependency[Call], latitude: LatitudeText = None, longitude: LongitudeText = None
) -> Ok[list[NearReport]]:
    """Nearest to the point given, else to the own last position; checked ones only, none without a position."""
    with call.rows() as connection:
        if latitude is None or longitude is None:
            mine = select(police.c.latitude, police.c.longitude).where(police.c.id == call.principal.id)
            latitude, longitude = connection.execute(mine).one()
        if latitude is None or longitude is None:
            return call.ok([])
        shown = select_reports().where(reports.c.status.in_(("verified", "assigned", "in_progress"))).subquery()
        rows = connection.execute(
            select(shown).where(shown.c.place_latitude.is_not(None), shown.c.place_longitude.is_not(None))
        ).mappings()  # fmt: skip
        near = [
            NearReport(
                id=row["id"], incident_type=row["incident_type"], status=row["status"],
                latitude=row["place_latitude"], longitude=row["place_longitude"], created_at=row["created_at"],
                distance=round(distance_m(latitude, longitude, row["place_latitude"], row["place_longitude"]), 1),
            )
            for row in rows
        ]  # fmt: skip
    return call.ok(sorted(near, key=lambda row: row.distance)[:NEAR_ROWS])


@get("/police/notification", operation_id="list_police_notifications", tags=TAG_POLICE, sync_to_thread=True,
     summary="Own notifications", responses=documented(401, 403), dependencies=PAGES_OF_20)  # fmt: skip
def list_own_notifications(
    call: NamedDependency[Call], asked: NamedDependency[Wanted]
) -> Ok[Numbered[NotificationRow]]:
    """Newest first; status: read, unread."""
    with call.rows() as connection:
        return call.ok(list_notifications(connection, viewer_of(call), asked))


def _slow_phone(connection: Connection, police_id: int) -> None:
    times = select(track_points.c.id, track_points.c.police_id, track_points.c.received_at.label("created_at"))
    points = times.subquery()
    slow_noise(connection, points, points.c.police_id == police_id, *POINTS_MOST)


HANDLERS = [
    get_dashboard, list_active, get_report, get_track, set_status, add_point, answer, acknowledge_stop, list_history,
    list_near, list_own_notifications,
]  # fmt: skip
