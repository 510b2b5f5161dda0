"""A report as a file: JSON for machines, PDF for people. Owners get their own, without staff's names and words."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import select

from core.accounts.principal import Principal
from core.accounts.tables import devices, police
from core.evidence.tables import media
from core.incidents.acting import STAFF, Act, require_role
from core.incidents.errors import Invalid
from core.incidents.evidence import MediaStore
from core.incidents.export_pdf import to_pdf
from core.incidents.tables import assignments, report_events, report_evidence, report_messages, track_points

PICTURES = 6
"""So many of a report's pictures are in its PDF; all are named with their hash."""
POINTS = 5000
_INTERNAL = ("client_id", "verified_actor_id", "announced_at")
_NOT_FOR_OWNERS = ("detection", "verified_by", "verified_role", "closed_by", "note")
_OWNER_EVENTS = ("opened", "frames_added", "verified", "assigned", "on_the_way", "arrived", "started", "completed",
                 "withdrawn", "rejected", "recalled", "evidence_added")  # fmt: skip


class Collected(msgspec.Struct, frozen=True):
    """What goes into the file. pictures: (number of the evidence, its role, bytes), the ones of a PDF."""

    content: dict[str, Any]
    pictures: list[tuple[int, str, bytes]]


def collect(
    act: Act, store: MediaStore, principal: Principal, report_id: int, form: Literal["json", "pdf"]
) -> Collected:
    """Officers and admins: all of it; owners: theirs. Raises NotAllowed, NotFound, Invalid."""
    require_role(principal, *STAFF, "owner")
    if form not in ("json", "pdf"):
        raise Invalid("format", "expected json or pdf")
    report = act.lock(report_id)
    content = gather(act, report, whole=principal.role != "owner")
    act.write(report, "exported", format=form)
    return Collected(content, _pictures(act, store, report, content["evidence"]) if form == "pdf" else [])


def render(collected: Collected, form: Literal["json", "pdf"]) -> bytes:
    """The file's bytes; slow work that needs no transaction."""
    whole = msgspec.json.format(msgspec.json.encode(collected.content), indent=2)
    if form == "json":
        return whole
    return to_pdf(collected.content, collected.pictures, whole)


def gather(act: Act, report: Any, *, whole: bool) -> dict[str, Any]:
    """All that belongs to a report, JSON-able. whole False: what an owner may keep."""
    hidden = _INTERNAL if whole else _INTERNAL + _NOT_FOR_OWNERS
    content: dict[str, Any] = {
        "report": {name: value for name, value in report.items() if name not in hidden},
        "cctv": _cctv(act, report["device_id"]),
        "evidence": _evidence(act, report["id"], whole=whole),
        "assignments": _assignments(act, report["id"], whole=whole),
        "track": _track(act, report["id"]),
        "timeline": _timeline(act, report["id"], whole=whole),
        "exported_at": act.now,
        "exported_by": act.actor.name,
    }
    if whole:
        names = ("id", "kind", "body", "detail", "actor_role", "actor_name", "created_at")
        content["messages"] = _rows(act, report_messages, report["id"], names)
    return content


def _rows(act: Act, table: Any, report_id: int, names: tuple[str, ...], *wanted: Any) -> list[dict[str, Any]]:
    query = select(*(table.c[name] for name in names)).where(table.c.report_id == report_id, *wanted)
    return [dict(row) for row in act.connection.execute(query.order_by(table.c.id)).mappings()]


def _cctv(act: Act, device_id: int | None) -> dict[str, Any] | None:
    names = ("id", "device_code", "device_name", "location", "latitude", "longitude", "zone")
    query = select(*(devices.c[name] for name in names)).where(devices.c.id == device_id)
    row = act.connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def _evidence(act: Act, report_id: int, *, whole: bool) -> list[dict[str, Any]]:
    names: tuple[str, ...] = (
        "id",
        "sha256",
        "type",
        "role",
        "mime",
        "size",
        "file_name",
        "taken_at",
        "created_at",
        "actor_role",
    )
    if whole:
        names += ("actor_name", "detail")
    found = _rows(act, report_evidence, report_id, names)
    return [row | {"sha256": bytes(row["sha256"]).hex()} for row in found]


def _assignments(act: Act, report_id: int, *, whole: bool) -> list[dict[str, Any]]:
    columns = [assignments.c[name] for name in ("id", "status", "is_backup", "assigned_at", "answered_at",
                                                "arrived_at", "finished_at", "stop_acknowledged_at")]  # fmt: skip
    if whole:
        columns += [assignments.c.assigned_by, assignments.c.decline_reason, assignments.c.withdrawn_by,
                    assignments.c.withdraw_reason, police.c.full_name, police.c.username]  # fmt: skip
    query = select(*columns).join(police, police.c.id == assignments.c.police_id)
    query = query.where(assignments.c.report_id == report_id).order_by(assignments.c.id)
    return [dict(row) for row in act.connection.execute(query).mappings()]


def _track(act: Act, report_id: int) -> list[dict[str, Any]]:
    names = ("id", "assignment_id", "device_time", "latitude", "longitude", "accuracy_m", "status", "distance_m",
             "is_nearby", "is_suspicious")  # fmt: skip
    return _rows(act, track_points, report_id, names)[-POINTS:]


def _timeline(act: Act, report_id: int, *, whole: bool) -> list[dict[str, Any]]:
    names: tuple[str, ...] = ("at", "action", "from_status", "to_status", "actor_role")
    if whole:
        return _rows(act, report_events, report_id, (*names, "actor_name", "detail"))
    return _rows(act, report_events, report_id, names, report_events.c.action.in_(_OWNER_EVENTS))


def _pictures(act: Act, store: MediaStore, report: Any, evidence: list[dict[str, Any]]) -> list[tuple[int, str, bytes]]:
    """The annotated copies first, then what people added."""
    rank = {"annotated": 0, "field": 1, "final": 1, "manual": 1}
    chosen = sorted((row for row in evidence if row["type"] == "IMAGE"), key=lambda row: rank.get(row["role"], 2))
    return [
        (row["id"], row["role"], _bytes(act, store, report["vendor_id"], bytes.fromhex(row["sha256"])))
        for row in chosen[:PICTURES]
    ]


def _bytes(act: Act, store: MediaStore, vendor_id: int, sha256: bytes) -> bytes:
    query = select(media.c.ref, media.c.at_offset, media.c.size)
    row = act.connection.execute(query.where(media.c.vendor_id == vendor_id, media.c.sha256 == sha256)).one()
    return store.read(row.ref, row.at_offset, row.size)
