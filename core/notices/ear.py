"""Hears what went out on names whose clients may not drop a repeat, so that it is not told again without need.

A worker may be killed, or an answer lost, after a service took a notice (docs/decisions/0011). A channel that can
listen to its own service does so here, in another process than the workers', and what it heard is written beside the
delivery. Its loss costs nothing but this knowledge.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import structlog

from core.db.engine import Database
from core.domain.notices import Heard
from core.hooks.host import Host
from core.notices.outbox import note_heard

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 1.0
"""Short: while nobody listens, an alarm whose answer is lost may come twice."""
HEALTHY_AFTER_S = 30.0
MAX_KEPT = 10_000
Hear = Callable[[], Iterator[Heard | None] | None]


class Ear(threading.Thread):
    """One channel's. It listens until stop(), again after a loss, and keeps what it heard while PostgreSQL is away."""

    def __init__(self, channel: str, hear: Hear, database: Database) -> None:
        super().__init__(name=f"ear-{channel}", daemon=True)
        self.channel = channel
        self.listening = threading.Event()
        self._hear = hear
        self._database = database
        self._ended = threading.Event()
        self._kept: list[Heard] = []

    def stop(self) -> None:
        """Ask it to end, within about a second."""
        self._ended.set()

    def run(self) -> None:
        """See the class."""
        pause = FIRST_PAUSE_S
        while not self._ended.is_set():
            begun = time.monotonic()
            try:
                if not self._listen():
                    return
                why = "the channel ended it"
            except Exception as error:  # the service, the network or the plugin: said, and tried again
                why = str(error) or type(error).__name__
            if self._ended.is_set():
                break
            if self.listening.is_set():
                self.listening.clear()
                pause = FIRST_PAUSE_S if time.monotonic() - begun > HEALTHY_AFTER_S else pause
                log.warning("ear_lost", channel=self.channel, reason=why[:200])
            else:
                log.info("ear_not_listening", channel=self.channel, reason=why[:200])
            self._write()
            self._ended.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause = min(pause * 2, LONGEST_PAUSE_S)
        self._write()

    def _listen(self) -> bool:
        events = self._hear()
        if events is None:
            return False
        try:
            for heard in events:
                if heard is not None:
                    self._kept = [*self._kept[-MAX_KEPT:], heard]
                elif not self.listening.is_set():
                    self.listening.set()
                    log.info("ear_listening", channel=self.channel)
                self._write()
                if self._ended.is_set():
                    break
        finally:
            if hasattr(events, "close"):
                events.close()
        return True

    def _write(self) -> None:
        if not self._kept:
            return
        try:
            with self._database.system() as connection:
                note_heard(connection, self.channel, self._kept)
        except Exception as error:  # PostgreSQL is away: it is kept
            log.warning("heard_waits", channel=self.channel, error=type(error).__name__)
        else:
            self._kept = []


class Ears:
    """All ears of a process."""

    def __init__(self, host: Host, database: Database) -> None:
        self.all = [Ear(channel, hear, database) for channel, hear in host.ears().items()]
        for ear in self.all:
            ear.start()

    def close(self) -> None:
        """End them, and write what is kept."""
        for ear in self.all:
            ear.stop()
        for ear in self.all:
            ear.join(5)
