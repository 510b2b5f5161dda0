"""A drill: the demo's house under load, its processes killed at random moments, and the record for the checker.

Processes are found from the demo's own supervisor and from the pid files below its home, never by name.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.db.engine import Database
from core.domain.plates import normalise_plate
from core.evidence.store import MediaStore
from core.testing.checker import Decided, History, Post, Seen, Stored
from core.testing.demo import Counts, Demo
from core.testing.fake_etnas import FakeEtnas
from core.testing.fleet import Posted
from core.testing.trial import DrillFailed, Trial

log = structlog.get_logger(__name__)

VICTIMS = ("ingest", "parse", "parser", "work", "postgres", "valkey")
HELD = 4
PATIENCE = 400
"""Times 0.3 s: longer than any pause of the supervisor."""


class Drill(Trial):
    """`async with Drill(demo, seed=…) as drill`: cameras post and officers decide until settle().

    rate  events a second
    """

    def __init__(self, demo: Demo, *, seed: int, rate: float = 10.0) -> None:
        super().__init__(demo, seed=seed)
        self.posts: list[Post] = []
        self.fleet = demo.fleet(rate=rate, patience=PATIENCE, on_post=self._posted)
        self._validators = demo.validators(undo=0.1, pause_s=0.05)

    async def __aenter__(self) -> Drill:
        self._tasks = [asyncio.create_task(self.fleet.run())]
        self._tasks += [asyncio.create_task(v.run(self._stop)) for v in self._validators]
        return self

    @property
    def accepted(self) -> int:
        """How many posts were answered 2xx so far."""
        return self.fleet.tally.accepted

    async def kill(self, victim: str) -> None:
        """kill -9 of one of VICTIMS or "etnas".

        A worker is killed while the centre has taken something and not answered yet, if anything is sent soon.
        """
        if victim == "work":
            await self._hold_answers()
        await super().kill(victim)

    async def _hold_answers(self) -> None:
        async with aiohttp.ClientSession(trust_env=False) as session:
            await session.post(f"{self.demo.etnas_url}/script", json={"next": ["slow"] * HELD})
        await asyncio.sleep(0.3)  # what was on its way before is answered by then
        with suppress(DrillFailed):
            await self.until(self._on_its_way, "something is on its way to the centre", 8)
        await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    def _on_its_way(self) -> bool:
        with suppress(DBAPIError), self.demo.open_database.system() as connection:
            return bool(connection.scalar(text("SELECT EXISTS (SELECT 1 FROM etnas_sync WHERE status = 'sending')")))
        return False

    async def goes_on(self, posts: int = 12, timeout_s: float = 60.0) -> None:
        """Wait until that many further posts are accepted."""
        wanted = self.accepted + posts
        await self.until(lambda: self.accepted >= wanted, f"{posts} more posts are accepted", timeout_s)

    async def settle(self, timeout_s: float = 120.0) -> History:
        """End the load, have everything decided and delivered, and return the record."""
        self.fleet.stop()
        await self._tasks[0]
        await self._rest("parsing", lambda c: c.inbox == 0, timeout_s)
        self._stop.set()
        await asyncio.gather(*self._tasks[1:])
        await asyncio.gather(*(v.run(asyncio.Event(), until_empty=True) for v in self._validators))
        await self._rest("delivery", lambda c: c.approved + c.queued == 0, timeout_s)
        approvals = {number for v in self._validators for number in v.decisions.approved}
        record = await asyncio.to_thread(read_tables, self.demo.open_database, self.demo.settings.home)
        record.posts, record.approvals = self.posts, approvals
        record.effects = FakeEtnas(state=self.demo.world.folder / "etnas.state").effects()
        return record

    def cut_off(self) -> int:
        """How many requests to the centre were on their way when their worker died."""
        with self.demo.open_database.system() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM sync_attempts WHERE outcome = 'lost'")))

    def so_far(self) -> str:
        return str(self.fleet.tally)

    async def _rest(self, what: str, agreed: Callable[[Counts], bool], timeout_s: float) -> None:
        def look() -> bool:
            try:
                return agreed(self.demo.counts())
            except DBAPIError:  # PostgreSQL is on its way back
                return False

        await self.until(look, what, timeout_s)

    def _posted(self, posted: Posted) -> None:
        self.posts.append(Post(posted.device.code, normalise_plate(posted.plate) or "", posted.sha256, posted.status))


class ServedDemo(Demo):
    """The demo's world, but `tangkapin serve` in a process of its own keeps the house: it can be killed and started."""

    serve: subprocess.Popen[bytes]
    _etnas: subprocess.Popen[bytes] | None = None

    async def start_serve(self) -> None:
        """Start `tangkapin serve`; returns when requests are answered."""
        ready = self.settings.home / "run" / "ready"
        ready.unlink(missing_ok=True)
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TANGKAPIN_")} | self.settings.environ()
        command = [sys.executable, "-P", "-m", "core.cli.main", "serve", "--ready-file", str(ready)]
        self.serve = _launch(command, environ)
        await self._wait_for_server(ready)

    def house(self) -> dict[int, str]:
        """The house's processes that live: process id -> command line. The fake ETNAS is none of them."""
        assert self._etnas is not None
        return {pid: command for pid, command in processes_of(self.settings.home).items() if pid != self._etnas.pid}

    async def _start(self) -> None:
        await self._open()
        assert self._services is not None
        await asyncio.to_thread(self._services.close)
        self._etnas = _launch(self._etnas_command(), os.environ)
        await self.start_serve()
        self.url = f"http://{self.settings.host}:{self.settings.port}"

    async def _end(self) -> None:
        for process in (getattr(self, "serve", None), self._etnas):
            if process is not None:
                process.terminate()
                try:
                    await asyncio.to_thread(process.wait, 40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        await super()._end()


def _launch(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=2)


def processes_of(home: Path) -> dict[int, str]:
    """Every living process that was started for this home folder: process id -> command line."""
    found = {}
    marks = (f"{home}/".encode(), f"TANGKAPIN_HOME={home}\0".encode())
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            command, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            if command and (marks[0] in command or marks[1] in environ):
                found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


_STORED = text("""
SELECT p.id, d.device_code, encode(p.sha256, 'hex') AS sha256, p.body, p.body_ref
  FROM payloads p JOIN devices d ON d.id = p.device_id ORDER BY p.id
""")
_SEEN = text("""
SELECT r.payload_id, d.device_code, r.plate_number, r.passage_id
  FROM plate_reads r JOIN devices d ON d.id = r.device_id WHERE r.voided_at IS NULL
""")
_VIOLATIONS = text("""
SELECT v.id, v.passage_id, v.violation_type, v.status, n.vendor_code,
       coalesce(v.corrected_plate, v.plate_number, '') AS plate,
       to_char(v.capture_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS captured
  FROM violations v JOIN vendors n ON n.id = v.vendor_id
""")


def read_tables(database: Database, home: Path) -> History:
    """What the tables and the media store hold. Bodies are read and hashed again."""
    media = MediaStore(home / "media")
    try:
        with database.system() as connection:
            stored = []
            for row in connection.execute(_STORED):
                body = row.body if row.body_ref is None else media.read(row.body_ref)
                whole = hashlib.sha256(body).hexdigest() == row.sha256
                stored.append(Stored(row.id, row.device_code, row.sha256, whole))
            return History(
                stored=stored,
                waiting=connection.execute(text("SELECT count(*) FROM inbox")).scalar_one(),
                aside={row[0] for row in connection.execute(text("SELECT payload_id FROM quarantine"))},
                seen=[Seen(*row) for row in connection.execute(_SEEN)],
                violations=[
                    Decided(r.id, r.passage_id, r.violation_type, r.status,
                            (r.vendor_code, r.plate, r.violation_type, r.captured))
                    for r in connection.execute(_VIOLATIONS)
                ],
            )  # fmt: skip
    finally:
        media.close()
