"""Figures of the whole house for the first page, the centres' state, and the plugins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import text

from core.domain.events import Health
from core.hooks.grades import grade_of
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.health import OLDEST_INBOX
from core.web.operations import SILENT_S

_TAG = ["Operasi"]
_NO_STORE = {"Cache-Control": "no-store"}


class Hour(msgspec.Struct, kw_only=True):
    """One hour: `at` is its beginning; reads by capture time without the dropped ones, violations by their making."""

    at: datetime
    reads: int
    violations: int


class Decided(msgspec.Struct, kw_only=True):
    """Decisions of the last 24 hours. median_s: from the case's making to the decision."""

    approved: int
    rejected: int
    mine: int
    median_s: float | None


class Waiting(msgspec.Struct, kw_only=True):
    """What waits for whom. Ages in seconds, None where nothing waits; inbox_age_s is of the whole installation."""

    pending: int
    overdue: int
    due_soon: int
    held: int
    oldest_pending: datetime | None
    outbox: int
    outbox_age_s: float | None
    needs_hand: int
    quarantine: int
    inbox_age_s: float | None


class Fleet(msgspec.Struct, kw_only=True):
    """Devices by state, as in the list of devices; clock_wrong: their violations are held back."""

    online: int
    offline: int
    never: int
    inactive: int
    clock_wrong: int


class Overview(msgspec.Struct, kw_only=True):
    """Of the caller's vendors. `by_status`: all cases; `hours`: the last 24, oldest first, the present one last."""

    at: datetime
    hours: list[Hour]
    by_status: dict[str, int]
    waiting: Waiting
    decided: Decided
    devices: Fleet


class SinkView(msgspec.Struct, kw_only=True):
    """A centre: its breaker (of the whole installation) and the caller's deliveries to it. rate: accepted in 24 h."""

    sink: str
    state: Literal["closed", "open", "half_open"]
    failures: int
    opened_at: datetime | None
    probe_at: datetime | None
    last_error: str | None
    by_status: dict[str, int]
    accepted_24h: int
    oldest_waiting: datetime | None


class PluginView(msgspec.Struct, kw_only=True):
    """A plugin instance of plugins.toml. Secrets in `config` are masked; counters are of the serving process.

    grade  of its conformance, as `tangkapin plugins check --keep` found it for this code; "" = it was not graded
    """

    id: str
    use: str
    kind: str
    maker: str
    version: str
    stability: str
    guarantee: str
    hooks: list[str]
    state: Literal["ready", "quarantined"]
    reason: str
    required: bool
    vendors: list[str]
    devices: list[str]
    calls: int
    failures: int
    last_error: str
    config: dict[str, Any]
    health: Literal["ok", "degraded", "error"]
    health_detail: str
    grade: Literal["", "none", "bronze", "silver", "gold"]
    grade_missing: list[str]


_HOURS = text("""
WITH hours AS (SELECT generate_series(date_trunc('hour', now()) - interval '23 hours', date_trunc('hour', now()),
                                      interval '1 hour') AS at),
     seen AS (SELECT date_trunc('hour', r.capture_time) AS at, count(*) AS n
                FROM plate_reads r JOIN devices d ON d.id = r.device_id
               WHERE r.capture_time >= date_trunc('hour', now()) - interval '23 hours' AND r.capture_time <= now()
                 AND r.voided_at IS NULL AND r.verdict <> 'drop' GROUP BY 1),
     made AS (SELECT date_trunc('hour', created_at) AS at, count(*) AS n FROM violations
               WHERE created_at >= date_trunc('hour', now()) - interval '23 hours' GROUP BY 1)
SELECT h.at, coalesce(s.n, 0) AS reads, coalesce(m.n, 0) AS violations
  FROM hours h LEFT JOIN seen s ON s.at = h.at LEFT JOIN made m ON m.at = h.at ORDER BY h.at
""")
_CASES = text("SELECT status, count(*) AS n FROM violations GROUP BY status")
_PENDING = text("""
SELECT count(*) AS pending, count(*) FILTER (WHERE due_at < now()) AS overdue,
       count(*) FILTER (WHERE due_at >= now() AND due_at < now() + interval '12 hours') AS due_soon,
       min(created_at) AS oldest
  FROM violations WHERE status = 'pending'
""")
_DECIDED = text("""
SELECT count(*) FILTER (WHERE status NOT IN ('rejected')) AS approved,
       count(*) FILTER (WHERE status = 'rejected') AS rejected,
       count(*) FILTER (WHERE verified_role = :role AND verified_actor_id = :id) AS mine,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM verified_at - created_at))::float8 AS median_s
  FROM violations WHERE verified_at >= now() - interval '24 hours'
""")
_OUTBOX = text("""
SELECT count(*) FILTER (WHERE status IN ('pending', 'sending')) AS waiting,
       extract(epoch FROM now() - min(created_at) FILTER (WHERE status IN ('pending', 'sending')))::float8 AS age_s,
       count(*) FILTER (WHERE status IN ('refused', 'dead', 'uncertain')) AS needs_hand
  FROM etnas_sync WHERE status NOT IN ('accepted', 'cancelled')
""")
_DEVICES = text("""
SELECT count(*) FILTER (WHERE NOT d.is_active) AS inactive,
       count(*) FILTER (WHERE d.is_active AND seen IS NULL) AS never,
       count(*) FILTER (WHERE d.is_active AND seen < now() - make_interval(secs => :silent)) AS offline,
       count(*) FILTER (WHERE d.is_active AND seen >= now() - make_interval(secs => :silent)) AS online,
       count(*) FILTER (WHERE d.is_active AND h.skew_state IN ('hold', 'wrong_zone')) AS clock_wrong
  FROM devices d LEFT JOIN device_health h ON h.device_id = d.id LEFT JOIN camera_health c ON c.device_id = d.id
       CROSS JOIN LATERAL (SELECT greatest(h.last_seen, c.last_frame_at) AS seen) s
""")
_QUARANTINE = text("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL")
_DELIVERIES = text("""
SELECT sink, status, count(*) AS n,
       count(*) FILTER (WHERE status = 'accepted' AND finished_at >= now() - interval '24 hours') AS fresh,
       min(created_at) FILTER (WHERE status IN ('pending', 'sending')) AS oldest
  FROM etnas_sync GROUP BY sink, status
""")
_BREAKERS = text("SELECT sink, state, failures, opened_at, probe_at, last_error FROM sink_breakers")


@get("/api/overview", operation_id="get_overview", tags=_TAG, sync_to_thread=True,
     summary="Figures of the house", responses=documented(401, 403))  # fmt: skip
def get_overview(call: NamedDependency[Call]) -> Response[Ok[Overview]]:
    """Reads and violations by hour, what waits and how long, decisions, devices: all in one answer."""
    me = call.principal
    with call.rows() as connection:
        hours = [Hour(**row) for row in connection.execute(_HOURS).mappings()]
        by_status = {row.status: row.n for row in connection.execute(_CASES)}
        pending = connection.execute(_PENDING).one()
        decided = Decided(**connection.execute(_DECIDED, {"role": me.role, "id": me.id}).mappings().one())
        outbox = connection.execute(_OUTBOX).one()
        fleet = Fleet(**connection.execute(_DEVICES, {"silent": SILENT_S}).mappings().one())
        quarantine = int(connection.execute(_QUARANTINE).scalar_one())
        now = connection.execute(text("SELECT now()")).scalar_one()
    with call.services.database.system() as connection:
        inbox_age = connection.execute(OLDEST_INBOX).scalar()
    waiting = Waiting(
        pending=pending.pending, overdue=pending.overdue, due_soon=pending.due_soon, held=by_status.get("held", 0),
        oldest_pending=pending.oldest, outbox=outbox.waiting, outbox_age_s=outbox.age_s, needs_hand=outbox.needs_hand,
        quarantine=quarantine, inbox_age_s=inbox_age,
    )  # fmt: skip
    view = Overview(at=now, hours=hours, by_status=by_status, waiting=waiting, decided=decided, devices=fleet)
    return Response(call.ok(view), headers=_NO_STORE)


@get("/api/sinks", operation_id="list_sinks", tags=_TAG, sync_to_thread=True,
     summary="The centres and how they answer", responses=documented(401, 403))  # fmt: skip
def list_sinks(call: NamedDependency[Call]) -> Response[Ok[list[SinkView]]]:
    """The centres that the caller's cases go to, each with its breaker and its deliveries by status."""
    with call.rows() as connection:
        rows = connection.execute(_DELIVERIES).all()
    with call.services.database.system() as connection:
        breakers = {row["sink"]: row for row in connection.execute(_BREAKERS).mappings()}
    found: dict[str, SinkView] = {}
    for row in rows:
        breaker = breakers.get(row.sink)
        view = found.setdefault(row.sink, SinkView(
            sink=row.sink, state=breaker["state"] if breaker else "closed",
            failures=breaker["failures"] if breaker else 0, opened_at=breaker["opened_at"] if breaker else None,
            probe_at=breaker["probe_at"] if breaker else None, last_error=breaker["last_error"] if breaker else None,
            by_status={}, accepted_24h=0, oldest_waiting=None,
        ))  # fmt: skip
        view.by_status[row.status] = row.n
        view.accepted_24h += row.fresh
        if row.oldest is not None and (view.oldest_waiting is None or row.oldest < view.oldest_waiting):
            view.oldest_waiting = row.oldest
    return Response(call.ok([found[name] for name in sorted(found)]), headers=_NO_STORE)


_UNWELL = text("SELECT instance, reason FROM plugin_states WHERE state = 'ready' AND reason <> ''")


@get("/api/plugins", operation_id="list_plugins", tags=_TAG, sync_to_thread=True,
     summary="The plugins of this installation", responses=documented(401, 403))  # fmt: skip
def list_plugins(call: NamedDependency[Call]) -> Response[Ok[list[PluginView]]]:
    """What plugins.toml enables, in its order: state, version, configuration with secrets masked, last error.

    An admin of one vendor sees the plugins that serve all, and those bound to the own vendor.
    """
    host = call.services.host
    health = host.health() if host is not None else {}
    with call.rows() as connection:
        health |= {row.instance: Health(state="degraded", detail=row.reason) for row in connection.execute(_UNWELL)}
    codes = _own_codes(call)
    views = []
    for info in host.instances if host is not None else ():
        if codes is not None and info.vendors and not codes & set(info.vendors):
            continue
        state = health.get(info.id)
        own = [name for name in PluginView.__struct_fields__ if not name.startswith(("health", "grade"))]
        fields = {name: getattr(info, name) for name in own}
        fields |= {name: list(fields[name]) for name in ("hooks", "vendors", "devices")}
        graded = grade_of(info.use, info.version)
        views.append(PluginView(
            **fields, health=state.state if state else "ok", health_detail=state.detail if state else "",
            grade=graded.grade if graded else "", grade_missing=list(graded.missing) if graded else [],
        ))  # fmt: skip
    return Response(call.ok(views), headers=_NO_STORE)


def _own_codes(call: Call) -> set[str] | None:
    """Codes of the caller's vendors; None for a national admin, who sees all."""
    if call.principal.vendor_id is None:
        return None
    with call.rows() as connection:
        return set(connection.execute(text("SELECT vendor_code FROM vendors")).scalars())


HANDLERS = [get_overview, list_sinks, list_plugins]
