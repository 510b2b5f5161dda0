"""Owners of cameras: cameras, reports, the police on the way (the contract's OWNER rows)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy import select

from core.accounts.contract_routes import given
from core.accounts.tables import devices
from core.incidents import cctv
from core.incidents import queries_owner as queries
from core.incidents.desk import (
    PAGES_OF_10,
    TAG_OWNER,
    UPLOAD_CEILING,
    DeviceId,
    missing,
    preview_of,
    reports_of,
    slow_noise,
    small_enough,
    viewer_of,
    wrong,
)
from core.incidents.inputs import CctvChange, CctvOrder, ReportOrder, read_date_time, read_picture
from core.incidents.opening import ManualReport
from core.incidents.queries_owner import (
    CctvDetail,
    CctvPreview,
    CctvRow,
    OwnCounts,
    OwnReport,
    OwnReportRow,
)
from core.incidents.reading import Track, read_track
from core.incidents.tables import reports
from core.problems import Problem
from core.secrets import SecretBox
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.pages import Numbered, Wanted
from core.web.params import From, Id, To, utc

CCTV_MOST = 200
"""Cameras of one owner."""
REPORTS_MOST = (10, 600)
"""Reports that one owner writes within so many seconds."""


class ReportMade(msgspec.Struct, kw_only=True):
    """The report that was opened."""

    id: int
    title: str
    status: str
    created_at: datetime


@get("/count", operation_id="get_own_counts", tags=TAG_OWNER, sync_to_thread=True,
     summary="Numbers of cameras and reports", responses=documented(401, 403))  # fmt: skip
def get_count(call: NamedDependency[Call]) -> Ok[OwnCounts]:
    """Of the caller's own."""
    with call.rows() as connection:
        return call.ok(queries.count_own(connection, call.principal.id))


@get("/cctv/preview", operation_id="get_cctv_preview", tags=TAG_OWNER, sync_to_thread=True,
     summary="A camera's picture", responses=documented(401, 403, 404))  # fmt: skip
def get_preview(call: NamedDependency[Call], cctv_id: DeviceId = None) -> Ok[CctvPreview]:
    """Of the camera named, else of the first one that is online. The address opens by itself for a while."""
    with call.rows() as connection:
        found = queries.read_preview(connection, call.principal.id, cctv_id, preview_of(call))
    if found is None:
        raise missing("cctv", cctv_id or 0)
    return call.ok(found)


@post("/cctv", operation_id="add_cctv", tags=TAG_OWNER, status_code=201, sync_to_thread=True,
      summary="Add a camera", responses=documented(401, 403, 409))  # fmt: skip
def add_cctv(call: NamedDependency[Call], data: JSONBody[CctvOrder]) -> Response[Ok[CctvDetail]]:
    """The stream's address is opened once an admin approved it."""
    me = call.principal
    assert me.vendor_id is not None, "owners belong to a vendor"
    with call.services.database.system() as connection:
        if queries.count_own(connection, me.id).cctv_count >= CCTV_MOST:
            words = (f"Paling banyak {CCTV_MOST} kamera", f"{CCTV_MOST} cameras at most")
            raise Problem("conflict", words)
        fields = {name: getattr(data, name) for name in CctvOrder.__struct_fields__}
        if fields["stream_url"] is None:
            del fields["stream_url"]
        try:
            device_id = cctv.add_cctv(connection, _box(call), me.vendor_id, me.id, fields, by=call.actor)
        except cctv.CctvRefused as error:
            raise wrong(error.field, str(error)) from None
    return Response(call.ok(_cctv(call, device_id), ("Kamera ditambahkan", "Camera added")), status_code=201)


@get("/cctv", operation_id="list_cctv", tags=TAG_OWNER, sync_to_thread=True,
     summary="The own cameras", responses=documented(401, 403), dependencies=PAGES_OF_10)  # fmt: skip
def list_cctv(call: NamedDependency[Call], asked: NamedDependency[Wanted]) -> Ok[Numbered[CctvRow]]:
    """Newest first; status: online, offline, inactive, maintenance."""
    with call.rows() as connection:
        return call.ok(queries.list_cctv(connection, call.principal.id, asked, preview_of(call)))


@get("/cctv/{cctv_id:int}", operation_id="get_cctv", tags=TAG_OWNER, sync_to_thread=True,
     summary="A camera", responses=documented(401, 403, 404))  # fmt: skip
def get_cctv(call: NamedDependency[Call], cctv_id: Id) -> Ok[CctvDetail]:
    """With its newest reports."""
    return call.ok(_cctv(call, cctv_id))


@patch("/cctv/{cctv_id:int}", operation_id="change_cctv", tags=TAG_OWNER, sync_to_thread=True,
       summary="Change a camera", responses=documented(401, 403, 404))  # fmt: skip
def change_cctv(call: NamedDependency[Call], cctv_id: Id, data: JSONBody[CctvChange]) -> Ok[CctvDetail]:
    """Set what is named. A new stream address waits for an admin's approval again."""
    with call.services.database.system() as connection:
        try:
            found = cctv.change_cctv(
                connection, _box(call), cctv_id, call.principal.id, given(data), by=call.actor
            )  # fmt: skip
        except cctv.CctvRefused as error:
            raise wrong(error.field, str(error)) from None
        if not found:
            raise missing("cctv", cctv_id)
    return call.ok(_cctv(call, cctv_id), ("Kamera diubah", "Camera changed"))


@delete("/cctv/{cctv_id:int}", operation_id="remove_cctv", tags=TAG_OWNER, status_code=200, sync_to_thread=True,
        summary="Remove a camera", responses=documented(401, 403, 404))  # fmt: skip
def remove_cctv(call: NamedDependency[Call], cctv_id: Id) -> Ok[None]:
    """Its address and login are forgotten; its reports stay."""
    with call.services.database.system() as connection:
        if not cctv.remove_cctv(connection, cctv_id, call.principal.id, by=call.actor):
            raise missing("cctv", cctv_id)
    return call.ok(None, ("Kamera dihapus", "Camera removed"))


@get("/report", operation_id="list_own_reports", tags=TAG_OWNER, sync_to_thread=True,
     summary="The own reports", responses=documented(401, 403), dependencies=PAGES_OF_10)  # fmt: skip
def list_reports(
    call: NamedDependency[Call], asked: NamedDependency[Wanted], since: From = None, until: To = None,
    cctv_id: DeviceId = None,
) -> Ok[Numbered[OwnReportRow]]:  # fmt: skip
    """Newest first."""
    with call.rows() as connection:
        rows = queries.list_own_reports(
            connection, viewer_of(call), asked, since=utc(since), until=utc(until), device_id=cctv_id
        )
    return call.ok(rows)


@get("/report/{report_id:int}", operation_id="get_own_report", tags=TAG_OWNER, sync_to_thread=True,
     summary="A report", responses=documented(401, 403, 404))  # fmt: skip
def get_report(call: NamedDependency[Call], report_id: Id) -> Ok[OwnReport]:
    """With the police who were sent."""
    with call.rows() as connection:
        found = queries.read_own_report(connection, viewer_of(call), report_id)
    if found is None:
        raise missing("report", report_id)
    return call.ok(found)


@get("/report/{report_id:int}/track", operation_id="get_own_track", tags=TAG_OWNER, sync_to_thread=True,
     summary="The way of the police", responses=documented(401, 403, 404))  # fmt: skip
def get_track(call: NamedDependency[Call], report_id: Id) -> Ok[Track]:
    """Points, oldest first; `is_nearby` under 100 m."""
    with call.rows() as connection:
        row = queries.find_own_report(connection, viewer_of(call), report_id)
        if row is None:
            raise missing("report", report_id)
        return call.ok(read_track(connection, row, datetime.now(UTC)))


@post("/report", operation_id="add_report", tags=TAG_OWNER, status_code=201, sync_to_thread=True,
      guards=[small_enough], request_max_body_size=UPLOAD_CEILING, summary="Write a report",
      responses=documented(401, 403, 404, 413, 429))  # fmt: skip
def add_report(call: NamedDependency[Call], data: JSONBody[ReportOrder]) -> Response[Ok[ReportMade]]:
    """By hand, of an own camera or of none. Officers of the nearest station are told."""
    me = call.principal
    with call.rows() as connection:
        slow_noise(
            connection, reports, (reports.c.owner_id == me.id) & (reports.c.source == "manual"), *REPORTS_MOST
        )  # fmt: skip
        cctv_id = int(data.cctv_id) if data.cctv_id else None
        zone = connection.execute(
            select(devices.c.zone).where(devices.c.id == cctv_id, devices.c.owner_id == me.id)
        ).scalar()  # fmt: skip
    picture = data.report_image
    report_id = reports_of(call).open_manual(
        me,
        ManualReport(
            title=data.title, description=data.description, location=data.location,
            incident_type=data.incident_type, cctv_id=cctv_id,
            picture=read_picture("report_image", picture, call.settings.max_upload_bytes) if picture else None,
            at=read_date_time(data.date, data.time, zone or "Asia/Jakarta"), latitude=data.latitude,
            longitude=data.longitude, client_id=data.client_id,
        ),
    )  # fmt: skip
    with call.rows() as connection:
        query = select(reports.c.id, reports.c.title, reports.c.status, reports.c.created_at)
        row: Any = connection.execute(query.where(reports.c.id == report_id)).mappings().one()
    return Response(call.ok(ReportMade(**row), ("Laporan terkirim", "Report sent")), status_code=201)


def _cctv(call: Call, device_id: int) -> CctvDetail:
    with call.rows() as connection:
        found = queries.read_cctv(connection, call.principal.id, device_id, preview_of(call))
    if found is None:
        raise missing("cctv", device_id)
    return found


def _box(call: Call) -> SecretBox:
    return SecretBox(call.settings.signing_key())


HANDLERS = [
    get_count, get_preview, add_cctv, list_cctv, get_cctv, change_cctv, remove_cctv, list_reports, get_report,
    get_track, add_report,
]  # fmt: skip
