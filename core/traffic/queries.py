"""What the review and search pages read. All of it inside the caller's tenant transaction; no text becomes SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, or_, select, tuple_

from core.accounts.principal import Principal
from core.accounts.tables import admins, audit_log, devices, officers, vendors
from core.domain.plates import REGIONS, read_indonesian_plate, repair_plate
from core.sync.tables import etnas_sync
from core.traffic.deadlines import DeadlineRules, deadlines, half_time
from core.traffic.search import plan_for_what_was_typed, plate_filter
from core.traffic.states import State
from core.traffic.tables import SHOWN_PLATE, passages, plate_reads, violations
from core.traffic.views import (
    AuditRow,
    ClaimView,
    CloneSign,
    DeviceView,
    PassageView,
    Picture,
    PlateHint,
    ReadView,
    Sort,
    SyncRow,
    ViolationDetail,
    ViolationRow,
)
from core.web.cursor import Cursor, encode_cursor

DEVICE = (
    devices.c.id.label("device_pk"),
    devices.c.device_code,
    devices.c.device_name,
    devices.c.location.label("device_location"),
)
Plated = tuple[int, str | None]
"""A passage's id and the plate it is shown with: a correction is the case's and not the passage's."""
Signs = Mapping[Plated, list[CloneSign]]
SignsOf = Callable[[Connection, Iterable[Plated]], Signs]
"""What of a page's plates may be forged (core.traffic.hints)."""
AUDIT_SHOWN = 200
_TELLING = {"vehicle": 0, "scene": 1, "plate": 2}


class ViolationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to list. Times bound the capture time, `until` excluded."""

    statuses: tuple[State, ...] = ()
    violation_type: str | None = None
    device: str | None = None
    vendor: str | None = None
    plate: str | None = None
    look_alike: bool = False
    since: datetime | None = None
    until: datetime | None = None
    claimed_by_me: bool = False


class ReadFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search reads or passages for."""

    plate: str | None = None
    look_alike: bool = False
    device: str | None = None
    vendor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    verdict: str | None = None


def list_violations(
    connection: Connection,
    principal: Principal,
    wanted: ViolationFilter,
    *,
    sort: Sort,
    limit: int,
    cursor: Cursor | None,
    undo_s: float,
    signs_of: SignsOf,
) -> tuple[list[ViolationRow], str | None]:
    """A page of cases and the cursor of the next one."""
    conditions: list[ColumnElement[bool]] = _window(violations.c.capture_time, wanted.since, wanted.until)
    if wanted.statuses:
        conditions.append(violations.c.status.in_(wanted.statuses))
    if wanted.violation_type is not None:
        conditions.append(violations.c.violation_type == wanted.violation_type)
    if wanted.plate is not None:
        plan_for_what_was_typed(connection)
        conditions.append(plate_filter(SHOWN_PLATE, wanted.plate, look_alike=wanted.look_alike))
    if wanted.claimed_by_me:
        conditions.append(_claimed_by(principal))
    conditions += _place(wanted.device, wanted.vendor)
    query = violation_select().where(*conditions)
    if sort == "due":
        if cursor is not None:
            query = query.where(tuple_(violations.c.due_at, violations.c.id) > (cursor.at, cursor.id))
        query = query.order_by(violations.c.due_at, violations.c.id)
    else:
        if cursor is not None:
            query = query.where(violations.c.id < cursor.id)
        query = query.order_by(violations.c.id.desc())
    found = connection.execute(query.limit(limit + 1)).mappings().all()
    names = actor_names(connection, found)
    signs = signs_of(connection, map(_plated, found[:limit]))
    rows = [ViolationRow(**_row_fields(row, principal, names, undo_s, signs)) for row in found[:limit]]
    if len(found) <= limit:
        return rows, None
    last = found[limit - 1]
    return rows, encode_cursor(Cursor(f"violations:{sort}", last["id"], last["due_at"] if sort == "due" else None))


def violation_select() -> Select[Any]:
    """Cases with device and vendor, and the database's clock."""
    return (
        select(violations, *DEVICE, vendors.c.vendor_code, func.now().label("now"))
        .join(devices, devices.c.id == violations.c.device_id)
        .join(vendors, vendors.c.id == violations.c.vendor_id)
    )


def find_violation(connection: Connection, violation_id: int) -> Any | None:
    """The row of a case of the caller's vendors, or None."""
    return connection.execute(violation_select().where(violations.c.id == violation_id)).mappings().first()


def violation_detail(
    connection: Connection, row: Any, principal: Principal, hints: list[PlateHint], *, undo_s: float,
    rules: DeadlineRules,
) -> ViolationDetail:  # fmt: skip
    """A case with everything a person needs to decide."""
    reads = connection.execute(
        _read_select().where(plate_reads.c.passage_id == row["passage_id"]).order_by(plate_reads.c.id).limit(100)
    ).mappings()
    passage = connection.execute(_passage_select().where(passages.c.id == row["passage_id"])).mappings().first()
    together = connection.execute(
        select(violations.c.id).where(violations.c.passage_id == row["passage_id"]).order_by(violations.c.id)
    ).scalars()
    sync = connection.execute(
        sync_select().where(etnas_sync.c.violation_id == row["id"]).order_by(etnas_sync.c.id)
    ).mappings()
    audit = connection.execute(
        select(*_audit_columns())
        .where(audit_log.c.object_kind == "violation", audit_log.c.object_id == row["id"])
        .order_by(audit_log.c.id.desc())
        .limit(AUDIT_SHOWN)
    ).mappings()
    _, plate = one = _plated(row)
    signs = {one: list(dict.fromkeys(sign for hint in hints for sign in hint.signs))}
    groups = read_indonesian_plate(plate)
    return ViolationDetail(
        **_row_fields(row, principal, actor_names(connection, [row]), undo_s, signs),
        detail=row["detail"],
        hints=hints,
        suggestions=repair_plate(plate),
        plate_region=REGIONS.get(groups.region) if groups is not None and groups.kind == "civil" else None,
        passage=passage_view(passage, list(together), signs) if passage is not None else None,
        reads=[read_view(read) for read in reads],
        deadlines=deadlines(
            created_at=row["created_at"], capture_time=row["capture_time"], due_at=row["due_at"],
            verified_at=row["verified_at"], approved=row["status"] != State.REJECTED, now=row["now"], rules=rules,
        ),
        sync=[SyncRow(**one) for one in sync],
        audit=[AuditRow(**one) for one in audit],
    )  # fmt: skip


def search_reads(
    connection: Connection, wanted: ReadFilter, *, limit: int, cursor: Cursor | None
) -> tuple[list[ReadView], str | None]:
    """A page of plate reads, newest first."""
    query = _read_select().where(*_window(plate_reads.c.capture_time, wanted.since, wanted.until))
    found, following = _search(connection, query, plate_reads, wanted, limit, cursor, "plate_reads")
    return [read_view(row) for row in found], following


def search_passages(
    connection: Connection, wanted: ReadFilter, *, limit: int, cursor: Cursor | None, signs_of: SignsOf
) -> tuple[list[PassageView], str | None]:
    """A page of passages, newest first."""
    query = _passage_select().where(*_window(passages.c.last_at, wanted.since, wanted.until))
    found, following = _search(connection, query, passages, wanted, limit, cursor, "passages")
    cases: dict[int, list[int]] = {}
    of_these = select(violations.c.passage_id, violations.c.id).where(
        violations.c.passage_id.in_([row["id"] for row in found])
    )
    for passage_id, violation_id in connection.execute(of_these.order_by(violations.c.id)):
        cases.setdefault(passage_id, []).append(violation_id)
    signs = signs_of(connection, [(row["id"], row["plate_number"]) for row in found])
    return [passage_view(row, cases.get(row["id"], []), signs) for row in found], following


def _search(
    connection: Connection,
    query: Select[Any],
    table: Table,
    wanted: ReadFilter,
    limit: int,
    cursor: Cursor | None,
    order: str,
) -> tuple[Sequence[Any], str | None]:
    if wanted.plate is not None:
        plan_for_what_was_typed(connection)
        query = query.where(plate_filter(table.c.plate_number, wanted.plate, look_alike=wanted.look_alike))
    if wanted.verdict is not None:
        query = query.where(table.c.verdict == wanted.verdict)
    if cursor is not None:
        query = query.where(table.c.id < cursor.id)
    query = query.where(*_place(wanted.device, wanted.vendor)).order_by(table.c.id.desc()).limit(limit + 1)
    found = connection.execute(query).mappings().all()
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor(Cursor(order, found[limit - 1]["id"]))


def actor_names(connection: Connection, rows: Iterable[Any]) -> dict[tuple[str, int], str]:
    """Names of the people who claimed these rows, as far as the caller may see them."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        if row["claimed_role"] and row["claimed_actor_id"]:
            wanted.setdefault(row["claimed_role"], set()).add(row["claimed_actor_id"])
    names: dict[tuple[str, int], str] = {}
    for role, table in (("officer", officers), ("admin", admins)):
        if ids := wanted.get(role):
            shown = case((table.c.full_name != "", table.c.full_name), else_=table.c.username)
            for actor_id, name in connection.execute(select(table.c.id, shown).where(table.c.id.in_(ids))):
                names[role, actor_id] = name
    return names


def claim_view(row: Any, principal: Principal, names: dict[tuple[str, int], str]) -> ClaimView | None:
    """The claim on a case while it lasts."""
    until, role, actor_id = row["claimed_until"], row["claimed_role"], row["claimed_actor_id"]
    if until is None or until <= row["now"] or role is None or actor_id is None:
        return None
    return ClaimView(
        role=role, actor_id=actor_id, name=names.get((role, actor_id), f"{role} {actor_id}"), until=until,
        mine=(role, actor_id) == (principal.role, principal.id),
    )  # fmt: skip


def undo_until(row: Any, undo_s: float) -> datetime | None:
    """Until when a decision can be taken back; None when it cannot (any more)."""
    if row["status"] not in (State.APPROVED, State.REJECTED) or row["verified_at"] is None:
        return None
    end: datetime = row["verified_at"] + timedelta(seconds=undo_s)
    return end if end > row["now"] else None


def sync_select() -> Select[Any]:
    """Outbox rows without requests and answers: those may hold a plate's pictures and a centre's words."""
    return select(*(etnas_sync.c[name] for name in SyncRow.__struct_fields__))


def read_view(row: Any) -> ReadView:
    """A reading with its pictures."""
    plain = {
        name: row[name]
        for name in ReadView.__struct_fields__
        if name not in ("device", "pictures", "voided", "confidence", "verdict_detail")
    }
    return ReadView(
        **plain,
        verdict_detail=(row["raw_payload"] or {}).get("verdict_detail"),
        confidence=float(row["confidence"]) if row["confidence"] is not None else None,
        device=device_view(row),
        voided=row["voided_at"] is not None,
        pictures=[_picture(item) for item in row["images"] if isinstance(item, dict)],
    )


def passage_view(row: Any, violation_ids: list[int], signs: Signs) -> PassageView:
    """A passage as lists and cases show it."""
    made = ("device", "violations", "clone_signs")
    plain = {name: row[name] for name in PassageView.__struct_fields__ if name not in made}
    found = signs.get((row["id"], row["plate_number"]), [])
    return PassageView(**plain, device=device_view(row), violations=violation_ids, clone_signs=found)


def _plated(row: Any) -> Plated:
    return row["passage_id"], row["corrected_plate"] or row["plate_number"]


def _row_fields(
    row: Any, principal: Principal, names: dict[tuple[str, int], str], undo_s: float, signs: Signs
) -> dict[str, Any]:
    open_for_review = row["status"] in (State.PENDING, State.HELD)
    same = ("id", "version", "violation_type", "vendor_code", "capture_time", "created_at", "due_at", "attention",
            "held_reason", "verified_by", "verified_at", "reason_code", "note")  # fmt: skip
    return {name: row[name] for name in same} | {
        "status": State(row["status"]),
        "device": device_view(row),
        "plate_number": row["corrected_plate"] or row["plate_number"],
        "plate_read": row["plate_number"],
        "corrected": row["corrected_plate"] is not None,
        "warn_at": half_time(min(row["created_at"], row["due_at"]), row["due_at"]),
        "overdue": open_for_review and row["due_at"] <= row["now"],
        "claim": claim_view(row, principal, names),
        "undo_until": undo_until(row, undo_s),
        "clone_signs": signs.get(_plated(row), []),
    }


def device_view(row: Any) -> DeviceView:
    """The device of a row that was selected with DEVICE."""
    return DeviceView(
        id=row["device_pk"], code=row["device_code"], name=row["device_name"], location=row["device_location"]
    )


def _picture(item: dict[str, Any]) -> Picture:
    sha256 = item.get("sha256")
    if sha256:
        return Picture(
            role=str(item.get("role", "")), state="stored", sha256=sha256, url=f"/api/evidence/{sha256}",
            mime=item.get("mime"), size=item.get("bytes"),
        )  # fmt: skip
    # an address inside the camera's network is nothing for a browser, so it is not passed on
    return Picture(role=str(item.get("role", "")), state=str(item.get("state", "pending")), why=item.get("why"))


def best_picture(images: list[Any]) -> Picture | None:
    """The stored picture that shows most of the vehicle."""
    stored = [item for item in images if isinstance(item, dict) and item.get("sha256")]
    stored.sort(key=lambda item: _TELLING.get(str(item.get("role")), len(_TELLING)))
    return _picture(stored[0]) if stored else None


def _read_select() -> Select[Any]:
    return select(plate_reads, *DEVICE).join(devices, devices.c.id == plate_reads.c.device_id)


def _passage_select() -> Select[Any]:
    return select(passages, *DEVICE).join(devices, devices.c.id == passages.c.device_id)


def _audit_columns() -> list[Any]:
    return [audit_log.c[name] for name in AuditRow.__struct_fields__]


def _place(device: str | None, vendor: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if device is not None:
        conditions.append(devices.c.device_code == device)
    if vendor is not None:
        conditions.append(
            devices.c.vendor_id.in_(select(vendors.c.id).where(vendors.c.vendor_code == vendor).scalar_subquery())
        )
    return conditions


def _window(column: Any, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(column >= since)
    if until is not None:
        conditions.append(column < until)
    return conditions


def _claimed_by(principal: Principal) -> ColumnElement[bool]:
    return and_(
        violations.c.claimed_role == principal.role,
        violations.c.claimed_actor_id == principal.id,
        violations.c.claimed_until > func.now(),
    )


def claimable_by(principal: Principal) -> ColumnElement[bool]:
    """Nobody has it, or the caller has."""
    return or_(violations.c.claimed_until.is_(None), violations.c.claimed_until <= func.now(), _claimed_by(principal))


def claimed_by(principal: Principal) -> ColumnElement[bool]:
    """The caller has it now."""
    return _claimed_by(principal)
