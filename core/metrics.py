"""/metrics: the state of the house as Prometheus text, counted in the database when somebody asks.

Counting at scrape time makes the figures right whichever process answers and however often one was killed. Labels
are bounded: no plate, no device, no vendor.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

from litestar import Request, Response, get
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection, text

from core.problems import Problem
from core.web.call import Services, is_loopback
from core.web.errors import documented
from core.web.health import OLDEST_INBOX, OLDEST_NOTICE, OLDEST_OUTBOX, package_version

CONTENT_TYPE = "text/plain; version=0.0.4"
_DEPTH = text("SELECT count(*), coalesce(sum(n), 0) FROM inbox")
# The last id says how many there were: payload ids are batch * 1024 + ordinal, so counting rows would read them all.
_EVENTS = text(
    "SELECT coalesce(sum(events), 0), coalesce(sum(heartbeats), 0), coalesce(sum(problems), 0) FROM device_health"
)
_RECENT = text("""
SELECT verdict, count(*) FROM plate_reads
 WHERE id > (SELECT coalesce(max(id), 0) - 100000 FROM plate_reads) GROUP BY verdict
""")
_OUTCOMES = text("SELECT outcome, sum(n) FROM event_counts GROUP BY outcome")
_QUARANTINE = text("SELECT kind, count(*) FROM quarantine WHERE resolved_at IS NULL GROUP BY kind")
_VIOLATIONS = text("SELECT status, count(*) FROM violations GROUP BY status")
_OVERDUE = text("SELECT count(*) FROM violations WHERE status IN ('pending', 'held') AND due_at <= now()")
_SYNC = text("SELECT sink, status, count(*) FROM etnas_sync GROUP BY sink, status")
_BREAKERS = text("SELECT sink, state FROM sink_breakers")
_PLUGINS = text("SELECT instance, state, failures FROM plugin_states")
_SKEW = text("SELECT skew_state, count(*) FROM device_health GROUP BY skew_state")
_FRAMES = text("""
SELECT coalesce(sum(frames_read), 0) AS read, coalesce(sum(frames_still), 0) AS still,
       coalesce(sum(frames_skipped), 0) AS skipped FROM detection_stats
""")
_DETECTORS = text("""
SELECT model, sum(frames_detected), sum(frames_positive), sum(latency_us) / 1e6 FROM detection_stats
 WHERE model <> '' GROUP BY model
""")
_SILENCED = text("SELECT coalesce(sum(silenced), 0) FROM detection_stats")
_PICTURES = text("SELECT status, count(*) FROM frames WHERE status IN ('pending', 'leased') GROUP BY status")
_CAMERAS = text("SELECT state, count(*) FROM camera_health GROUP BY state")
_REPORTS = text("SELECT status, count(*) FROM reports GROUP BY status")
_NOTICES = text("SELECT channel, status, count(*) FROM notice_deliveries GROUP BY channel, status")


class HouseCollector:
    """Asks the database once for each scrape."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Yield all families; raises what the database raises, so that a scrape fails visibly."""
        build = GaugeMetricFamily("tangkapin_build", "1, with the version as label", labels=["version"])
        build.add_metric([package_version()], 1)
        yield build
        with self._services.database.system() as connection:
            yield from _inbox(connection)
            yield from _counts(connection)
            yield from _sync(connection)
            yield from _detection(connection)
            yield from _notices(connection)
            yield from _plugins(connection, self._services.host)

    def describe(self) -> list[Metric]:
        """Nothing ahead of time: registering must not touch the database."""
        return []


def _inbox(connection: Connection) -> Iterator[Metric]:
    batches, waiting = connection.execute(_DEPTH).one()
    yield GaugeMetricFamily("tangkapin_inbox_batches", "batches that wait to be parsed", value=batches)
    yield GaugeMetricFamily("tangkapin_inbox_payloads", "payloads that wait to be parsed", value=waiting)
    age = connection.execute(OLDEST_INBOX).scalar()
    yield GaugeMetricFamily("tangkapin_inbox_age_seconds", "age of the oldest of them", value=age or 0)
    events, heartbeats, problems = connection.execute(_EVENTS).one()
    yield CounterMetricFamily("tangkapin_payloads", "payloads stored, all devices", value=events)
    yield CounterMetricFamily("tangkapin_heartbeats", "heartbeats answered, all devices", value=heartbeats)
    yield CounterMetricFamily("tangkapin_device_problems", "payloads or pictures that went wrong", value=problems)


def _counts(connection: Connection) -> Iterator[Metric]:
    yield _family(
        connection, _RECENT, "tangkapin_reads_recent", "of the last 100,000 plate reads, by verdict", "verdict"
    )
    outcomes = CounterMetricFamily(
        "tangkapin_events",
        "observations that are no accepted read, and reads under a reused event id",
        labels=["outcome"],
    )
    for outcome, count in connection.execute(_OUTCOMES):
        outcomes.add_metric([str(outcome)], float(count))
    yield outcomes
    yield _family(connection, _QUARANTINE, "tangkapin_quarantine_open", "payloads in quarantine, by kind", "kind")
    yield _family(connection, _VIOLATIONS, "tangkapin_violations", "violations by status", "status")
    overdue = connection.execute(_OVERDUE).scalar()
    yield GaugeMetricFamily("tangkapin_violations_overdue", "not decided in time", value=overdue or 0)
    yield _family(connection, _SKEW, "tangkapin_devices_clock", "devices by the state of their clock", "state")


def _sync(connection: Connection) -> Iterator[Metric]:
    rows = GaugeMetricFamily("tangkapin_outbox", "deliveries by sink and status", labels=["sink", "status"])
    for sink, status, count in connection.execute(_SYNC):
        rows.add_metric([sink, status], count)
    yield rows
    age = connection.execute(OLDEST_OUTBOX).scalar()
    yield GaugeMetricFamily("tangkapin_outbox_age_seconds", "age of the oldest delivery under way", value=age or 0)
    breakers = GaugeMetricFamily("tangkapin_breaker_open", "1 while a sink's circuit is not closed", labels=["sink"])
    for sink, state in connection.execute(_BREAKERS):
        breakers.add_metric([sink], 0 if state == "closed" else 1)
    yield breakers


def _detection(connection: Connection) -> Iterator[Metric]:
    frames = CounterMetricFamily("tangkapin_frames", "frames of pulled cameras, by what came of them", labels=["state"])
    for state, number in connection.execute(_FRAMES).mappings().one().items():
        frames.add_metric([state], float(number))
    yield frames
    each = {
        name: CounterMetricFamily(f"tangkapin_detector_{name}", text, labels=["detector"])
        for name, text in (
            ("frames", "frames that a detector looked at"),
            ("positives", "of them with a weapon"),
            ("latency_seconds", "from the frames to their verdicts, summed up"),
        )
    }
    for detector, *numbers in connection.execute(_DETECTORS):
        for family, number in zip(each.values(), numbers, strict=True):
            family.add_metric([detector], float(number))
    yield from each.values()
    silenced = float(connection.execute(_SILENCED).scalar_one())
    yield CounterMetricFamily("tangkapin_detections_silenced", "let go in a quiet time", value=silenced)
    yield _family(connection, _PICTURES, "tangkapin_alarm_pictures", "pushed pictures that wait to be judged", "status")
    yield _family(connection, _CAMERAS, "tangkapin_cameras", "pulled cameras by state", "state")
    yield _family(connection, _REPORTS, "tangkapin_reports", "reports by status", "status")


def _notices(connection: Connection) -> Iterator[Metric]:
    rows = GaugeMetricFamily("tangkapin_notices", "tellings by channel and status", labels=["channel", "status"])
    for channel, status, count in connection.execute(_NOTICES):
        rows.add_metric([channel, status], count)
    yield rows
    age = connection.execute(OLDEST_NOTICE).scalar()
    yield GaugeMetricFamily("tangkapin_notices_age_seconds", "how long the oldest is due", value=age or 0)


def _plugins(connection: Connection, host: Any) -> Iterator[Metric]:
    failures = CounterMetricFamily("tangkapin_plugin_failures", "failures of plugin instances", labels=["instance"])
    quarantined = GaugeMetricFamily("tangkapin_plugin_quarantined", "1 while it is asked no more", labels=["instance"])
    known = {row.instance: (row.failures, row.state) for row in connection.execute(_PLUGINS)}
    for info in host.instances if host is not None else ():
        counted, state = known.get(info.id, (0, "ready"))
        known[info.id] = (max(counted, info.failures), "quarantined" if info.state == "quarantined" else state)
    for instance, (count, state) in sorted(known.items()):
        failures.add_metric([instance], count)
        quarantined.add_metric([instance], 1 if state == "quarantined" else 0)
    yield failures
    yield quarantined


def _family(connection: Connection, query: Any, name: str, help_text: str, label: str) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, count in connection.execute(query):
        family.add_metric([str(value)], count)
    return family


@get("/metrics", operation_id="get_metrics", tags=["Mesin"], sync_to_thread=True, media_type="text/plain",
     summary="Figures for Prometheus", responses=documented(401, 403))  # fmt: skip
def get_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Prometheus text. With settings.metrics_token: as Bearer token; without: for this machine only."""
    services: Services = request.app.state["services"]
    token = services.settings.metrics_token
    if token:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.reveal().encode())
        if kind.lower() != "bearer" or not right:
            raise Problem("unauthenticated", ("Token metrik salah", "Wrong metrics token"))
    elif not is_loopback(request):
        words = ("Hanya dari mesin ini, atau pasang metrics_token", "From this machine only, or set metrics_token")
        raise Problem("forbidden", words)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HouseCollector(services))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


HANDLERS = [get_metrics]
