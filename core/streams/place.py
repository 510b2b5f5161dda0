"""One detect process for each deployment: whoever holds PostgreSQL's lock looks, every other one waits."""

from __future__ import annotations

import threading

import psycopg
import structlog

from core.db.engine import Database

log = structlog.get_logger(__name__)
DETECT_KEY = 0x7461_6E67_6B61_7002
"""Of pg_try_advisory_lock; the beat's is the one before. It dies with its connection, so with a killed process too."""


class Place:
    """take() before the models are loaded, keep() every few seconds, close() at the end. One thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection | None = None

    def take(self, stop: threading.Event, every_s: float) -> bool:
        """Wait until the place is free, and say so once. False when `stop` was set meanwhile."""
        said = False
        while not stop.is_set():
            try:
                if self._try():
                    return True
                if not said:
                    log.warning("detect_waits", why="another detect process of this deployment is at work")
                    said = True
            except psycopg.Error as error:
                log.warning("detect_waits", why=f"the database is away ({type(error).__name__})")
                self.close()
            stop.wait(every_s)
        return False

    def keep(self) -> bool:
        """Whether nobody else has the place. A lost connection is made anew; without a database nobody else works."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return True
        except psycopg.Error:
            self.close()
        try:
            return self._try()
        except psycopg.Error:
            self.close()
            return True

    def close(self) -> None:
        """Let go. Safe twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self) -> bool:
        if self._connection is None:
            self._connection = self._database.raw()
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (DETECT_KEY,)).fetchone()
        return bool(row and row[0])
