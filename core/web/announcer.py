"""Tells the plugins' observers of decisions, beside the request: an observer that hangs keeps no officer waiting."""

from __future__ import annotations

import queue
import threading
from typing import Any

import structlog

from core.domain.events import DomainEvent

log = structlog.get_logger(__name__)

WAITING = 1000
"""Events that may wait; what comes beyond is told to nobody, and the log says so."""


class Announcer:
    """One thread for each application, started with the first event. Events are hints: what matters is in the rows."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._queue: queue.Queue[tuple[DomainEvent, str] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def tell(self, event: DomainEvent, vendor_code: str) -> None:
        """Hand an event over; returns at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait((event, vendor_code))
        except queue.Full:
            log.warning("event_not_told", name=event.name, waiting=WAITING)

    observe_event = tell
    """As the plugin host's, which is told so beside the request."""

    def close(self, timeout_s: float = 2.0) -> None:
        """Tell what waits, as long as that takes no longer than this. Safe twice."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                return
            thread.join(timeout_s)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            event, vendor_code = item
            try:
                self._host.observe_event(event, vendor_code)
            except Exception as error:  # the host contains plugins; this is for a host that is broken itself
                log.error("event_not_told", name=event.name, error=type(error).__name__)
