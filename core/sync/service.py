"""What can be done to the outbox: put approved violations in, send again, confirm, take back, sweep."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, text

from core.accounts.audit import Actor, record
from core.db.engine import Database
from core.domain.errors import TangkapinError
from core.hooks.host import Host
from core.sync import outbox
from core.sync.events import announce
from core.sync.outbox import lock_violations, roll_up
from core.sync.states import Event, Refusal, State, Step, advance

log = structlog.get_logger(__name__)
DEADLINE = timedelta(days=3)
"""The notification letter goes out within three days of the validation; what is not delivered by then is dead."""
BATCH = 500


class StillUnderWay(TangkapinError):
    """A delivery is on its way or of unknown outcome, so the case cannot be taken back now."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one outbox row. refused_because is a code of core.sync.states.Refusal, or "not_found"."""

    id: int
    status: str
    changed: bool
    refused_because: str = ""


_SERVED = "SELECT id, vendor_code FROM vendors"
_APPROVED = text("""
SELECT v.id, v.vendor_id, v.payload_id, v.verified_at FROM violations v
 WHERE v.status = 'approved' AND v.sync_due_at <= now() AND v.vendor_id = ANY(:served)
 ORDER BY v.sync_due_at, v.id LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_INSERT = text("""
INSERT INTO etnas_sync (violation_id, vendor_id, sink, idempotency_key, trace, deadline_at)
SELECT x.violation_id, x.vendor_id, x.sink, x.key, x.trace, now() + make_interval(secs => :deadline_s)
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
       AS x(violation_id bigint, vendor_id bigint, sink text, key text, trace text)
ON CONFLICT (sink, violation_id) DO UPDATE
   SET status = 'pending', idempotency_key = excluded.idempotency_key, request_payload = NULL, request_sha256 = NULL,
       response_payload = NULL, retry_count = 0, look_up_first = 0, next_attempt_at = now(), last_error = NULL,
       deadline_at = excluded.deadline_at, finished_at = NULL, lease_until = NULL, lease_token = NULL
 WHERE etnas_sync.status IN ('refused', 'dead', 'cancelled')
""")
_QUEUED = text("""
UPDATE violations SET status = 'queued', version = version + 1, updated_at = now()
 WHERE id = ANY(:ids) AND status = 'approved'
""")


def enqueue_due(database: Database, host: Host, *, deadline: timedelta = DEADLINE, limit: int = BATCH) -> int:
    """Queue approved violations whose undo time is over: one outbox row for each sink bound to the vendor.

    One transaction; running it twice or at once changes nothing more. A vendor without a sink keeps its violations
    `approved`, and `status` shows how many wait. Returns how many were queued.
    """
    with database.system() as connection:
        vendors = connection.execute(text(_SERVED)).all()
        sinks = {row.id: bound for row in vendors if (bound := host.sinks_for(row.vendor_code))}
        if not sinks:
            return 0
        found = connection.execute(_APPROVED, {"served": list(sinks), "limit": limit}).all()
        if not found:
            return 0
        rows = [
            {
                "violation_id": row.id,
                "vendor_id": row.vendor_id,
                "sink": sink,
                "key": idempotency_key(sink, row.id, row.verified_at),
                "trace": f"p{row.payload_id}",
            }
            for row in found
            for sink in sinks[row.vendor_id]
        ]
        connection.execute(
            _INSERT, {"rows": msgspec.json.encode(rows).decode(), "deadline_s": deadline.total_seconds()}
        )
        ids = [row.id for row in found]
        connection.execute(_QUEUED, {"ids": ids})
        moved = roll_up(connection, ids)  # where all sinks had accepted it already, before it was decided anew
    announce(host, moved)
    log.info("violations_queued", count=len(ids))
    return len(ids)


def idempotency_key(sink: str, violation_id: int, verified_at: datetime) -> str:
    """The key of a delivery: the same for the same decision, so that it survives a database restored from a backup."""
    said = f"{sink}\n{violation_id}\n{verified_at.isoformat()}".encode()
    return "tkp_" + hashlib.sha256(said).hexdigest()[:40]


def sweep(database: Database) -> tuple[int, int]:
    """Return what dead workers held to the queue and end what missed its deadline; returns how many of each."""
    with database.system() as connection:
        lost, dead = outbox.sweep(connection)
    if lost or dead:
        log.warning("sync_swept", lost=lost, dead=dead)
    return lost, dead


_ROWS = text("""
SELECT id, violation_id, vendor_id, status, idempotency_key, retry_count, trace FROM etnas_sync
 WHERE id = ANY(:ids) AND (CAST(:vendors AS bigint[]) IS NULL OR vendor_id = ANY(:vendors)) ORDER BY id FOR UPDATE
""")
_RETRY = {
    # The centre said no: it has nothing, and may remember its answer under the old key.
    "refused": """UPDATE etnas_sync SET status = 'pending', look_up_first = 0, request_payload = NULL,
        request_sha256 = NULL, idempotency_key = left(split_part(idempotency_key, '.', 1), 50) || '.' || :again,""",
    "dead": """UPDATE etnas_sync SET status = 'pending', look_up_first = 0, request_payload = NULL,
        request_sha256 = NULL,""",
    # The same request under the same key; 2 = ask if the centre can be asked, else send: a person said so.
    "uncertain": "UPDATE etnas_sync SET status = 'pending', look_up_first = 2,",
}
_RETRY_TAIL = """ next_attempt_at = now(), finished_at = NULL, lease_until = NULL, lease_token = NULL,
    deadline_at = greatest(deadline_at, now() + make_interval(secs => :deadline_s)) WHERE id = :id"""


def retry(
    database: Database,
    sync_ids: Sequence[int],
    actor: Actor,
    *,
    vendor_ids: Sequence[int] | None = None,
    note: str = "",
    deadline: timedelta = DEADLINE,
    host: Host | None = None,
) -> list[Change]:
    """Send refused, dead or uncertain deliveries again, by a person's word; each with its audit row.

    vendor_ids  whose rows the person may touch; others are "not_found". None: all (operator)
    host        tells the observers, where there is one
    """
    return _by_hand(database, sync_ids, Event.RETRY, actor, vendor_ids, note, deadline, host)


def confirm(
    database: Database,
    sync_ids: Sequence[int],
    actor: Actor,
    *,
    vendor_ids: Sequence[int] | None = None,
    note: str = "",
    host: Host | None = None,
) -> list[Change]:
    """A person found out that the centre has these uncertain deliveries: they count as accepted; nothing is sent."""
    return _by_hand(database, sync_ids, Event.CONFIRM, actor, vendor_ids, note, DEADLINE, host)


def _by_hand(
    database: Database,
    sync_ids: Sequence[int],
    event: Event,
    actor: Actor,
    vendor_ids: Sequence[int] | None,
    note: str,
    deadline: timedelta,
    host: Host | None,
) -> list[Change]:
    changes: dict[int, Change] = {}
    touched: list[int] = []
    with database.system() as connection:
        lock_violations(connection, sync_ids)
        ids = list(dict.fromkeys(sync_ids))
        vendors = None if vendor_ids is None else list(vendor_ids)
        for row in connection.execute(_ROWS, {"ids": ids, "vendors": vendors}).mappings():
            step = advance(State(row["status"]), event, by_person=actor.role == "cli" or bool(actor.name))
            if isinstance(step, Refusal):
                changes[row["id"]] = Change(
                    id=row["id"], status=row["status"], changed=False, refused_because=step.value
                )
                continue
            _apply(connection, row, event, deadline)
            _audit(connection, actor, event, row, step, note)
            touched.append(row["violation_id"])
            changes[row["id"]] = Change(id=row["id"], status=step.state.value, changed=True)
        moved = roll_up(connection, touched) if touched else []
    if host is not None:
        announce(host, moved)
    missing = Change(id=0, status="", changed=False, refused_because="not_found")
    return [changes.get(id_) or msgspec.structs.replace(missing, id=id_) for id_ in ids]


def _apply(connection: Connection, row: Any, event: Event, deadline: timedelta) -> None:
    if event is Event.CONFIRM:
        connection.execute(
            text("UPDATE etnas_sync SET status = 'accepted', look_up_first = 0, finished_at = now(), last_error = NULL"
                 " WHERE id = :id"),
            {"id": row["id"]},
        )  # fmt: skip
        return
    values = {"id": row["id"], "deadline_s": deadline.total_seconds()}
    if row["status"] == "refused":
        values["again"] = f"{row['retry_count']}{hashlib.sha256(row['idempotency_key'].encode()).hexdigest()[:8]}"
    connection.execute(text(_RETRY[row["status"]] + _RETRY_TAIL), values)


def _audit(connection: Connection, actor: Actor, event: Event, row: Any, step: Step, note: str) -> None:
    detail = {"from": row["status"], "to": step.state.value, "violation_id": row["violation_id"]}
    record(
        connection,
        msgspec.structs.replace(actor, trace=actor.trace or row["trace"]),
        "sync_retried" if event is Event.RETRY else "sync_confirmed",
        vendor_ids=[row["vendor_id"]],
        object_kind="etnas_sync",
        object_id=row["id"],
        purpose=note,
        detail=detail,
    )


def cancel(connection: Connection, violation_id: int) -> int:
    """Take back what was not sent, in the caller's transaction (the violation is reopened or its approval undone).

    Raises StillUnderWay when a delivery is on its way or its outcome is not known. Returns how many were cancelled.
    """
    rows = connection.execute(
        text("SELECT id, status, look_up_first, lease_until > now() AS leased FROM etnas_sync"
             " WHERE violation_id = :id ORDER BY id FOR UPDATE"),
        {"id": violation_id},
    ).all()  # fmt: skip
    for row in rows:
        unknown = row.status in ("sending", "uncertain") or (row.status == "pending" and row.look_up_first)
        if unknown or (row.status == "pending" and row.leased):
            raise StillUnderWay(f"delivery {row.id} is on its way or its outcome is not known yet")
    ids = [row.id for row in rows if row.status in ("pending", "dead")]
    connection.execute(
        text("UPDATE etnas_sync SET status = 'cancelled', finished_at = now() WHERE id = ANY(:ids)"), {"ids": ids}
    )
    return len(ids)
