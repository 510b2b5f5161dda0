"""A worker: Dramatiq's consumer threads, the beat and the sweeper in one process, until told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import dramatiq
import msgspec
import structlog

from core.db.engine import Database
from core.hooks.host import Host
from core.notices.drain import Link
from core.notices.journal import Journal
from core.notices.listen import BellListener
from core.realtime.bus import Bus, use_bus
from core.sync.cases import Readable
from core.sync.service import DEADLINE
from core.tasks.actors import declare
from core.tasks.beat import Beat, Sweeper
from core.tasks.broker import set_broker
from core.tasks.desk import Desk

log = structlog.get_logger(__name__)


class Tempo(msgspec.Struct, frozen=True, kw_only=True):
    """How often a worker looks, and how long it may take to end. Tests use shorter ones."""

    beat_s: float = 1.0
    sweep_s: float = 5.0
    stop_s: float = 20.0


def run_worker(
    database: Database,
    host: Host,
    media: Readable,
    redis_url: str,
    stop: threading.Event,
    *,
    deadline: timedelta = DEADLINE,
    upkeep: dict[str, Callable[[], object]] | None = None,
    link: Link | None = None,
    journal: Journal | None = None,
    tempo: Tempo = Tempo(),
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Work until `stop` is set; what is in flight is finished first, as far as `tempo.stop_s` reaches.

    PostgreSQL and Redis may be away at the start and die meanwhile: the worker waits for them and goes on.
    One worker a process, and any number of processes on any number of machines.
    """
    desk = Desk(database, host, media, stop=stop, deadline=deadline, upkeep=upkeep, link=link, journal=journal)
    broker = set_broker(redis_url)
    bells = declare(broker, desk)
    bus = Bus(redis_url)
    use_bus(bus)
    worker = dramatiq.Worker(broker, worker_threads=max(4, len(desk.sinks) + 2), worker_timeout=250)
    threads: list[threading.Thread] = [
        Beat(database, desk, bells, every_s=tempo.beat_s, sweep_s=tempo.sweep_s),
        Sweeper(desk, every_s=tempo.sweep_s),
        BellListener(database, desk.notices.look, stop),
    ]
    worker.start()
    for thread in threads:
        thread.start()
    log.info("worker_ready", sinks=desk.sinks)
    on_ready()
    stop.wait()
    log.info("worker_stopping")
    until = time.monotonic() + tempo.stop_s  # for all of them together: one that hangs holds up no other
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    desk.notices.close(max(0.0, until - time.monotonic()))
    try:
        worker.stop(timeout=int(tempo.stop_s * 1000))
    except Exception as error:  # the broker may be gone; the rows stay
        log.warning("worker_stop_failed", error=type(error).__name__)
    broker.client.close()
    use_bus(None)
    bus.close()
    log.info("worker_stopped")
