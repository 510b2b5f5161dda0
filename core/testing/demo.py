"""The demo: embedded services, the house's processes, a fake ETNAS, a fleet of cameras, validators at work.

One object holds it together so that `tangkapin demo` only has to show it, and `--once` only to check it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import structlog
from sqlalchemy import text

from core.cli.serve import add_processes
from core.db import migrate
from core.db.engine import Database
from core.db.runtime import Services, open_services
from core.domain.errors import TangkapinError
from core.hooks.host import Host
from core.secrets import SecretBox
from core.settings import Settings
from core.supervisor import Supervisor
from core.testing.clip_camera import ClipCamera
from core.testing.demo_turn import Claimed, Turn, claim_port
from core.testing.fleet import Fleet, Posted, Tally
from core.testing.validator import Validator
from core.testing.watch import Watch, Watchers
from core.testing.world import AGENCIES, Login, World

log = structlog.get_logger(__name__)

READY_S = 120.0
MOST_RESTARTS = 3
"""Of the server while everything is started: one that ends again and again will not come up."""
ARRIVED_M = 100.0

_COUNTS = text("""
SELECT (SELECT count(*) FROM payloads) AS payloads,
       (SELECT count(*) FROM inbox) AS inbox,
       (SELECT count(*) FROM quarantine WHERE resolved_at IS NULL) AS quarantined,
       (SELECT count(*) FROM plate_reads WHERE voided_at IS NULL) AS reads,
       (SELECT count(*) FROM plate_reads WHERE verdict = 'drop') AS dropped,
       (SELECT count(*) FROM plate_reads WHERE verdict = 'review') AS review,
       (SELECT count(*) FROM passages WHERE reads > 0) AS passages,
       (SELECT count(*) FROM violations) AS violations,
       (SELECT count(*) FROM violations WHERE status = 'held') AS held,
       (SELECT count(*) FROM violations WHERE status = 'pending') AS pending,
       (SELECT count(*) FROM violations WHERE status = 'approved') AS approved,
       (SELECT count(*) FROM violations WHERE status = 'queued') AS queued,
       (SELECT count(*) FROM violations WHERE status = 'synced') AS synced,
       (SELECT count(*) FROM violations WHERE status = 'rejected') AS rejected,
       (SELECT count(*) FROM violations WHERE status IN ('refused', 'uncertain')) AS stuck,
       (SELECT count(*) FROM etnas_sync WHERE status = 'accepted') AS accepted,
       (SELECT count(*) FROM sync_attempts) AS attempts,
       (SELECT count(*) FROM reports) AS reports,
       (SELECT count(*) FROM reports WHERE status NOT IN ('completed', 'rejected')) AS reports_open,
       (SELECT count(*) FROM notice_deliveries WHERE status IN ('accepted', 'delivered')) AS told,
       (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM etnas_sync
         WHERE status IN ('pending', 'sending'))::float8 AS outbox_age_s,
       (SELECT count(*) FROM device_health WHERE skew_state IN ('hold', 'wrong_zone')) AS clocks_wrong
""")


class DemoFailed(TangkapinError):
    """The demo cannot start, or a stage's counts do not agree."""


class Counts(msgspec.Struct, frozen=True):
    """How many rows each stage has; see the SQL above."""

    payloads: int
    inbox: int
    quarantined: int
    reads: int
    dropped: int
    review: int
    passages: int
    violations: int
    held: int
    pending: int
    approved: int
    queued: int
    synced: int
    rejected: int
    stuck: int
    accepted: int
    attempts: int
    reports: int
    reports_open: int
    told: int
    outbox_age_s: float
    clocks_wrong: int


class Demo:
    """Start with `async with Demo(settings) as demo`; everything that was started ends with it.

    misbehaviour  share of requests with which the fake ETNAS does what it should not
    honours_key   it knows a repeated idempotency key again
    """

    def __init__(
        self, settings: Settings, *, misbehaviour: float = 0.12, honours_key: bool = True, seed: int | None = None
    ) -> None:
        self._given = settings
        self._misbehaviour = misbehaviour
        self._honours_key = honours_key
        # two starts with one seed would send the same vehicles twice: one passage, rightly
        self._seed = secrets.randbelow(1 << 30) if seed is None else seed
        self._run_dir = settings.home / "run"
        self._turn = Turn(settings.home)
        self._claimed: Claimed | None = None
        self._services: Services | None = None
        self._supervisor: Supervisor | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.world = World(settings.home)
        self.settings = settings
        self.logins: list[Login] = []
        self._scripted: list[Login] = []
        self.watch = Watch([])
        self.camera: ClipCamera | None = None
        self.url = ""
        self.etnas_port = 0
        self.events: deque[str] = deque(maxlen=8)
        self.database: Database | None = None
        self._host: Host | None = None

    async def __aenter__(self) -> Demo:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._end()

    @property
    def etnas_url(self) -> str:
        """Where the fake ETNAS listens."""
        return f"http://127.0.0.1:{self.etnas_port}"

    @property
    def open_database(self) -> Database:
        """The demo's database; only while it runs."""
        assert self.database is not None, "the demo is not running"
        return self.database

    @property
    def supervisor(self) -> Supervisor:
        """What keeps the house's processes and the fake ETNAS; only while it runs."""
        assert self._supervisor is not None, "the demo is not running"
        return self._supervisor

    def counts(self) -> Counts:
        """How far each stage is; blocks for a query."""
        with self.open_database.system() as connection:
            row = connection.execute(_COUNTS).mappings().one()
        return msgspec.convert(dict(row), Counts, strict=False)

    async def etnas_report(self) -> dict[str, Any]:
        """What the fake ETNAS received and stored, and whether anything reached it twice."""
        async with aiohttp.ClientSession(trust_env=False) as session:
            async with session.get(f"{self.etnas_url}/report") as answer:
                found: dict[str, Any] = await answer.json()
                return found

    def fleet(
        self,
        *,
        rate: float,
        duplicates: float = 0.15,
        reorder: float = 0.1,
        patience: int = 20,
        pictured: float = 0.0,
        cloned: float = 0.0,
        on_post: Callable[[Posted], None] = lambda posted: None,
    ) -> Fleet:
        """The cameras of the demo's world, ready to post."""
        assert self._host is not None

        def posted(post: Posted) -> None:
            self._posted(post)
            on_post(post)

        members = self.world.members(self.open_database, self._host, seed=self._seed)
        return Fleet(
            self.url, members, rate=rate, duplicates=duplicates, reorder=reorder, patience=patience, seed=self._seed,
            pictured=pictured, cloned=cloned, on_post=posted,
        )  # fmt: skip

    def validators(
        self, *, reject: float = 0.15, undo: float = 0.0, pause_s: float = 0.4, leave: int = 0
    ) -> list[Validator]:
        """One scripted officer for each agency, with an account that no person uses: claims are by account."""
        return [
            Validator(self.url, login.username, login.password, reject=reject, undo=undo, pause_s=pause_s, leave=leave,
                      seed=number, on_act=self._acted(login))
            for number, login in enumerate(self._scripted)
            if login.username.startswith("validator.")
        ]  # fmt: skip

    def watchers(self, say: Callable[[str], None] = lambda text: None) -> Watchers:
        """The people of the second flow, scripted, beside their camera. Use it with `async with`."""
        assert self.camera is not None
        return Watchers(self.url, self.watch, self.camera, say)

    async def wait_for(self, what: str, agreed: Callable[[Counts], bool], timeout_s: float) -> Counts:
        """Wait until the counts agree. Raises DemoFailed with the counts when they do not in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            counts = await asyncio.to_thread(self.counts)
            if agreed(counts):
                return counts
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what}: not within {timeout_s:g} s; {msgspec.to_builtins(counts)}")
            await asyncio.sleep(0.2)

    # -- starting and ending ------------------------------------------------------------------------------------

    async def _start(self) -> None:
        await self._open()
        ready = self._run_dir / "ready"
        ready.unlink(missing_ok=True)
        await self._start_processes(ready)
        await self._wait_for_server(ready)

    async def _open(self) -> None:
        """Ports, services, schema and the world: what is there before a process of the house runs."""
        self.world.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._turn.take()
        self.etnas_port = _kept_port(self.world.folder / "etnas.port")
        plugins = self.world.write_plugins(
            f"{self.etnas_url}/api/violations", f"{self.etnas_url}/api/look-up?key={{idempotency_key}}"
        )
        # one that stays when the server is started again
        port, self._claimed = claim_port(self._given.host, self._given.port)
        told = {**self._given.origin, "plugins_file": "demo", "port": "demo"}
        self.settings = msgspec.structs.replace(self._given, plugins_file=plugins, port=port, origin=told)
        await _through(self._open_services)
        assert self._services is not None
        await _through(migrate.upgrade, self._services.database_url)
        self.database = Database(self._services.database_url)
        secret = self.settings.signing_key().reveal()
        staff = await _through(self.world.open, self.database, secret)
        self.logins = [login for login in staff if not login.scripted]
        self._scripted = [login for login in staff if login.scripted]
        self.watch = Watch(staff)
        self.camera = ClipCamera(_kept_port(self.world.folder / "camera.port"))
        self.camera.start()
        box = SecretBox(self.settings.signing_key())
        await _through(self.watch.open, self.database, secret, box, self.camera.port)
        self._host = Host.load(plugins, environ=os.environ, data_dir=self.settings.home / "plugins")

    def _open_services(self) -> None:
        self._services = open_services(self.settings)

    def _etnas_command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "core.testing.fake_etnas", "--port", str(self.etnas_port), "--state",
                str(self.world.folder / "etnas.state"), "--mix", str(self._misbehaviour),
                *([] if self._honours_key else ["--ignores-key"])]  # fmt: skip

    async def _start_processes(self, ready: Path) -> None:
        assert self._services is not None
        self._supervisor = Supervisor(tick=self._services.keep)
        self._supervisor.add("etnas", self._etnas_command(), os.environ)
        add_processes(self._supervisor, self.settings, self._services.database_url, self._services.redis_url, ready)
        self._supervisor.start()
        self._keeper = asyncio.create_task(self._keep())

    async def _wait_for_server(self, ready: Path) -> None:
        deadline = time.monotonic() + READY_S
        while not ready.exists():
            children = self._supervisor.children if self._supervisor is not None else ()
            ended = sum(child.restarts for child in children if child.name == "ingest")
            if ended > MOST_RESTARTS:
                raise DemoFailed(f"the server ended {ended} times while it was started")
            if time.monotonic() > deadline:
                raise DemoFailed(f"the server did not come up within {READY_S:g} s")
            await asyncio.sleep(0.1)
        self.url = f"http://{self.settings.host}:{ready.read_text()}"
        self._turn.tell(self.url)

    async def _keep(self) -> None:
        assert self._supervisor is not None
        while True:
            await asyncio.to_thread(self._supervisor.look)
            await asyncio.sleep(0.2)

    async def _end(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._supervisor is not None:
            await asyncio.to_thread(self._supervisor.end)
        if self.camera is not None:
            await asyncio.to_thread(self.camera.close)
        if self._host is not None:
            self._host.close()
        if self.database is not None:
            self.database.dispose()
        if self._services is not None:
            await asyncio.to_thread(self._services.close)
        if self._claimed is not None:
            self._claimed.close()
        self._turn.drop()

    # -- the last events ----------------------------------------------------------------------------------------

    def _posted(self, posted: Posted) -> None:
        again = " again" if posted.repeat else ""
        self.events.append(f"{posted.device.code:18} {posted.plate:11} {posted.form}{again} -> {posted.status}")

    def _acted(self, login: Login) -> Callable[[str, dict[str, Any]], None]:
        def acted(act: str, case: dict[str, Any]) -> None:
            self.events.append(f"{login.username:18} {act} #{case['id']} {case['violation_type']}")

        return acted


async def _through(work: Callable[..., Any], *args: Any) -> Any:
    """In a thread, and to its end even when the start is given up: only what was made can be ended."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def run_once(demo: Demo, *, events: int, rate: float, say: Callable[[str], None]) -> dict[str, Any]:
    """A bounded scenario from camera to centre. Raises DemoFailed unless every stage's counts agree."""
    before = await asyncio.to_thread(demo.counts)
    at_centre = await demo.etnas_report()
    say(f"posting {events} events of {len(AGENCIES)} agencies, some of them again, some late")
    tally: Tally = await demo.fleet(rate=rate).run(events)
    say(f"{tally.posts} posts, {tally.accepted} accepted, {tally.repeats} of them repeats, {len(tally.forms)} forms")
    now = await demo.wait_for("parsing", lambda c: c.inbox == 0 and c.payloads - before.payloads >= tally.accepted, 60)
    say(
        f"{now.reads - before.reads} reads, {now.passages - before.passages} passages, "
        f"{now.violations - before.violations} violations, {now.held - before.held} held for a wrong clock"
    )
    stop = asyncio.Event()
    results = await asyncio.gather(*(v.run(stop, until_empty=True) for v in demo.validators(pause_s=0.0)))
    approved = sum(len(r.approved) for r in results)
    rejected = sum(r.acts["reject"] for r in results)
    say(f"{approved} approved, {rejected} rejected; waiting for the centre, which misbehaves now and then")
    wanted = before.synced + approved
    after = await demo.wait_for("delivery", lambda c: c.synced >= wanted or c.stuck > before.stuck, 180)
    report = await demo.etnas_report()
    say(
        f"the centre holds {report['violations'] - at_centre['violations']} new violations after "
        f"{report['received'] - at_centre['received']} requests, {len(report['doubled'])} doubled"
    )
    checks = {
        "every accepted post is one payload": (tally.accepted, after.payloads - before.payloads),
        "every payload is one read": (after.payloads - before.payloads, after.reads - before.reads),
        "nothing is in quarantine": (0, after.quarantined - before.quarantined),
        "every vehicle is one passage": (len(tally.vehicles), after.passages - before.passages),
        "every violation is held or decided": (
            after.violations - before.violations,
            after.held - before.held + approved + rejected,
        ),
        "some violations were approved": (True, approved > 0),
        "the wrong clock was noticed": (True, after.clocks_wrong > 0 and after.held > before.held),
        "every approved violation is synced": (approved, after.synced - before.synced),
        "the centre holds each approved violation": (approved, report["violations"] - at_centre["violations"]),
        "the centre was told nothing twice": ([], report["doubled"]),
    }
    checks |= await run_watch(demo, say)
    failed = [f"{what}: expected {want}, found {got}" for what, (want, got) in checks.items() if want != got]
    if failed:
        raise DemoFailed("the counts do not agree:\n  " + "\n  ".join(failed))
    return {
        "posts": tally.posts, "accepted": tally.accepted, "repeats": tally.repeats, "forms": dict(tally.forms),
        "vehicles": len(tally.vehicles), "approved": approved, "rejected": rejected,
        "held": after.held - before.held, "requests_to_centre": report["received"] - at_centre["received"],
        "checks": len(checks),
    }  # fmt: skip


async def run_watch(demo: Demo, say: Callable[[str], None]) -> dict[str, tuple[Any, Any]]:
    """Two incidents from a camera's picture to their end: one is driven to and closed, one is recalled."""
    async with demo.watchers(say) as watchers:
        await watchers.watching()
        say("a blade comes into a camera's picture (a synthetic clip)")
        real = await watchers.alarm()
        await watchers.send(real)
        await watchers.drive(real)
        await watchers.close(real)
        await asyncio.sleep(watchers.camera.clip_s)  # the blade leaves the picture, the cooldown passes
        say("the clip is played again; this time it is a false alarm")
        false = await watchers.alarm()
        await watchers.send(false, verify=False)
        await watchers.recall(false)
    return {
        "the alarm has evidence": (True, real.evidence > 0),
        "owner and station were told": ([True] * 2, list(real.told.values())),
        "the owner saw the patrol come nearer": (sorted(real.distances, reverse=True), real.distances),
        "the patrol arrived": (True, real.distances[-1] < ARRIVED_M),
        "the case is closed": ("completed", real.status),
        "the second alarm is a report of its own": (True, false.report_id != real.report_id),
        "the false alarm was recalled": ("rejected", false.status),
        "the patrol was stopped": (True, false.stopped),
        "everybody heard of the recall": ([True] * 4, list(false.told.values())),
    }


def _kept_port(path: Path) -> int:
    """A port that stays over restarts: requests in the outbox, and the camera's row, were made with it."""
    if path.exists() and _free("127.0.0.1", int(path.read_text())):
        return int(path.read_text())
    port = _free_port("127.0.0.1")
    path.write_text(str(port))
    return port


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
