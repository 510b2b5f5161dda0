"""The breaker of each sink instance, kept in `sink_breakers` so that all workers and the next start know it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, text

from core.sync.policy import Breaker, SinkPolicy, step_breaker

log = structlog.get_logger(__name__)

_READ = "SELECT state, failures, opened_at, probe_at, last_error FROM sink_breakers WHERE sink = :sink"
_WRITE = text("""
INSERT INTO sink_breakers (sink, state, failures, opened_at, probe_at, last_error, updated_at)
VALUES (:sink, :state, :failures, :opened_at, :probe_at, :last_error, now())
ON CONFLICT (sink) DO UPDATE SET state = excluded.state, failures = excluded.failures, opened_at = excluded.opened_at,
    probe_at = excluded.probe_at, last_error = excluded.last_error, updated_at = now()
""")
_PROBE = text("""
UPDATE sink_breakers SET state = 'half_open', probe_at = now() + make_interval(secs => :patience), updated_at = now()
 WHERE sink = :sink AND state IN ('open', 'half_open') AND probe_at <= now()
""")


class Allowance(NamedTuple):
    """How many requests may leave now, and whether that is one probe of an open breaker."""

    requests: int
    probe: bool = False


def allowance(connection: Connection, sink: str, policy: SinkPolicy) -> Allowance:
    """What the breaker allows: all, one probe (which this call takes), or none.

    A probe whose worker died is given out again when its lease would be over.
    """
    state = connection.execute(text("SELECT state FROM sink_breakers WHERE sink = :sink"), {"sink": sink}).scalar()
    if state is None or state == "closed":
        return Allowance(policy.in_flight)
    taken = connection.execute(_PROBE, {"sink": sink, "patience": policy.lease_s}).rowcount
    return Allowance(taken, probe=taken > 0)


def give_back_probe(connection: Connection, sink: str) -> None:
    """The probe was not used (nothing was due, or nothing could be built): somebody else may take it at once."""
    connection.execute(
        text("UPDATE sink_breakers SET state = 'open', probe_at = now(), updated_at = now()"
             " WHERE sink = :sink AND state = 'half_open'"),
        {"sink": sink},
    )  # fmt: skip


def note(
    connection: Connection,
    sink: str,
    policy: SinkPolicy,
    *,
    good: int,
    bad: int,
    error: str = "",
    asked_wait_s: float = 0.0,
) -> Breaker:
    """Count a group of answers in the caller's transaction; returns the breaker as it is now."""
    row = connection.execute(text(_READ + " FOR UPDATE"), {"sink": sink}).first()
    before = Breaker(**row._mapping) if row else Breaker()
    after = step_breaker(
        before, policy, datetime.now(UTC), good=good, bad=bad, error=error[:500], asked_wait_s=asked_wait_s
    )
    if after == before:
        return after
    values = {name: getattr(after, name) for name in Breaker.__struct_fields__}
    connection.execute(_WRITE, {"sink": sink, **values})
    if after.state != before.state:
        log.warning("sink_breaker_changed", sink=sink, state=after.state, failures=after.failures, error=error[:200])
    return after
