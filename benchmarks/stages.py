"""What each stage costs an event, measured apart from the others, in one process.

Own CPU is the thread's time, PostgreSQL's that of the one backend at work (/proc/<pid>/schedstat, nanoseconds). Batches
are as large as the parse stage's claims under load. What is left between the sum and a full run is sockets, context
switches, small batches, WAL writer, checkpoints and vacuum.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
from uvicorn.server import ServerState

from benchmarks import payloads
from benchmarks.house import House
from benchmarks.load import heads
from benchmarks.machine import thread_cpu_s
from core.evidence.store import MediaStore
from core.hooks.host import Host
from core.hooks.plugin import Secret
from core.ingest.answers import AnswerTable, problem
from core.ingest.auth import Authenticator
from core.ingest.board import Board
from core.ingest.directory import DeviceDirectory
from core.ingest.front import Admitted, CameraRequest, Front
from core.ingest.gate import CameraGate
from core.ingest.health_book import HealthBook
from core.ingest.known_devices import KnownDevices
from core.ingest.parse_worker import ParseWorker
from core.ingest.protocol import CameraProtocol
from core.ingest.rate import RateLimiter
from core.ingest.writer import Arrival, InboxWriter
from core.secrets import SecretBox
from core.traffic import intake_sql
from core.traffic.intake import Rules

BATCH = 56
"""Events in one commit of the inbox: 64 connections less those whose answer is on its way."""
CLAIM = 8
"""Batches claimed at once."""
_NAMES = {
    intake_sql.IDS_AND_LOCKS: "ids, locks of the devices",
    intake_sql.FIND_PASSAGES: "passages look-up",
    intake_sql.FINISH: "finish: reads, passages, violations",
    intake_sql.ASIDE: "aside: health, counts, media",
    intake_sql.SKEW_SAMPLES: "clock samples",
}


class Clock:
    """CPU seconds by stage: own, and the backend's."""

    def __init__(self) -> None:
        self.own: dict[str, float] = defaultdict(float)
        self.backend: dict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, stage: str, pid: int = 0) -> Iterator[None]:
        """Time a block."""
        there = thread_cpu_s(pid) if pid else 0.0
        here = time.thread_time()
        try:
            yield
        finally:
            self.own[stage] += time.thread_time() - here
            if pid:
                self.backend[stage] += thread_cpu_s(pid) - there

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is timed at each call; the clock's own 0.5 µs are in it."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            here = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.own[stage] += time.thread_time() - here

        return timed


class Watched:
    """A psycopg connection whose statements are timed one by one."""

    def __init__(self, connection: psycopg.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._pid = connection.info.backend_pid

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """As psycopg's."""
        stage = _NAMES.get(query, "claim and read payloads" if "SKIP LOCKED" in str(query) else "other statements")
        with self._clock.of(stage, self._pid):
            return self._connection.execute(query, params, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class WatchedDatabase:
    """Gives out watched connections."""

    def __init__(self, house: House, clock: Clock) -> None:
        self._house = house
        self._clock = clock

    def raw(self, *, async_commit: bool = False) -> Any:
        """As Database.raw."""
        return Watched(self._house.database.raw(async_commit=async_commit), self._clock)

    def system(self) -> Any:
        """As Database.system."""
        return self._house.database.system()


def run(folder: Path, *, events: int = 20_000) -> dict[str, Any]:
    """Microseconds an event by stage: {stage: {"own": …, "postgres": …}}."""
    with House(folder / "stages") as house:
        keys = house.add_cameras("generic")
        clock = Clock()
        host = Host.load(house.plugins_file, environ=os.environ, data_dir=house.folder / "plugins")
        directory = DeviceDirectory(house.database)
        directory.refresh()
        front = _front(house, host, directory, keys, events=min(events, 5000))
        _parse_stage(house, host, directory, clock, CLAIM * BATCH * 12)  # warm-up: plans, caches, statistics
        clock.own.clear()
        clock.backend.clear()
        count = _parse_stage(house, host, directory, clock, events)
        host.close()
    stages = {name: {"own": us, "postgres": 0.0} for name, us in front.items()}
    for name in clock.own:
        stages[name] = {
            "own": clock.own[name] * 1e6 / count,
            "postgres": clock.backend.get(name, 0.0) * 1e6 / count,
        }
    inside = [s for s in stages if s in _PARTS]
    stages["rows, merging, encoding (rest of the parse stage)"] = {
        "own": stages.pop("_parse_stage")["own"] - sum(stages[s]["own"] for s in inside),
        "postgres": 0.0,
    }
    return stages


_PARTS = {*_NAMES.values(), "claim and read payloads", "other statements", "parser and host", "judges", "rules"}


class _Wire(asyncio.Transport):
    """The other end of a connection: counts good answers."""

    def __init__(self) -> None:
        super().__init__()
        self.good = 0

    def write(self, data: Any) -> None:
        """An answer."""
        self.good += data.startswith(b"HTTP/1.1 200")

    def is_closing(self) -> bool:
        """Never."""
        return False


def _front(house: House, host: Host, directory: DeviceDirectory, keys: list[str], *, events: int) -> dict[str, float]:
    """The server's own code between the bytes of a request and those of its answer, with an inbox that answers at once.

    Each connection is one camera's, which sends the same head for ever.
    """
    box = SecretBox(Secret("x" * 48))
    gate = CameraGate(directory, Authenticator(directory, box), RateLimiter())
    table = AnswerTable(host.answers())

    class Settled:
        """An inbox that answers at once."""

        def room(self) -> bool:
            return True

        def submit(self, arrival: Arrival) -> None:
            arrival.future.set_result(1024)

    async def nowhere(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not a camera's path")

    front = Front(nowhere, table=table, gate=gate, writer=Settled(), health=HealthBook(house.database),  # type: ignore[arg-type]
                  max_body_bytes=1 << 20, body_timeout_s=15)  # fmt: skip
    bodies = [payloads.json_body(number) for number in range(events)]
    wire = _Wire()

    async def serve() -> float:
        config = uvicorn.Config(front, http=CameraProtocol, ws="none", log_config=None, lifespan="off")  # type: ignore[arg-type]
        state = ServerState()
        state.default_headers = [(b"date", b"Sat, 21 Nov 2026 14:00:00 GMT")]
        loop = asyncio.get_running_loop()
        connections = [CameraProtocol(config, state, {}, loop) for _ in keys]
        for connection in connections:
            connection.connection_made(wire)
        requests = [head + body for head, body in zip(cycle(heads("json", "/api/violation", keys)), bodies)]
        before = time.thread_time()
        for connection, request in zip(cycle(connections), requests):
            connection.data_received(request)
        return time.thread_time() - before

    total = asyncio.run(serve())
    if wire.good != events:
        raise AssertionError(f"the front answered {wire.good} of {events} with 200")
    check = next(row.check for row in host.answers()["generic"] if row.check)
    before = time.thread_time()
    for body in bodies:
        problem(check, "application/json", body)
    checked = time.thread_time() - before
    headers = {"host": "127.0.0.1", "x-api-key": keys[0], "content-type": "application/json"}
    admitted = gate.admit(CameraRequest("POST", "/api/violation", "", headers, "127.0.0.1", "generic", "", ()))
    if not isinstance(admitted, Admitted):
        raise AssertionError(f"the gate said {admitted}")
    before = time.thread_time()
    for _ in range(events):
        gate.again(admitted)
    known = time.thread_time() - before
    scale = 1e6 / events
    return {
        "front: key and rate limit of a head known already": known * scale,
        "front: body check": checked * scale,
        "front: the rest, from a request's bytes to its answer's": (total - checked - known) * scale,
    }


_sent = 0


def _parse_stage(house: House, host: Host, directory: DeviceDirectory, clock: Clock, events: int) -> int:
    """Fill the inbox batch by batch, then parse it; returns how many events. Statements are timed one by one."""
    global _sent
    devices = sorted(directory.current.by_id)
    media = MediaStore(house.folder / "media", segment_bytes=16 * 1024 * 1024)
    writer = InboxWriter(house.database, media)
    backend = writer._connect().info.backend_pid
    worker = ParseWorker(
        WatchedDatabase(house, clock), host, KnownDevices(directory), media,
        Board(house.folder / "board"), Rules(), wait=lambda seconds: False,
    )  # type: ignore[arg-type]  # fmt: skip
    original = host.parse_payload, host.judge_read, host.classify_passage
    stages = "parser and host", "judges", "rules"
    timed = [clock.wrap(stage, function) for stage, function in zip(stages, original, strict=True)]
    host.parse_payload, host.judge_read, host.classify_passage = timed  # type: ignore[method-assign]
    loop = asyncio.new_event_loop()
    headers = json.dumps({"host": "127.0.0.1", "user-agent": "camera/1.0", "content-type": "application/json",
                          ":path": "/api/violation", ":peer": "127.0.0.1", ":auth": "api_key"}).encode()  # fmt: skip
    done = 0
    try:
        while done < events:
            for _ in range(CLAIM):
                arrivals = []
                for _ in range(BATCH):
                    body = payloads.json_body(_sent)
                    arrivals.append(Arrival(loop.create_future(), 1, devices[_sent % len(devices)], time.time(),
                                            "application/json", headers, body))  # fmt: skip
                    _sent += 1
                with clock.of("inbox: sha256, one statement, commit", backend):
                    writer._store(arrivals)
            worker.refresh()
            before = time.thread_time()
            summary = worker.work()
            clock.own["_parse_stage"] += time.thread_time() - before
            if summary is None or summary.violations != CLAIM * BATCH:
                raise AssertionError(f"expected {CLAIM * BATCH} violations, got {summary}")
            done += summary.violations
    finally:
        host.parse_payload, host.judge_read, host.classify_passage = original  # type: ignore[method-assign]
        worker.disconnect()
        writer._disconnect()
        media.close()
        loop.close()
    return done


def show(stages: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n## stages: CPU µs an event, each measured apart, batches of {BATCH}, {CLAIM} claimed at once, durable")
    print(f"{'':52} {'own':>7} {'postgres':>9}")
    for name, cost in stages.items():
        print(f"{name:52} {cost['own']:7.1f} {cost['postgres']:9.1f}")
    print(
        f"{'sum (without sockets and the event loop)':52} {sum(c['own'] for c in stages.values()):7.1f} "
        f"{sum(c['postgres'] for c in stages.values()):9.1f}"
    )
