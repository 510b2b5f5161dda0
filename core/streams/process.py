"""The detect process: cameras in threads, one model loop, the pushed pictures beside it, and its book-keeping.

One for each deployment, which `Place` sees to: it owns the models. It may die at any time: alarm pictures are rows,
reports are committed, and of pulled frames only those of its last second are gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import dramatiq
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.db.engine import Database
from core.hooks.errors import PluginLoadError
from core.hooks.host import Host
from core.streams.book import Book
from core.streams.cameras import Camera, CameraDesk, CameraReader
from core.streams.detector import Detector
from core.streams.models import Models
from core.streams.opener import Opener, Reports
from core.streams.place import Place
from core.streams.pushed import PushedFrames, Readable, Sweeper
from core.tasks.broker import set_broker
from core.tasks.detection import QUEUE, declare_judge

log = structlog.get_logger(__name__)

FOLLOW_S = 3.0
_QUARANTINED = text("SELECT instance, reason FROM plugin_states WHERE state = 'quarantined'")
_QUARANTINE = text("""
INSERT INTO plugin_states (instance, state, reason, failures) VALUES (:instance, 'quarantined', :reason, 1)
ON CONFLICT (instance) DO UPDATE SET state = 'quarantined', reason = excluded.reason, since = now(),
    failures = plugin_states.failures + 1
""")


_WELL = text("UPDATE plugin_states SET reason = '' WHERE state = 'ready' AND reason <> '' AND instance = ANY(:ids)")
_UNWELL = text("""
INSERT INTO plugin_states (instance, state, reason, failures) VALUES (:instance, 'ready', :reason, 1)
ON CONFLICT (instance) DO UPDATE SET reason = excluded.reason, since = now(), failures = plugin_states.failures + 1
 WHERE plugin_states.state = 'ready'
""")


class Health(Protocol):
    """What is needed of core.streams.health.CameraHealth."""

    def write(self, readers: Sequence[CameraReader]) -> None: ...


class DetectProcess:
    """run() in the main thread until `stop` is set.

    load      the cameras to read
    show      (device id, image) of every frame that is read: the preview
    health    writes how the cameras are
    ring      called after a report was opened: the notices' bell
    on_ready  called when the models are warm and the cameras are being read
    """

    def __init__(
        self,
        database: Database,
        host: Host,
        media: Readable,
        reports: Reports,
        load: Callable[[], Sequence[Camera]],
        redis_url: str,
        stop: threading.Event,
        *,
        show: Callable[[int, Any], None] | None = None,
        health: Health | None = None,
        ring: Callable[[], None] = lambda: None,
        on_ready: Callable[[], None] = lambda: None,
        follow_s: float = FOLLOW_S,
    ) -> None:
        self._database = database
        self._host = host
        self._redis_url = redis_url
        self._stop = stop
        self._show = show
        self._health = health
        self._on_ready = on_ready
        self._follow_s = follow_s
        self.book = Book()
        self.models = Models(host, self.book)
        self.opener = Opener(reports, self.book, stop, on_opened=ring)
        self.cameras = CameraDesk(load, self._frame, self._any if show else None)
        self.detector = Detector(self.models, self.opener, self.book, look_closely=self.cameras.look_closely)
        self.pushed = PushedFrames(database, media, self.models, reports, self.book, stop, on_opened=ring)
        self._place = Place(database)
        self._out: set[str] = set()
        self._unwell: dict[str, str] | None = None
        self._kept = time.monotonic()
        host.on_quarantine = self._remember

    def run(self) -> None:
        """Wait for the place, warm up, then read, look and keep book."""
        try:
            if self._place.take(self._stop, self._follow_s):
                self._work()
        finally:
            self._place.close()

    def _work(self) -> None:
        self._follow_plugins()
        self.models.warm_up()
        looking = threading.Thread(target=self.detector.run, args=(self._stop,), name="detector", daemon=True)
        threads = [looking, self.opener, Sweeper(self.pushed, self._stop)]
        broker = set_broker(self._redis_url)
        declare_judge(broker, self.pushed.drain)
        bells = dramatiq.Worker(broker, queues={QUEUE}, worker_threads=1, worker_timeout=250)
        bells.start()
        for thread in threads:
            thread.start()
        self.keep()
        log.info("detect_ready", detectors=self.models.ids, cameras=len(self.cameras.readers))
        self._on_ready()
        while not self._stop.wait(self._follow_s):
            if not self._place.keep():
                log.error("detect_place_lost", why="another detect process took over while the database was away")
                self._stop.set()
            self.keep()
        log.info("detect_stopping")
        self.cameras.close()
        for thread in threads:
            thread.join(10)
        try:
            bells.stop(timeout=5000)
        except Exception as error:  # the broker may be gone; the rows stay
            log.warning("bells_stop_failed", error=type(error).__name__)
        broker.client.close()
        self.keep(follow=False)

    def keep(self, *, follow: bool = True) -> None:
        """One round: follow the cameras and plugins, write the book and the cameras' health. Never raises."""
        if follow:
            for step in (self.cameras.follow, self._follow_plugins, self._tell_unwell):
                try:
                    step()
                except Exception as error:  # the database is away: the cameras that are read go on
                    log.warning("cameras_not_followed", error=f"{type(error).__name__}: {error}"[:200])
        readers = self.cameras.readers
        now = time.monotonic()
        elapsed_ms, self._kept = round(1000 * (now - self._kept)), now
        for reader in readers:
            counts = reader.take_counts()
            watched = elapsed_ms if counts.read else 0
            self.book.count(reader.device, watched_ms=watched, frames_read=counts.read, frames_still=counts.still)
        self.detector.count_skipped()
        self.detector.forget({reader.device.id for reader in readers})
        try:
            self.book.write(self._database)
        except (SQLAlchemyError, OSError) as error:
            log.warning("book_not_written", error=type(error).__name__)
        if self._health is not None:
            self._health.write(readers)

    def _frame(self, camera: Camera, image: Any, taken_at: datetime) -> None:
        self.detector.on_frame(camera.device, image, taken_at)

    def _any(self, camera: Camera, image: Any, taken_at: datetime) -> None:
        assert self._show is not None
        self._show(camera.device.id, image)

    def _follow_plugins(self) -> None:
        """Take up which detectors the installation has quarantined or released (`plugin_states`)."""
        with self._database.system() as connection:
            out = {row.instance: row.reason for row in connection.execute(_QUARANTINED)}
        for info in self._host.instances:
            if info.state == "ready" and info.id in out:
                self._host.quarantine(info.id, out[info.id])
                self._out.add(info.id)
            elif info.id not in out and info.id in self._out:
                self._out.discard(info.id)
                try:
                    self._host.release(info.id)
                except PluginLoadError as error:
                    log.warning("plugin_not_released", instance=info.id, error=str(error)[:200])

    def _tell_unwell(self) -> None:
        """Write down, once, which detectors work worse than they should: admins see it on the plugins page."""
        unwell = self.models.unwell(self._unwell or {})
        if unwell == self._unwell:
            return
        with self._database.system() as connection:
            connection.execute(_WELL, {"ids": [name for name in self.models.ids if name not in unwell]})
            for name, reason in unwell.items():
                connection.execute(_UNWELL, {"instance": name, "reason": reason[:500]})
                log.warning("detector_degraded", instance=name, reason=reason[:200])
        self._unwell = unwell

    def _remember(self, instance: str, reason: str) -> None:
        """A detector failed too often in a row: tell the whole installation."""
        self._out.add(instance)
        try:
            with self._database.system() as connection:
                connection.execute(_QUARANTINE, {"instance": instance, "reason": reason[:500]})
        except SQLAlchemyError as error:
            log.warning("quarantine_not_persisted", instance=instance, error=type(error).__name__)
