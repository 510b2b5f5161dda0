"""The deliveries' statements: plan, claim, settle, fall back, sweep. Callers hold the transaction (system role).

A delivery is a row. Planning makes one for each recipient and channel; a claim is a lease with a token and counts as an
attempt; who was too slow to settle within the lease changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from core.domain.notices import Heard
from core.notices.journal import Line
from core.notices.rules import RULES
from core.notices.states import CALM_FALLBACK_S, FALLBACK_S, State, positions

BATCH = 100
_ID = re.compile(r"[1-9][0-9]{0,17}")


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A leased delivery with all that is told. `expired`: too late to tell; `unsure`: it may have been told already;
    `heard`: it was told."""

    id: int
    token: int
    recipient_id: int
    vendor_id: int
    role: str
    person_id: int
    attempts: int
    urgent: bool
    expired: bool
    unsure: bool
    heard: bool
    kind: str
    texts: dict[str, dict[str, str]]
    event: str
    payload: dict[str, Any]
    report_id: int | None
    device_id: int | None
    collapse_key: str
    at: datetime
    expires_at: datetime | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt: accepted, delivered, undeliverable, dead, superseded, or pending again in `wait_s`.

    enough  accepted in a way that needs no further channel
    unsure  nobody knows whether this attempt told it
    """

    row: Claimed
    state: State
    receipt: str = ""
    error: str = ""
    wait_s: float = 0.0
    dead: tuple[int, ...] = ()
    enough: bool = False
    unsure: bool = False


_UNPLANNED = text("""
SELECT n.id, n.vendor_id, v.vendor_code, n.kind, n.type, n.urgent, n.report_id
  FROM notices n JOIN vendors v ON v.id = n.vendor_id
 WHERE n.planned_at IS NULL ORDER BY n.urgent DESC, n.id LIMIT :limit FOR UPDATE OF n SKIP LOCKED
""")
_WHO = text("""
SELECT r.id, r.notice_id, r.role, r.person_id, p.is_active, p.notify
  FROM notice_recipients r
  LEFT JOIN LATERAL (
    SELECT is_active, notify FROM owners WHERE r.role = 'owner' AND id = r.person_id
    UNION ALL SELECT is_active, notify FROM officers WHERE r.role = 'officer' AND id = r.person_id
    UNION ALL SELECT is_active, notify FROM police WHERE r.role = 'police' AND id = r.person_id
    UNION ALL SELECT is_active, notify FROM admins WHERE r.role = 'admin' AND id = r.person_id
  ) p ON true
 WHERE r.notice_id = ANY(:notices)
""")
_USED = text("""
SELECT DISTINCT r.role, r.person_id, d.channel
  FROM notice_deliveries d JOIN notice_recipients r ON r.id = d.recipient_id JOIN notices n ON n.id = r.notice_id
 WHERE n.report_id = :report AND n.id <> :notice AND d.attempts > 0 AND d.status NOT IN ('undeliverable', 'waiting')
""")
_PLAN = text("""
INSERT INTO notice_deliveries (vendor_id, recipient_id, channel, position, status, next_attempt_at)
SELECT n.vendor_id, r.id, x.channel, x.position, CASE WHEN x.position = 0 THEN 'pending' ELSE 'waiting' END,
       CASE WHEN x.position = 0 THEN now()
            ELSE now() + make_interval(secs => CASE WHEN n.urgent THEN :urgent ELSE :calm END * x.position) END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(recipient bigint, channel text, position int)
  JOIN notice_recipients r ON r.id = x.recipient JOIN notices n ON n.id = r.notice_id
ON CONFLICT (recipient_id, channel) DO NOTHING
""")


def plan(
    connection: Connection, channels_for: Callable[[str], Sequence[str]], in_app: Callable[[str], bool],
    *, limit: int = BATCH,
) -> int:  # fmt: skip
    """Make the deliveries of new notices. Returns how many notices were planned.

    channels_for  vendor code -> channel instances in order of fallback
    in_app        whether a channel reaches an open app only: those tell even people who want no push
    """
    found = connection.execute(_UNPLANNED, {"limit": limit}).all()
    if not found:
        return 0
    people: dict[int, list[Any]] = {}
    for row in connection.execute(_WHO, {"notices": [notice.id for notice in found]}):
        people.setdefault(row.notice_id, []).append(row)
    rows = []
    for notice in found:
        channels = list(channels_for(notice.vendor_code))
        used = _used(connection, notice) if notice.report_id is not None and RULES[notice.kind].by_used else {}
        for who in people.get(notice.id, ()):
            if who.role != "dashboard" and not who.is_active:
                continue
            order = _order(channels, in_app, notice, who, used.get((who.role, who.person_id), set()))
            rows += [{"recipient": who.id, "channel": name, "position": place} for name, place in order.items()]
    connection.execute(_PLAN, {"rows": as_json(rows), "urgent": FALLBACK_S, "calm": CALM_FALLBACK_S})
    connection.execute(
        text("UPDATE notices SET planned_at = now() WHERE id = ANY(:ids)"), {"ids": [notice.id for notice in found]}
    )
    return len(found)


def _used(connection: Connection, notice: Any) -> dict[tuple[str, int], set[str]]:
    used: dict[tuple[str, int], set[str]] = {}
    for row in connection.execute(_USED, {"report": notice.report_id, "notice": notice.id}):
        used.setdefault((row.role, row.person_id), set()).add(row.channel)
    return used


def _order(channels: list[str], in_app: Callable[[str], bool], notice: Any, who: Any, used: set[str]) -> dict[str, int]:
    if who.role == "dashboard":  # no person: every screen hears of it by its own channel
        return {channel: 0 for channel in channels if in_app(channel)}
    wants = who.notify or {}
    if not notice.urgent and not (wants.get(notice.type, True) and wants.get("push", True)):
        channels = [channel for channel in channels if in_app(channel)]
    return positions(channels, used)


_CLAIM = text("""
WITH due AS (
    SELECT d.id, d.status = 'sending' AS cut_off
      FROM notice_deliveries d JOIN notice_recipients r ON r.id = d.recipient_id
      JOIN notices n ON n.id = r.notice_id
     WHERE d.channel = :channel AND d.status IN ('pending', 'sending') AND d.next_attempt_at <= now()
       AND (d.lease_until IS NULL OR d.lease_until < now())
     ORDER BY n.urgent DESC, d.next_attempt_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED
)
UPDATE notice_deliveries d
   SET status = 'sending', attempts = d.attempts + 1, lease_token = :token,
       lease_until = now() + make_interval(secs => :lease), is_unsure = d.is_unsure OR due.cut_off
  FROM due, notice_recipients r, notices n
 WHERE d.id = due.id AND r.id = d.recipient_id AND n.id = r.notice_id
RETURNING d.id, d.lease_token AS token, d.recipient_id, d.vendor_id, r.role, r.person_id, d.attempts, n.urgent,
          coalesce(n.expires_at <= now(), false) AS expired, n.kind, n.texts, n.event, n.payload, n.report_id,
          n.device_id, n.collapse_key, n.created_at AS at, n.expires_at, d.is_unsure AS unsure,
          d.heard_at IS NOT NULL AS heard
""")


def claim(connection: Connection, channel: str, *, limit: int, token: int, lease_s: float) -> list[Claimed]:
    """Lease due deliveries of a channel, urgent ones first; those whose worker died come again, as unsure."""
    values = {"channel": channel, "limit": limit, "token": token, "lease": lease_s}
    found = [Claimed(**row) for row in connection.execute(_CLAIM, values).mappings()]
    return sorted(found, key=lambda row: (not row.urgent, row.id))


_SETTLE = text("""
UPDATE notice_deliveries d
   SET status = x.state, receipt = coalesce(nullif(x.receipt, ''), d.receipt), last_error = nullif(x.error, ''),
       next_attempt_at = now() + make_interval(secs => x.wait_s), lease_until = NULL, lease_token = NULL,
       is_unsure = d.is_unsure OR x.unsure,
       finished_at = CASE WHEN x.state = 'pending' THEN NULL ELSE now() END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
       AS x(id bigint, token bigint, state text, receipt text, error text, wait_s float8, unsure bool)
 WHERE d.id = x.id AND d.lease_token = x.token AND d.status = 'sending'
RETURNING d.id
""")
_FORGET = text("DELETE FROM push_addresses WHERE id = ANY(:ids)")
_ENOUGH = text("""
UPDATE notice_deliveries d SET status = 'superseded', finished_at = now(), last_error = 'told by another channel'
 WHERE d.recipient_id = ANY(:recipients) AND d.status = 'waiting'
""")
_FALL_BACK = text("""
UPDATE notice_deliveries d SET status = 'pending', next_attempt_at = now()
 WHERE d.recipient_id = ANY(:recipients) AND d.status = 'waiting'
   AND d.position = (SELECT min(w.position) FROM notice_deliveries w
                      WHERE w.recipient_id = d.recipient_id AND w.status = 'waiting')
   AND NOT EXISTS (SELECT 1 FROM notice_deliveries o WHERE o.recipient_id = d.recipient_id
                      AND o.status IN ('pending', 'sending', 'accepted', 'delivered'))
RETURNING d.id
""")


def settle(connection: Connection, outcomes: Sequence[Outcome]) -> bool:
    """Write outcomes, forget dead addresses, wake or end the next channels. True when another channel is due now."""
    rows = [
        {
            "id": one.row.id, "token": one.row.token, "state": one.state.value, "receipt": _clean(one.receipt),
            "error": _clean(one.error), "wait_s": one.wait_s, "unsure": one.unsure,
        }
        for one in outcomes
    ]  # fmt: skip
    written = {row.id for row in connection.execute(_SETTLE, {"rows": as_json(rows)})}
    dead = sorted({address for one in outcomes for address in one.dead})
    if dead:
        connection.execute(_FORGET, {"ids": dead})
    ours = [one for one in outcomes if one.row.id in written]
    enough = [one.row.recipient_id for one in ours if one.state is State.DELIVERED or one.enough]
    if enough:
        connection.execute(_ENOUGH, {"recipients": enough})
    failed = [one.row.recipient_id for one in ours if one.state in (State.UNDELIVERABLE, State.DEAD)]
    return bool(failed) and bool(connection.execute(_FALL_BACK, {"recipients": failed}).all())


def settle_known(connection: Connection, lines: Sequence[Line]) -> int:
    """What a worker that died had told and could not commit. Those that were claimed anew meanwhile stay as they are.
    Returns how many were settled."""
    rows = [
        {"id": one.id, "token": one.token, "state": one.state, "receipt": _clean(one.receipt), "error": "",
         "wait_s": 0.0, "unsure": False}
        for one in lines
    ]  # fmt: skip
    written = {row.id for row in connection.execute(_SETTLE, {"rows": as_json(rows)})}
    enough = [one.enough for one in lines if one.id in written and one.enough]
    if enough:
        connection.execute(_ENOUGH, {"recipients": enough})
    return len(written)


_HEARD = text("""
UPDATE notice_deliveries d SET heard_at = now()
  FROM jsonb_to_recordset(CAST(:heard AS jsonb)) AS x(id bigint, at timestamptz), notice_recipients r, notices n
 WHERE r.id = x.id AND n.id = r.notice_id AND n.created_at = x.at
   AND d.recipient_id = r.id AND d.channel = :channel AND d.heard_at IS NULL
""")


def note_heard(connection: Connection, channel: str, heard: Sequence[Heard]) -> int:
    """A channel heard that these went out; ids of other deployments are passed over. Returns how many were new."""
    rows = [{"id": int(one.notice_id), "at": one.at.isoformat()} for one in heard if _ID.fullmatch(one.notice_id)]
    return int(connection.execute(_HEARD, {"channel": channel, "heard": as_json(rows)}).rowcount)


_NOT_NEEDED = text("""
UPDATE notice_deliveries d SET status = 'superseded', finished_at = now(),
       last_error = CASE WHEN r.acknowledged_at IS NULL AND r.read_at IS NULL THEN 'told by another channel, or late'
                         ELSE 'read or acknowledged' END
  FROM notice_recipients r JOIN notices n ON n.id = r.notice_id
 WHERE r.id = d.recipient_id AND d.status = 'waiting' AND d.next_attempt_at <= now()
   AND (r.acknowledged_at IS NOT NULL OR r.read_at IS NOT NULL OR n.expires_at <= now()
        OR EXISTS (SELECT 1 FROM notice_deliveries o WHERE o.recipient_id = d.recipient_id AND o.status = 'delivered'))
""")
_WAKE = text("""
UPDATE notice_deliveries SET status = 'pending', next_attempt_at = now()
 WHERE status = 'waiting' AND next_attempt_at <= now()
RETURNING id
""")


def wake(connection: Connection) -> int:
    """Channels whose turn has come since nobody acknowledged the notice by those before. Returns how many."""
    connection.execute(_NOT_NEEDED)
    return len(connection.execute(_WAKE).all())


def due_channels(connection: Connection, *, late_s: float = 0.0) -> list[str]:
    """Channels with deliveries that have been due for `late_s` or longer."""
    rows = connection.execute(
        text("SELECT DISTINCT channel FROM notice_deliveries WHERE status IN ('pending', 'sending')"
             " AND next_attempt_at <= now() - make_interval(secs => :late)"
             " AND (lease_until IS NULL OR lease_until < now())"),
        {"late": late_s},
    )  # fmt: skip
    return [row.channel for row in rows]


def is_waiting(connection: Connection, *, late_s: float = 0.0) -> bool:
    """Whether there are notices to plan, channels to wake or deliveries to make, for `late_s` or longer."""
    found = connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM notices WHERE planned_at IS NULL"
             "                  AND created_at <= now() - make_interval(secs => :late))"
             " OR EXISTS (SELECT 1 FROM notice_deliveries WHERE status = 'waiting'"
             "                  AND next_attempt_at <= now() - make_interval(secs => :late))"),
        {"late": late_s},
    ).scalar()  # fmt: skip
    return bool(found) or bool(due_channels(connection, late_s=late_s))


_ACKNOWLEDGE = text("""
UPDATE notice_recipients SET acknowledged_at = coalesce(acknowledged_at, now()), read_at = coalesce(read_at, now())
 WHERE id = ANY(:ids) AND role = :role AND person_id = :person
RETURNING id
""")
_CONFIRMED = text("""
UPDATE notice_deliveries SET status = 'delivered', finished_at = now(), lease_until = NULL, lease_token = NULL
 WHERE recipient_id = ANY(:ids) AND status = 'accepted'
""")
_STOP_OTHERS = text("""
UPDATE notice_deliveries SET status = 'superseded', finished_at = now(), last_error = 'read or acknowledged',
       lease_until = NULL, lease_token = NULL
 WHERE recipient_id = ANY(:ids) AND status IN ('waiting', 'pending')
""")


def acknowledge(connection: Connection, role: str, person_id: int, ids: Sequence[int]) -> list[int]:
    """The person has seen these notices (recipients' ids): nothing more is sent. Returns those that are theirs."""
    values = {"ids": list(ids), "role": role, "person": person_id}
    mine = sorted(row.id for row in connection.execute(_ACKNOWLEDGE, values))
    if mine:
        connection.execute(_CONFIRMED, {"ids": mine})
        connection.execute(_STOP_OTHERS, {"ids": mine})
    return mine


def _clean(value: str) -> str:
    return value.replace("\x00", "")[:500]


def as_json(value: Any) -> str:
    """For jsonb parameters."""
    return msgspec.json.encode(value).decode()
