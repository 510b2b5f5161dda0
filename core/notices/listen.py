"""Hears that somebody announced something: PostgreSQL's NOTIFY, rung by the announcing transaction's own commit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import psycopg
import structlog

from core.db.engine import Database
from core.notices.service import BELL

log = structlog.get_logger(__name__)
RECONNECT_S = 1.0
LOOK_S = 0.5
"""How long a wait lasts before it is asked whether to stop."""


class BellListener(threading.Thread):
    """Calls `rung` after every commit that announced something, several at once as one. Losing one is the beat's
    business."""

    def __init__(self, database: Database, rung: Callable[[], object], stop: threading.Event) -> None:
        super().__init__(name="notice-bell", daemon=True)
        self._database = database
        self._rung = rung
        self._stop_asked = stop
        self.listens = threading.Event()

    def run(self) -> None:
        """Listen until told to stop; a lost connection is made again."""
        while not self._stop_asked.is_set():
            try:
                with contextlib.closing(self._database.raw()) as connection:
                    self._listen(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("notice_bell_lost", error=type(error).__name__)
                self._stop_asked.wait(RECONNECT_S)
            finally:
                self.listens.clear()

    def _listen(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {BELL}".encode())
        self.listens.set()
        self._look()
        while not self._stop_asked.is_set():
            if list(connection.notifies(timeout=LOOK_S, stop_after=1)):
                self._look()

    def _look(self) -> None:
        try:
            self._rung()
        except Exception as error:  # the rows are still there and the beat rings again
            log.warning("look_failed", actor="notice-bell", error=f"{type(error).__name__}: {error}"[:300])
