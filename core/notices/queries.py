"""What is shown of deliveries, and telling again by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, text

from core.notices.service import ring
from core.notices.states import RETRIABLE

MAX_LIMIT = 500


class DeliveryRow(msgspec.Struct, kw_only=True):
    """One channel for one person. Addresses and texts are not shown."""

    id: int
    notification_id: int
    kind: str
    report_id: int | None
    role: str
    person_id: int
    channel: str
    position: int
    status: str
    attempts: int
    next_attempt_at: datetime
    receipt: str | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None
    acknowledged_at: datetime | None


class ChannelState(msgspec.Struct, kw_only=True):
    """A channel's deliveries by state, and since when the oldest waits to be told."""

    channel: str
    rows: dict[str, int]
    oldest_due: datetime | None


_LIST = text("""
SELECT d.id, r.id AS notification_id, n.kind, n.report_id, r.role, r.person_id, d.channel, d.position, d.status,
       d.attempts, d.next_attempt_at, d.receipt, d.last_error, d.created_at, d.finished_at, r.acknowledged_at
  FROM notice_deliveries d JOIN notice_recipients r ON r.id = d.recipient_id JOIN notices n ON n.id = r.notice_id
 WHERE (cardinality(CAST(:statuses AS text[])) = 0 OR d.status = ANY(:statuses))
   AND (:channel = '' OR d.channel = :channel)
   AND (CAST(:report AS bigint) IS NULL OR n.report_id = :report)
   AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
 ORDER BY d.id DESC LIMIT :limit
""")


def list_deliveries(
    connection: Connection, *, statuses: Sequence[str] = (), channel: str = "", report_id: int | None = None,
    before_id: int | None = None, limit: int = 50,
) -> list[DeliveryRow]:  # fmt: skip
    """Newest first."""
    values = {"statuses": list(statuses), "channel": channel, "report": report_id, "before": before_id, "limit": limit}
    return [DeliveryRow(**row) for row in connection.execute(_LIST, values).mappings()]


def overview(connection: Connection) -> tuple[list[ChannelState], int]:
    """Each channel's state, and how many notices no worker has looked at yet."""
    found: dict[str, ChannelState] = {}
    query = text("SELECT channel, status, count(*) AS rows, min(next_attempt_at) AS oldest"
                 " FROM notice_deliveries GROUP BY channel, status ORDER BY channel")  # fmt: skip
    for row in connection.execute(query):
        state = found.setdefault(row.channel, ChannelState(channel=row.channel, rows={}, oldest_due=None))
        state.rows[row.status] = row.rows
        if row.status == "pending":
            state.oldest_due = row.oldest
    unplanned = connection.execute(text("SELECT count(*) FROM notices WHERE planned_at IS NULL")).scalar_one()
    return list(found.values()), int(unplanned)


_RETRY = text("""
UPDATE notice_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now(), finished_at = NULL
  FROM notice_recipients r JOIN notices n ON n.id = r.notice_id
 WHERE r.id = d.recipient_id AND d.id = ANY(:ids) AND d.status = ANY(:states)
   AND (CAST(:vendors AS bigint[]) IS NULL OR d.vendor_id = ANY(:vendors))
RETURNING d.id, d.vendor_id, n.id AS notice_id
""")
_EXTEND = text("UPDATE notices SET expires_at = greatest(expires_at, now() + interval '1 hour') WHERE id = ANY(:ids)")


def retry(
    connection: Connection, ids: Sequence[int], *, vendor_ids: Sequence[int] | None = None
) -> dict[int, list[int]]:
    """Have dead and undeliverable deliveries told again. Returns the ids that will be, by vendor.

    vendor_ids  only theirs; None: anybody's
    """
    values = {"ids": list(ids), "states": [state.value for state in RETRIABLE], "vendors": vendor_ids}
    if vendor_ids is not None:
        values["vendors"] = list(vendor_ids)
    again: dict[int, list[int]] = {}
    rows = connection.execute(_RETRY, values).all()
    for row in rows:
        again.setdefault(row.vendor_id, []).append(row.id)
    if rows:
        connection.execute(_EXTEND, {"ids": sorted({row.notice_id for row in rows})})
        ring(connection)
    return again


def ids_to_retry(connection: Connection, *, statuses: Sequence[str], channel: str = "") -> list[int]:
    """All deliveries in these states, of one channel or of all."""
    query = text("SELECT id FROM notice_deliveries WHERE status = ANY(:statuses)"
                 " AND (:channel = '' OR channel = :channel) ORDER BY id")  # fmt: skip
    return [row.id for row in connection.execute(query, {"statuses": list(statuses), "channel": channel})]
