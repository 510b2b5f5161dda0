"""What people see of the outbox. All take a connection: a tenant's connection shows that tenant's rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from core.hooks.host import Host

MAX_LIMIT = 200


class SinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One sink's deliveries. oldest_due: since when the oldest row that should have left waits; None = nothing waits.

    rows  how many there are of each status
    """

    sink: str
    rows: dict[str, int]
    oldest_due: datetime | None
    breaker: str
    breaker_failures: int
    breaker_opened_at: datetime | None
    breaker_probe_at: datetime | None
    breaker_error: str | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All sinks, and how many approved violations are due but have no sink bound to their vendor."""

    sinks: list[SinkStatus]
    approved_without_sink: int
    approved_due: int


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery. `request` and `response` are as stored: evidence by hash, secrets by name."""

    id: int
    violation_id: int
    vendor_code: str
    violation_type: str
    sink: str
    status: str
    retry_count: int
    created_at: datetime
    last_attempt: datetime | None
    next_attempt_at: datetime | None
    deadline_at: datetime
    finished_at: datetime | None
    idempotency_key: str
    reference: str | None
    last_error: str | None
    look_up_first: bool
    trace: str
    request_sha256: str | None
    request: dict[str, Any] | None = None
    response: dict[str, Any] | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt.

    purpose  send, look_up or build
    outcome  accepted, refused, transient, unknown, absent, not_sent, lost
    """

    id: int
    at: datetime
    purpose: str
    outcome: str
    http_status: int | None
    duration_s: float | None
    detail: str


_COUNTS = text("""
SELECT sink, status, count(*) AS n,
       min(next_attempt_at) FILTER (WHERE status = 'pending' AND next_attempt_at <= now()) AS oldest_due
  FROM etnas_sync GROUP BY sink, status
""")
_WAITING = text("""
SELECT count(*) AS due, count(*) FILTER (WHERE NOT (n.vendor_code = ANY(:served))) AS unserved
  FROM violations v JOIN vendors n ON n.id = v.vendor_id WHERE v.status = 'approved' AND v.sync_due_at <= now()
""")


def overview(connection: Connection, host: Host) -> Overview:
    """The state of every sink, those of this deployment without a row included."""
    sinks = [info.id for info in host.instances if info.kind == "sink"]
    codes = connection.execute(text("SELECT vendor_code FROM vendors")).scalars()
    served = [code for code in codes if host.sinks_for(code)]
    counts: dict[str, dict[str, int]] = {sink: {} for sink in sinks}
    oldest: dict[str, datetime | None] = {}
    for row in connection.execute(_COUNTS):
        counts.setdefault(row.sink, {})[row.status] = row.n
        if row.oldest_due is not None:
            oldest[row.sink] = row.oldest_due
    states = {
        row.sink: row
        for row in connection.execute(
            text("SELECT sink, state, failures, opened_at, probe_at, last_error FROM sink_breakers")
        )
    }
    waiting = connection.execute(_WAITING, {"served": served}).one()
    return Overview(
        sinks=[_sink(sink, counts[sink], oldest.get(sink), states.get(sink)) for sink in sorted(counts)],
        approved_without_sink=waiting.unserved,
        approved_due=waiting.due,
    )


def _sink(sink: str, rows: dict[str, int], oldest_due: datetime | None, breaker: Any) -> SinkStatus:
    return SinkStatus(
        sink=sink,
        rows=rows,
        oldest_due=oldest_due,
        breaker=breaker.state if breaker else "closed",
        breaker_failures=breaker.failures if breaker else 0,
        breaker_opened_at=breaker.opened_at if breaker else None,
        breaker_probe_at=breaker.probe_at if breaker else None,
        breaker_error=breaker.last_error if breaker else None,
    )


_LIST = """
SELECT s.id, s.violation_id, n.vendor_code, coalesce(v.violation_type, '') AS violation_type, s.sink, s.status,
       s.retry_count, s.created_at, s.last_attempt, s.next_attempt_at, s.deadline_at, s.finished_at,
       s.idempotency_key, s.reference, s.last_error, s.look_up_first > 0 AS look_up_first, s.trace,
       encode(s.request_sha256, 'hex') AS request_sha256 {more}
  FROM etnas_sync s JOIN vendors n ON n.id = s.vendor_id LEFT JOIN violations v ON v.id = s.violation_id
"""


def list_outbox(
    connection: Connection,
    *,
    statuses: Sequence[str] = (),
    sink: str = "",
    vendor_code: str = "",
    violation_id: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[OutboxRow]:
    """Deliveries, the newest first, at most `limit` (200). `before_id`: the id of the last row of the page before."""
    where: list[str] = ["true"]
    values: dict[str, Any] = {"limit": max(1, min(limit, MAX_LIMIT))}
    for clause, name, value in (
        ("s.status = ANY(:statuses)", "statuses", list(statuses) or None),
        ("s.sink = :sink", "sink", sink or None),
        ("n.vendor_code = :vendor", "vendor", vendor_code or None),
        ("s.violation_id = :violation", "violation", violation_id),
        ("s.id < :before", "before", before_id),
    ):
        if value is not None:
            where.append(clause)
            values[name] = value
    query = f"{_LIST.format(more='')} WHERE {' AND '.join(where)} ORDER BY s.id DESC LIMIT :limit"
    return [OutboxRow(**row) for row in connection.execute(text(query), values).mappings()]


def outbox_row(connection: Connection, sync_id: int) -> OutboxRow | None:
    """One delivery with its stored request and the last answer; None when there is none to be seen."""
    query = _LIST.format(more=", s.request_payload AS request, s.response_payload AS response") + " WHERE s.id = :id"
    row = connection.execute(text(query), {"id": sync_id}).mappings().first()
    return OutboxRow(**row) if row else None


def attempts(connection: Connection, sync_id: int, *, limit: int = MAX_LIMIT) -> list[Attempt]:
    """The attempts of a delivery, the newest first."""
    rows = connection.execute(
        text("SELECT id, at, purpose, outcome, http_status, duration_s, detail FROM sync_attempts"
             " WHERE sync_id = :id ORDER BY id DESC LIMIT :limit"),
        {"id": sync_id, "limit": limit},
    ).mappings()  # fmt: skip
    return [Attempt(**row) for row in rows]


def ids_to_retry(connection: Connection, *, statuses: Sequence[str], sink: str = "", limit: int = 10_000) -> list[int]:
    """Ids of the deliveries in these states, the oldest first: for re-driving them all."""
    rows = connection.execute(
        text("SELECT id FROM etnas_sync WHERE status = ANY(:statuses) AND (:sink = '' OR sink = :sink)"
             " ORDER BY id LIMIT :limit"),
        {"statuses": list(statuses), "sink": sink, "limit": limit},
    )  # fmt: skip
    return [row.id for row in rows]
