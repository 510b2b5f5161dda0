"""Detectors elsewhere: POST /deteksi with a service key."""

from __future__ import annotations

import math

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy import Connection, or_, select

from core.accounts.principal import ServicePrincipal
from core.accounts.tables import devices
from core.evidence.links import MediaLinks
from core.incidents.desk import (
    TAG_MACHINE,
    UPLOAD_CEILING,
    base_url,
    links_of,
    missing,
    reports_of,
    small_enough,
)
from core.incidents.inputs import Detection, read_picture, read_timestamp
from core.incidents.opening import ExternalReport
from core.incidents.reading import select_reports
from core.incidents.tables import reports
from core.problems import Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented

POSTS_MOST = (120, 60.0)
"""Of one key within so many seconds."""


class DetectionMade(msgspec.Struct, kw_only=True):
    """The report that was opened, or the open one that the picture was added to."""

    id: int
    status: str
    incident_type: str
    location: str
    evidence_url: str | None
    is_assigned: bool


@post("/deteksi", operation_id="add_detection", tags=TAG_MACHINE, status_code=201, sync_to_thread=True,
      guards=[small_enough], request_max_body_size=UPLOAD_CEILING, summary="Report a detection",
      responses=documented(401, 403, 404, 413, 429), security=[{"service_key": []}])  # fmt: skip
def add_detection(call: NamedDependency[Call], data: JSONBody[Detection]) -> Response[Ok[DetectionMade]]:
    """With `X-API-Key` (or Bearer) and a service key. Further ones of a camera and type within a minute are added."""
    return _detect(call, data)


@post("/detection", operation_id="add_detection_alias", tags=TAG_MACHINE, status_code=201, sync_to_thread=True,
      guards=[small_enough], request_max_body_size=UPLOAD_CEILING, summary="Report a detection",
      responses=documented(401, 403, 404, 413, 429), security=[{"service_key": []}])  # fmt: skip
def add_detection_alias(call: NamedDependency[Call], data: JSONBody[Detection]) -> Response[Ok[DetectionMade]]:
    """The same as /deteksi."""
    return _detect(call, data)


def _detect(call: Call, data: Detection) -> Response[Ok[DetectionMade]]:
    key: ServicePrincipal = call.program
    wait = call.services.brake.wait_s(f"service:{key.id}", *POSTS_MOST)
    if wait > 0:
        words = ("Terlalu banyak kiriman dari kunci ini", "Too many posts by this key")
        raise Problem("rate-limited", words, headers={"Retry-After": str(math.ceil(wait))})
    given = data.report
    picture = read_picture("report.report_image", given.report_image, call.settings.max_upload_bytes)
    database = call.services.database
    with database.tenant(key.vendor_ids) as connection:
        camera_id, zone = _camera(connection, data.cctv_id)
    report_id = reports_of(call).open_external(
        key,
        ExternalReport(
            cctv_id=camera_id, title=given.title, incident_type=given.incident_type, description=given.description,
            location=given.location, picture=picture, at=read_timestamp(data.timestamp, zone),
            client_id=data.client_id,
        ),
    )  # fmt: skip
    with database.tenant(key.vendor_ids) as connection:
        row = connection.execute(select_reports().where(reports.c.id == report_id)).mappings().one()
    links: MediaLinks = links_of(call)
    made = DetectionMade(
        id=row["id"], status=row["status"], incident_type=row["incident_type"], location=row["location"],
        evidence_url=links.url(base_url(call), row["vendor_id"], row["image"], f"service:{key.id}")
        if row["image"] is not None else None,
        is_assigned=row["is_assigned"],
    )  # fmt: skip
    return Response(call.ok(made, ("Deteksi diterima", "Detection taken")), status_code=201)


def _camera(connection: Connection, named: int | str) -> tuple[int, str]:
    """Id and zone of a camera of the key's vendor, by id or by device code."""
    text = str(named)
    wanted = [devices.c.device_code == text]
    if text.isascii() and text.isdigit() and len(text) <= 18:
        wanted.append(devices.c.id == int(text))
    query = select(devices.c.id, devices.c.zone).where(devices.c.is_active, or_(*wanted))
    row = connection.execute(query.order_by(devices.c.device_code != text).limit(1)).first()
    if row is None:
        raise missing("cctv", named)
    return row.id, row.zone


HANDLERS = [add_detection, add_detection_alias]
