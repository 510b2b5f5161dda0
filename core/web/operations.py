"""Pages of the people who keep it running: devices, quarantine, deliveries, the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from sqlalchemy import ColumnElement, Select, func, select, update

from core.accounts.tables import audit_log, device_health, devices, vendors
from core.incidents.tables import camera_health
from core.ingest.tables import payloads, quarantine
from core.problems import Problem
from core.sync.service import Change, confirm, retry
from core.sync.tables import etnas_sync
from core.traffic.queries import sync_select
from core.traffic.views import AuditRow, SyncRow
from core.web.call import Call
from core.web.cursor import BIGINT, Cursor, decode_cursor, encode_cursor
from core.web.envelope import Listing, Ok
from core.web.errors import documented
from core.web.params import CursorText, DeviceCode, From, Id, Limit, To, VendorCode, utc

T = TypeVar("T")
_TAG = ["Operasi"]
SILENT_S = 900
"""A device that was heard before and not for so long counts as offline."""


class DeviceRow(msgspec.Struct, kw_only=True):
    """A camera and how it is. skew_s > 0: its clock is ahead; skew_state hold and wrong_zone hold violations back.

    state      online, offline (silent for 15 minutes), never (not heard yet), inactive (switched off here)
    last_seen  it posted something, or a picture was read from its stream
    """

    id: int
    device_code: str
    device_name: str | None
    maker: str
    location: str | None
    vendor_code: str
    latitude: float | None
    longitude: float | None
    purposes: list[str]
    state: Literal["online", "offline", "never", "inactive"]
    last_seen: datetime | None
    last_event: datetime | None
    last_heartbeat: datetime | None
    events: int
    heartbeats: int
    problems: int
    skew_s: float | None
    skew_state: str
    skew_note: str | None


class QuarantineRow(msgspec.Struct, kw_only=True):
    """A payload that could not be understood, with a reason a person can act on. The raw bytes are kept."""

    id: int
    payload_id: int
    device_code: str | None
    plugin: str
    kind: str
    reason: str
    detail: str
    created_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    content_type: str | None
    size: int | None


class Dismissal(msgspec.Struct, forbid_unknown_fields=True):
    """Why nothing needs to be done about it."""

    note: Annotated[str, msgspec.Meta(min_length=3, max_length=500, pattern=r"^[^\x00]*$")]


class ByHand(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which deliveries, and why: a person answers for it."""

    ids: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]], msgspec.Meta(min_length=1, max_length=200)]
    note: Annotated[str, msgspec.Meta(min_length=3, max_length=500, pattern=r"^[^\x00]*$")]


SyncStatus = Literal["pending", "sending", "accepted", "refused", "uncertain", "dead", "cancelled"]


@get("/api/devices", operation_id="list_devices", tags=_TAG, sync_to_thread=True,
     summary="List devices", responses=documented(401, 403))  # fmt: skip
def list_devices(
    call: NamedDependency[Call],
    vendor: VendorCode = None,
    maker: Annotated[str | None, QueryParameter(max_length=40, pattern=r"^[^\x00]*$")] = None,
    skew: Annotated[Literal["unknown", "ok", "warn", "hold", "wrong_zone"] | None, QueryParameter()] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response[Ok[Listing[DeviceRow]]]:
    """Cameras with their health and clock skew, by id. Credentials are never shown."""
    after = decode_cursor(cursor, "devices")
    silent = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, SILENT_S)
    health = device_health.c
    seen = func.greatest(health.last_seen, camera_health.c.last_frame_at)
    query = (
        select(
            devices.c.id, devices.c.device_code, devices.c.device_name, devices.c.maker, devices.c.location,
            devices.c.latitude, devices.c.longitude, devices.c.purposes, devices.c.is_active, vendors.c.vendor_code,
            seen.label("last_seen"), health.last_event, health.last_heartbeat, health.skew_s, health.skew_note,
            func.coalesce(health.events, 0).label("events"),
            func.coalesce(health.heartbeats, 0).label("heartbeats"),
            func.coalesce(health.problems, 0).label("problems"),
            func.coalesce(health.skew_state, "unknown").label("skew_state"),
            (seen < silent).label("silent"),
        )
        .join(vendors, vendors.c.id == devices.c.vendor_id)
        .outerjoin(device_health, health.device_id == devices.c.id)
        .outerjoin(camera_health, camera_health.c.device_id == devices.c.id)
    )  # fmt: skip
    if vendor is not None:
        query = query.where(vendors.c.vendor_code == vendor)
    if maker is not None:
        query = query.where(devices.c.maker == maker)
    if skew is not None:
        query = query.where(func.coalesce(health.skew_state, "unknown") == skew)
    if after is not None:
        query = query.where(devices.c.id > after.id)
    with call.rows() as connection:
        found = connection.execute(query.order_by(devices.c.id).limit(limit + 1)).mappings().all()
    names = [name for name in DeviceRow.__struct_fields__ if name != "state"]
    rows = [DeviceRow(**{name: row[name] for name in names}, state=_device_state(row)) for row in found[:limit]]
    return call.page(rows, limit, _following(found, limit, "devices"))


@get("/api/quarantine", operation_id="list_quarantine", tags=_TAG, sync_to_thread=True,
     summary="List the quarantine", responses=documented(401, 403))  # fmt: skip
def list_quarantine(
    call: NamedDependency[Call],
    open_only: Annotated[bool, QueryParameter(name="open", description="only what nobody has dealt with")] = True,
    kind: Annotated[str | None, QueryParameter(max_length=20, pattern=r"^[^\x00]*$")] = None,
    device: DeviceCode = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response[Ok[Listing[QuarantineRow]]]:
    """Payloads that could not be understood, newest first. After a fix `tangkapin replay` parses them again."""
    plain = [quarantine.c[n] for n in QuarantineRow.__struct_fields__ if n in quarantine.c]
    query = (
        select(*plain, devices.c.device_code, payloads.c.content_type, payloads.c.size)
        .outerjoin(devices, devices.c.id == quarantine.c.device_id)
        .outerjoin(payloads, payloads.c.id == quarantine.c.payload_id)
    )
    if open_only:
        query = query.where(quarantine.c.resolved_at.is_(None))
    if kind is not None:
        query = query.where(quarantine.c.kind == kind)
    if device is not None:
        query = query.where(devices.c.device_code == device)
    return _newest_first(call, query, quarantine.c.id, QuarantineRow, "quarantine", limit, cursor)


@post("/api/quarantine/{quarantine_id:int}/dismiss", operation_id="dismiss_quarantine", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Dismiss", responses=documented(401, 403, 404, 409))  # fmt: skip
def dismiss_quarantine(call: NamedDependency[Call], quarantine_id: Id, data: JSONBody[Dismissal]) -> Ok[None]:
    """Say that nothing needs to be done about it. The raw payload stays, and can still be replayed."""
    with call.rows() as connection:
        row = connection.execute(
            select(quarantine.c.vendor_id, quarantine.c.payload_id, quarantine.c.resolution, quarantine.c.resolved_at)
            .where(quarantine.c.id == quarantine_id)
            .with_for_update()
        ).first()
        if row is None:
            raise Problem("not-found")
        if row.resolved_at is not None:
            words = (f"Sudah selesai: {row.resolution}", f"Already resolved: {row.resolution}")
            raise Problem("conflict", words)
        connection.execute(
            update(quarantine)
            .where(quarantine.c.id == quarantine_id)
            .values(resolved_at=func.now(), resolution=f"dismissed by {call.principal.signature}: {data.note}")
        )
        call.audit(
            connection, "quarantine_dismissed", vendor_id=row.vendor_id, object_kind="payload",
            object_id=row.payload_id, detail={"quarantine_id": quarantine_id, "note": data.note},
        )  # fmt: skip
    return call.ok(None)


@get("/api/sync", operation_id="list_sync", tags=_TAG, sync_to_thread=True,
     summary="List deliveries", responses=documented(401, 403))  # fmt: skip
def list_sync(
    call: NamedDependency[Call],
    status: Annotated[list[SyncStatus] | None, QueryParameter(description="may be given several times")] = None,
    sink: Annotated[str | None, QueryParameter(max_length=60, pattern=r"^[^\x00]*$")] = None,
    violation: Annotated[int | None, QueryParameter(ge=1, le=BIGINT)] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response[Ok[Listing[SyncRow]]]:
    """The outbox, newest first: one row for each case and centre. Requests and answers are not shown here."""
    query = sync_select()
    if status:
        query = query.where(etnas_sync.c.status.in_(status))
    if sink is not None:
        query = query.where(etnas_sync.c.sink == sink)
    if violation is not None:
        query = query.where(etnas_sync.c.violation_id == violation)
    return _newest_first(call, query, etnas_sync.c.id, SyncRow, "sync", limit, cursor)


@post("/api/sync/retry", operation_id="retry_sync", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Send deliveries again", responses=documented(401, 403))  # fmt: skip
def retry_sync(data: JSONBody[ByHand], call: NamedDependency[Call]) -> Ok[list[Change]]:
    """Send refused, dead or uncertain deliveries again. An uncertain one may reach the centre twice."""
    changes = retry(
        call.services.database, data.ids, call.actor, vendor_ids=call.principal.vendor_ids, note=data.note,
        host=call.services.host,
    )  # fmt: skip
    return _told(call, changes)


@post("/api/sync/confirm", operation_id="confirm_sync", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Confirm deliveries", responses=documented(401, 403))  # fmt: skip
def confirm_sync(data: JSONBody[ByHand], call: NamedDependency[Call]) -> Ok[list[Change]]:
    """Say that the centre has these uncertain deliveries: they count as accepted, nothing is sent."""
    changes = confirm(
        call.services.database, data.ids, call.actor, vendor_ids=call.principal.vendor_ids, note=data.note,
        host=call.services.host,
    )  # fmt: skip
    return _told(call, changes)


def _told(call: Call, changes: list[Change]) -> Ok[list[Change]]:
    """The answer, once the dashboards of the agencies whose deliveries changed know."""
    touched = [change.id for change in changes if change.changed]
    if touched:
        with call.rows() as connection:
            query = select(etnas_sync.c.vendor_id).where(etnas_sync.c.id.in_(touched)).distinct()
            agencies = connection.execute(query).scalars().all()
        for vendor_id in agencies:
            call.changed(vendor_id, ("sync", "sinks", "violations"))
    return call.ok(changes)


@get("/api/audit", operation_id="list_audit", tags=_TAG, sync_to_thread=True,
     summary="Read the audit log", responses=documented(401, 403))  # fmt: skip
def list_audit(
    call: NamedDependency[Call],
    action: Annotated[str | None, QueryParameter(max_length=60, pattern=r"^[^\x00]*$")] = None,
    actor: Annotated[str | None, QueryParameter(max_length=150, pattern=r"^[^\x00]*$", description="name")] = None,
    object_kind: Annotated[str | None, QueryParameter(max_length=40, pattern=r"^[^\x00]*$")] = None,
    object_id: Annotated[int | None, QueryParameter(ge=1, le=BIGINT)] = None,
    since: From = None,
    until: To = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response[Ok[Listing[AuditRow]]]:
    """Who did or looked at what, newest first."""
    query = select(*(audit_log.c[name] for name in AuditRow.__struct_fields__))
    for column, value in (
        (audit_log.c.action, action), (audit_log.c.actor_name, actor),
        (audit_log.c.object_kind, object_kind), (audit_log.c.object_id, object_id),
    ):  # fmt: skip
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(audit_log.c.at >= utc(since))
    if until is not None:
        query = query.where(audit_log.c.at < utc(until))
    return _newest_first(call, query, audit_log.c.id, AuditRow, "audit", limit, cursor)


def _device_state(row: Any) -> Literal["online", "offline", "never", "inactive"]:
    if not row["is_active"]:
        return "inactive"
    if row["last_seen"] is None:
        return "never"
    return "offline" if row["silent"] else "online"


def _newest_first(
    call: Call, query: Select[Any], number: ColumnElement[int], row: type[T], order: str, limit: int, cursor: str | None
) -> Response[Ok[Listing[T]]]:
    after = decode_cursor(cursor, order)
    if after is not None:
        query = query.where(number < after.id)
    with call.rows() as connection:
        found = connection.execute(query.order_by(number.desc()).limit(limit + 1)).mappings().all()
    return call.page([row(**one) for one in found[:limit]], limit, _following(found, limit, order))


def _following(found: Any, limit: int, order: str) -> str | None:
    return encode_cursor(Cursor(order, found[limit - 1]["id"])) if len(found) > limit else None


HANDLERS = [list_devices, list_quarantine, dismiss_quarantine, list_sync, retry_sync, confirm_sync, list_audit]
