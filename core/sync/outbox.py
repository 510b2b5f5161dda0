"""The outbox's statements: claim, arm, settle, sweep, and what a violation becomes of it. Callers hold the transaction.

A claim is a lease with a token on a row that stays `pending`; arming stores the request and makes it `sending`. Every
later write names the token, so that a worker that was too slow changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from core.sync.states import Event

MOVES: dict[str, frozenset[str]] = {
    "synced": frozenset({"queued", "refused", "uncertain"}),
    "refused": frozenset({"queued", "uncertain"}),
    "uncertain": frozenset({"queued", "refused"}),
    "queued": frozenset({"refused", "uncertain"}),
}
"""A violation's next state -> the states it may come from, as core.traffic.states has them (compared in the tests;
core.traffic imports this package, not the other way round)."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A leased outbox row. body and sha256 are None until its request was stored.

    look_up_first  0 surely not there · 1 unknown: ask before sending · 2 unknown, and a person said: ask, else send
    expired        the deadline is over: the centre may still be asked, but gets nothing new
    """

    id: int
    token: int
    violation_id: int
    vendor_id: int
    trace: str
    key: str
    look_up_first: int
    failures: int
    deadline_at: datetime
    expired: bool
    body: Any = None
    sha256: bytes | None = None


_DUE = """sink = :sink AND status = 'pending' AND next_attempt_at <= now()
       AND (lease_until IS NULL OR lease_until < now()) AND (deadline_at > now() OR look_up_first > 0)"""
_CLAIM = text(f"""
WITH newest AS (
    SELECT id FROM etnas_sync WHERE {_DUE} ORDER BY next_attempt_at DESC LIMIT :newest FOR UPDATE SKIP LOCKED
), oldest AS (
    SELECT id FROM etnas_sync WHERE {_DUE} ORDER BY next_attempt_at LIMIT :oldest FOR UPDATE SKIP LOCKED
)
UPDATE etnas_sync s SET lease_until = now() + make_interval(secs => :lease), lease_token = :token
  FROM (SELECT id FROM newest UNION SELECT id FROM oldest) c
 WHERE s.id = c.id
RETURNING s.id, s.lease_token AS token, s.violation_id, s.vendor_id, s.trace, s.idempotency_key AS key, s.look_up_first,
          s.retry_count AS failures, s.deadline_at, s.deadline_at <= now() AS expired,
          s.request_payload, s.request_sha256 AS sha256
""")  # noqa: S608 (two constants of this module)


def claim(connection: Connection, sink: str, *, limit: int, token: int, lease_s: float) -> list[Claimed]:
    """Lease up to `limit` due rows of a sink: half of them the latest due, so that a backlog starves no fresh case."""
    half = -(-limit // 2)
    rows = connection.execute(
        _CLAIM, {"sink": sink, "newest": half, "oldest": limit - half, "token": token, "lease": lease_s}
    ).mappings()
    claimed = []
    for row in rows:
        values = dict(row)
        stored = values.pop("request_payload") or {}
        claimed.append(Claimed(**values, body=stored.get("body")))
    return claimed


_ARM = text("""
UPDATE etnas_sync s
   SET status = 'sending', request_payload = x.request,
       request_sha256 = coalesce(s.request_sha256, decode(x.sha, 'hex')),
       last_attempt = now(), lease_until = now() + make_interval(secs => :lease)
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(id bigint, token bigint, request jsonb, sha text)
 WHERE s.id = x.id AND s.lease_token = x.token AND s.status = 'pending'
RETURNING s.id
""")


def arm(
    connection: Connection, requests: Sequence[tuple[Claimed, dict[str, Any], bytes]], *, lease_s: float
) -> set[int]:
    """Store the requests (row, stored request, SHA-256 of its bytes) and mark them on their way. Returns those armed.

    The hash of a first sending stays: what was said once under a key is never said differently under it.
    """
    rows = [{"id": row.id, "token": row.token, "request": request, "sha": sha.hex()} for row, request, sha in requests]
    return {row.id for row in connection.execute(_ARM, {"rows": _json(rows), "lease": lease_s})}


def release(connection: Connection, rows: Sequence[Claimed]) -> None:
    """Give claimed rows back that were not armed."""
    connection.execute(
        text("UPDATE etnas_sync SET lease_until = NULL, lease_token = NULL"
             " WHERE id = ANY(:ids) AND lease_token = ANY(:tokens) AND status = 'pending'"),
        {"ids": [row.id for row in rows], "tokens": [row.token for row in rows]},
    )  # fmt: skip


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a row after an attempt.

    event     of core.sync.states; the row's next state follows from it
    wait_s    until the next attempt, where there is one
    absent    a look-up said before that the centre does not have it
    attempts  rows for sync_attempts: (purpose, outcome, HTTP status, seconds, detail)
    response  for response_payload; None leaves what is there
    """

    id: int
    token: int
    event: Event
    trace: str = ""
    wait_s: float = 0.0
    counts: bool = True
    absent: bool = False
    reference: str = ""
    error: str = ""
    response: dict[str, Any] | None = None
    attempts: tuple[tuple[str, str, int | None, float, str], ...] = ()


_NEXT: dict[Event, str] = {
    Event.ACCEPT: "accepted",
    Event.REFUSE: "refused",
    Event.LATER: "pending",
    Event.ASK_FIRST: "pending",
    Event.LOSE_TRACK: "uncertain",
    Event.DEADLINE: "dead",
}
_SETTLE = text("""
UPDATE etnas_sync s
   SET status = x.status,
       look_up_first = CASE WHEN x.event = 'ask_first' THEN 1
                            WHEN x.event IN ('accept', 'refuse', 'deadline') THEN 0
                            WHEN x.event = 'later' AND x.absent THEN 0
                            ELSE s.look_up_first END,
       next_attempt_at = now() + make_interval(secs => CASE WHEN s.look_up_first = 0 AND x.event = 'later'
           THEN least(x.wait_s, greatest(:least_s, extract(epoch FROM s.deadline_at - now()) - :margin_s))
           ELSE x.wait_s END),
       retry_count = s.retry_count + CASE WHEN x.counts AND x.event NOT IN ('accept', 'refuse') THEN 1 ELSE 0 END,
       reference = coalesce(nullif(x.reference, ''), s.reference),
       last_error = CASE WHEN x.event = 'accept' THEN NULL ELSE nullif(x.error, '') END,
       response_payload = coalesce(x.response, s.response_payload),
       finished_at = CASE WHEN x.status = 'pending' THEN NULL ELSE now() END,
       lease_until = NULL, lease_token = NULL
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
       AS x(id bigint, token bigint, event text, status text, wait_s float8, counts bool, absent bool,
            reference text, error text, response jsonb)
 WHERE s.id = x.id AND s.lease_token = x.token AND s.status IN ('pending', 'sending')
RETURNING s.id, s.violation_id
""")
_ATTEMPTS = text("""
INSERT INTO sync_attempts (sync_id, vendor_id, purpose, outcome, http_status, duration_s, detail)
SELECT x.sync_id, s.vendor_id, x.purpose, x.outcome, x.http_status, x.duration_s, x.detail
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
       AS x(sync_id bigint, purpose text, outcome text, http_status int, duration_s float8, detail text)
  JOIN etnas_sync s ON s.id = x.sync_id
""")


def settle(
    connection: Connection, outcomes: Sequence[Outcome], *, least_s: float, margin_s: float
) -> tuple[set[int], set[int]]:
    """Write outcomes and attempts. Returns the outbox ids written and the violations concerned.

    The violations are locked first: two sinks settling one violation at once must see each other's result. A next
    attempt that would fall behind the deadline comes `margin_s` before it, but not sooner than in `least_s`.
    """
    ids = [outcome.id for outcome in outcomes]
    lock_violations(connection, ids)
    rows = [
        {
            "id": o.id,
            "token": o.token,
            "event": o.event.value,
            "status": _NEXT[o.event],
            "wait_s": o.wait_s,
            "counts": o.counts,
            "absent": o.absent,
            "reference": o.reference[:200],
            "error": o.error[:1000],
            "response": o.response,
        }
        for o in outcomes
    ]
    found = connection.execute(_SETTLE, {"rows": _json(rows), "least_s": least_s, "margin_s": margin_s}).all()
    add_attempts(connection, [(o.id, *attempt) for o in outcomes for attempt in o.attempts])
    return {row.id for row in found}, {row.violation_id for row in found}


def add_attempts(connection: Connection, attempts: Sequence[tuple[int, str, str, int | None, float, str]]) -> None:
    """Add rows to sync_attempts."""
    names = ("sync_id", "purpose", "outcome", "http_status", "duration_s", "detail")
    rows = [dict(zip(names, attempt, strict=True)) for attempt in attempts]
    if rows:
        connection.execute(_ATTEMPTS, {"rows": _json(rows)})


def lock_violations(connection: Connection, sync_ids: Sequence[int]) -> None:
    """Lock the violations of these outbox rows, in the order of their ids."""
    connection.execute(
        text("SELECT 1 FROM violations WHERE id IN (SELECT violation_id FROM etnas_sync WHERE id = ANY(:ids))"
             " ORDER BY id FOR UPDATE"),
        {"ids": list(sync_ids)},
    )  # fmt: skip


class Moved(msgspec.Struct, frozen=True):
    """A violation that changed its state because of its deliveries."""

    violation_id: int
    vendor_id: int
    vendor_code: str
    payload_id: int
    status: str


_ROLL_UP = text("""
WITH told AS (
    SELECT violation_id, bool_and(status = 'accepted') AS accepted, bool_or(status = 'refused') AS refused,
           bool_or(status = 'uncertain') AS uncertain
      FROM etnas_sync WHERE violation_id = ANY(:ids) AND status <> 'cancelled' GROUP BY violation_id
), next AS (
    SELECT violation_id, CASE WHEN accepted THEN 'synced' WHEN uncertain THEN 'uncertain' WHEN refused THEN 'refused'
                              ELSE 'queued' END AS status
      FROM told
)
UPDATE violations v SET status = n.status, version = v.version + 1, updated_at = now()
  FROM next n JOIN jsonb_to_recordset(CAST(:moves AS jsonb)) AS m(target text, source text) ON m.target = n.status
  , vendors d
 WHERE v.id = n.violation_id AND v.status = m.source AND d.id = v.vendor_id
RETURNING v.id, v.vendor_id, d.vendor_code, v.payload_id, v.status
""")
_MOVES = [{"target": target, "source": source} for target, froms in MOVES.items() for source in sorted(froms)]


def roll_up(connection: Connection, violation_ids: Iterable[int]) -> list[Moved]:
    """Bring violations to what their deliveries say; the caller locked them. Returns those that changed.

    All accepted: synced. One uncertain: uncertain, since a centre may have it. One refused: refused. Else queued.
    """
    rows = connection.execute(_ROLL_UP, {"ids": sorted(set(violation_ids)), "moves": _json(_MOVES)})
    return [Moved(*row) for row in rows]


_LEASE_OVER = text("""
UPDATE etnas_sync SET status = 'pending', look_up_first = 1, retry_count = retry_count + 1,
       last_error = 'the worker that was sending it is gone; outcome unknown', next_attempt_at = now(),
       lease_until = NULL, lease_token = NULL
 WHERE id IN (SELECT id FROM etnas_sync WHERE status = 'sending' AND lease_until < now()
              ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING id
""")
_OVERDUE = text("""
SELECT id FROM etnas_sync
 WHERE status = 'pending' AND deadline_at <= now() AND look_up_first = 0
   AND (lease_until IS NULL OR lease_until < now())
 ORDER BY deadline_at LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_DIE = text("""
UPDATE etnas_sync SET status = 'dead', finished_at = now(),
       last_error = left('not delivered before its deadline; last: ' || coalesce(last_error, 'never tried'), 1000)
 WHERE id = ANY(:ids)
""")


def sweep(connection: Connection, *, limit: int = 1000) -> tuple[int, int]:
    """Return what dead workers held to the queue, and end what missed its deadline. Returns how many of each."""
    lost = [row.id for row in connection.execute(_LEASE_OVER, {"limit": limit})]
    add_attempts(connection, [(id_, "send", "lost", None, 0.0, "the worker is gone") for id_ in lost])
    overdue = [row.id for row in connection.execute(_OVERDUE, {"limit": limit})]
    if overdue:
        connection.execute(_DIE, {"ids": overdue})
    return len(lost), len(overdue)


def due_sinks(connection: Connection, *, late_s: float = 0.0) -> list[str]:
    """Sinks with rows that have been due for `late_s` or longer."""
    rows = connection.execute(
        text("SELECT DISTINCT sink FROM etnas_sync WHERE status = 'pending'"
             " AND next_attempt_at <= now() - make_interval(secs => :late)"
             " AND (lease_until IS NULL OR lease_until < now()) AND (deadline_at > now() OR look_up_first > 0)"),
        {"late": late_s},
    )  # fmt: skip
    return [row.sink for row in rows]


def _json(rows: Any) -> str:
    return msgspec.json.encode(rows).decode()
