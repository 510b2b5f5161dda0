"""The work behind the bells, the same whether a message, the sweeper or a test asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.db.engine import Database
from core.hooks.host import Host
from core.notices.drain import Link, NoticeDesk
from core.notices.journal import Journal
from core.streams import pushed
from core.sync import outbox, service
from core.sync.cases import Readable
from core.sync.drain import SinkDrain

log = structlog.get_logger(__name__)
_QUARANTINED = "SELECT instance, reason FROM plugin_states WHERE state = 'quarantined'"
_QUARANTINE = """
INSERT INTO plugin_states (instance, state, reason, failures) VALUES (:instance, 'quarantined', :reason, 1)
ON CONFLICT (instance) DO UPDATE SET state = 'quarantined', reason = excluded.reason, since = now(),
    failures = plugin_states.failures + 1
"""


class Desk:
    """Enqueues, drains, sweeps and keeps partitions; each thing at most once at a time in this process.

    upkeep   further periodic work: name -> function (partitions)
    link     makes addresses of pictures for notices
    journal  what was told and is not committed yet
    notices  tells people; it has its own bell
    """

    def __init__(
        self,
        database: Database,
        host: Host,
        media: Readable,
        *,
        stop: threading.Event,
        deadline: timedelta = service.DEADLINE,
        upkeep: dict[str, Callable[[], object]] | None = None,
        link: Link | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.database = database
        self.notices = NoticeDesk(database, host, stop=stop, link=link, journal=journal)
        self.host = host
        self.stop = stop
        self._media = media
        self._deadline = deadline
        self._upkeep = upkeep or {}
        self._lock = threading.Lock()
        self._drains: dict[str, SinkDrain] = {}
        self._enqueueing = threading.Lock()
        self._out: set[str] = set()
        self._kept_up_at = time.monotonic()
        self._detects = any("detect_frames" in info.hooks for info in host.instances)
        host.on_quarantine = self._remember

    @property
    def sinks(self) -> list[str]:
        """The sink instances of this deployment that are not quarantined."""
        return [info.id for info in self.host.instances if info.kind == "sink" and info.state == "ready"]

    def enqueue(self) -> int:
        """Queue what was approved and is due. Returns how many."""
        if not self._enqueueing.acquire(blocking=False):
            return 0
        try:
            total = 0
            while not self.stop.is_set():
                queued = service.enqueue_due(self.database, self.host, deadline=self._deadline)
                total += queued
                if queued < service.BATCH:
                    break
            return total
        finally:
            self._enqueueing.release()

    def drain(self, sink: str) -> int:
        """Send what is due at a sink; 0 at once when this process is at it already (it then looks again)."""
        with self._lock:
            running = self._drains.get(sink)
            if running is not None:
                running.rung.set()
                return 0
            drain = SinkDrain(self.database, self.host, self._media, sink, stop=self.stop)
            self._drains[sink] = drain
        try:
            return drain.run()
        finally:
            with self._lock:
                self._drains.pop(sink, None)

    def sweep(self) -> None:
        """Return what dead workers held; end what missed its deadline."""
        service.sweep(self.database)

    def follow(self) -> None:
        """Take up which sinks the installation has quarantined or released (`plugin_states`)."""
        with self.database.system() as connection:
            out = {row.instance: row.reason for row in connection.execute(text(_QUARANTINED))}
        for info in self.host.instances:
            if info.kind != "sink":
                continue
            if info.id in out and info.state == "ready":
                self.host.quarantine(info.id, out[info.id])
                self._out.add(info.id)
            elif info.id not in out and info.id in self._out:
                self._out.discard(info.id)
                self.host.release(info.id)

    def _remember(self, instance: str, reason: str) -> None:
        """A sink failed too often in a row, or hung: tell the whole installation."""
        try:
            with self.database.system() as connection:
                connection.execute(text(_QUARANTINE), {"instance": instance, "reason": reason[:500]})
        except SQLAlchemyError as error:
            log.warning("quarantine_not_persisted", instance=instance, error=type(error).__name__)
            return
        self._out.add(instance)

    def upkeep(self, *, late_s: float = 0.0) -> None:
        """Do the periodic work, if this process did not do it in the last `late_s`; one that fails stops no other."""
        if time.monotonic() - self._kept_up_at < late_s:
            return
        self._kept_up_at = time.monotonic()
        for name, function in self._upkeep.items():
            try:
                function()
            except Exception:
                log.exception("upkeep_failed", name=name)

    def pictures_wait(self) -> bool:
        """Whether alarm pictures wait and this deployment has a detector to hear of it."""
        return self._detects and pushed.due(self.database)

    def due(self, *, late_s: float = 0.0) -> tuple[bool, list[str]]:
        """Whether approved violations wait to be queued, and which sinks have rows to send, for `late_s` or longer."""
        ready = set(self.sinks)
        with self.database.system() as connection:
            waits = connection.execute(
                text("SELECT EXISTS (SELECT 1 FROM violations WHERE status = 'approved'"
                     " AND sync_due_at <= now() - make_interval(secs => :late))"),
                {"late": late_s},
            ).scalar()  # fmt: skip
            sinks = [sink for sink in outbox.due_sinks(connection, late_s=late_s) if sink in ready]
        return bool(waits), sinks
