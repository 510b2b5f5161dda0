"""Hands findings to the reports in a thread of its own: the model never waits for the database.

A database or disk that is away is tried again until it is back. What cannot be written for its own content is logged
and let go.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core.domain.errors import TangkapinError
from core.incidents.detected import Detected, Opened
from core.streams.book import Book

log = structlog.get_logger(__name__)
WAITING = 32
"""Hand-overs that may wait, a few hundred kB each."""
LONGEST_PAUSE_S = 10.0


class Reports(Protocol):
    """What is needed of core.incidents.service.Reports."""

    def open_detected(self, detected: Detected) -> Opened: ...


class Opener(threading.Thread):
    """put() returns at once; the thread opens, in order. on_opened is called after each, for the bells."""

    def __init__(
        self, reports: Reports, book: Book, stop: threading.Event, *, on_opened: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(name="opener", daemon=True)
        self._reports = reports
        self._book = book
        self._stop_asked = stop
        self._on_opened = on_opened
        self._waiting: queue.Queue[Detected] = queue.Queue(WAITING)

    def put(self, detected: Detected) -> bool:
        """Queue one; False (and a line in the log) when the database has been away for too long."""
        try:
            self._waiting.put_nowait(detected)
        except queue.Full:
            log.error("incident_not_queued", device=detected.device.code, waiting=WAITING)
            return False
        return True

    def run(self) -> None:
        """Open until stopped; what waits then is still tried once."""
        while not (self._stop_asked.is_set() and self._waiting.empty()):
            try:
                detected = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            self._try(detected)

    def _try(self, detected: Detected) -> None:
        pause = 0.25
        while True:
            try:
                open_one(self._reports, self._book, detected, self._on_opened)
            except (OperationalError, InterfaceError, OSError) as error:
                log.warning("incident_waits", device=detected.device.code, error=_short(error), again_in_s=pause)
                if self._stop_asked.wait(pause):
                    return
                pause = min(pause * 2, LONGEST_PAUSE_S)
            except (TangkapinError, DBAPIError) as error:
                log.error("incident_refused", device=detected.device.code, error=_short(error))
                return
            except Exception:
                log.exception("incident_refused", device=detected.device.code)
                return
            else:
                return


def open_one(reports: Reports, book: Book, detected: Detected, ring: Callable[[], None]) -> Opened:
    """Open or extend a report; counted, logged and rung. Raises what the reports raise."""
    opened = reports.open_detected(detected)
    if opened.created:
        book.count(detected.device, reports=1)
    if opened.is_silenced:
        book.count(detected.device, silenced=1)
    log.info(
        "incident_reported",
        report=opened.report_id,
        created=opened.created,
        silenced=opened.is_silenced,
        device=detected.device.code,
        incident_type=detected.incident_type.value,
        confirmed=detected.is_confirmed,
        score=detected.best_score,
    )
    try:
        ring()
    except Exception as error:  # the rows are there: losing the bell only delays
        log.warning("bell_not_rung", error=_short(error))
    return opened


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]
