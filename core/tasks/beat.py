"""Two threads of every worker: the beat rings the bells of what is due, the sweeper looks where no bell is heard.

Among all workers one beat leads, by an advisory lock of PostgreSQL that dies with its connection. The sweeper takes up
only what has been due for a while, so with a healthy broker it finds nothing; without one it is what does the work.
"""

from __future__ import annotations

import contextlib
import threading
import time

import psycopg
import structlog

from core.db.engine import Database
from core.tasks.actors import Bells
from core.tasks.desk import Desk

log = structlog.get_logger(__name__)
LEADER_KEY = 0x7461_6E67_6B61_7001
"""Of pg_try_advisory_lock: one beat in the whole installation."""
UPKEEP_S = 5.0
UNKEPT_S = 20.0
"""So long without the bell of the upkeep a process does it unasked."""


class Beat(threading.Thread):
    """Rings once every `every_s`, when it leads. Survives the loss of PostgreSQL and of the broker."""

    def __init__(
        self, database: Database, desk: Desk, bells: Bells, *, every_s: float = 1.0, sweep_s: float = 5.0
    ) -> None:
        super().__init__(name="beat", daemon=True)
        self._database = database
        self._desk = desk
        self._bells = bells
        self._every_s = every_s
        self._sweep_s = sweep_s
        self._connection: psycopg.Connection | None = None
        self._next: dict[str, float] = {}
        self._broker_lost = False
        self.leads = False

    def run(self) -> None:
        """Ring until the desk stops."""
        while not self._desk.stop.wait(self._every_s):
            try:
                self.leads = self._lead()
                if self.leads:
                    self._ring()
            except Exception as error:  # PostgreSQL is away: the lock is gone with the connection
                log.warning("beat_failed", error=type(error).__name__)
                self._let_go()
        self._let_go()

    def _lead(self) -> bool:
        if self._connection is None or self._connection.closed:
            self._connection = self._database.raw()
            self._connection.autocommit = True
            self.leads = False
        if self.leads:
            self._connection.execute("SELECT 1")  # raises when the connection, and with it the lock, is gone
            return True
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_KEY,)).fetchone()
        if row and row[0]:
            log.info("beat_leads")
        return bool(row and row[0])

    def _ring(self) -> None:
        waits, sinks = self._desk.due()
        pictures = self._desk.pictures_wait()
        people_wait = self._desk.notices.is_due()
        try:
            if people_wait:
                self._bells.tell_people.send()
            if pictures:
                self._bells.judge_frames.send()
            if waits:
                self._bells.enqueue_due.send()
            for sink in sinks:
                self._bells.drain_sink.send(sink)
            for name, bell, every in (
                ("sweep", self._bells.sweep, self._sweep_s),
                ("upkeep", self._bells.upkeep, UPKEEP_S),
            ):
                if time.monotonic() >= self._next.get(name, 0.0):
                    bell.send()
                    self._next[name] = time.monotonic() + every
        except Exception as error:  # redis-py's errors and the broker's own
            if not self._broker_lost:
                log.warning("broker_lost", error=f"{type(error).__name__}: {error}"[:200])
            self._broker_lost = True
        else:
            if self._broker_lost:
                log.info("broker_back")
            self._broker_lost = False

    def _let_go(self) -> None:
        self.leads = False
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                self._connection.close()
            self._connection = None


class Sweeper(threading.Thread):
    """Looks every `every_s` and does itself what has been due for longer: losing the broker only delays."""

    def __init__(self, desk: Desk, *, every_s: float = 5.0) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._desk = desk
        self._every_s = every_s

    def run(self) -> None:
        """Look until the desk stops."""
        while not self._desk.stop.wait(self._every_s):
            try:
                self.look()
            except Exception as error:
                log.warning("sweep_failed", error=type(error).__name__)

    def look(self) -> None:
        """One look. Each late sink gets a thread of its own, so that a slow one holds up no other."""
        self._desk.follow()
        self._desk.sweep()
        self._desk.upkeep(late_s=UNKEPT_S)
        if self._desk.notices.is_due(late_s=self._every_s):
            self._desk.notices.look()
        waits, sinks = self._desk.due(late_s=self._every_s)
        if waits:
            self._desk.enqueue()
        for sink in sinks:
            threading.Thread(target=self._drain, args=(sink,), name=f"sweep-{sink}", daemon=True).start()

    def _drain(self, sink: str) -> None:
        try:
            self._desk.drain(sink)
        except Exception as error:
            log.warning("look_failed", actor="sweeper", sink=sink, error=f"{type(error).__name__}: {error}"[:300])
