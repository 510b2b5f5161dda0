"""A drill of the weapon flow: reports, notices and track points under way while parts of the house are killed.

A program posts detections, an officer sends and recalls, two phones drive; everybody repeats until answered. Between
the house and a real Pusher server stands a relay that notes what that server took, and pusher-js listens to the public
name.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from core.accounts.service_keys import add_service_key
from core.accounts.tables import devices, owners, vendors
from core.db.engine import Database
from core.settings import Settings
from core.testing.demo import Demo
from core.testing.drawing import draw_plate
from core.testing.listener import Listener
from core.testing.local_peer import Got, LocalPeer, Say
from core.testing.pusher_peer import APP_ID, KEY, SECRET, PusherClient, PusherServer
from core.testing.trial import DrillFailed, Trial
from core.testing.watch import HOME, PLACE, Person, WatchFailed
from core.testing.watch_checker import Told, WatchHistory
from core.testing.world import DEMO, WATCHED, World

log = structlog.get_logger(__name__)

WATCH_VICTIMS = ("ingest", "work", "detect", "postgres", "valkey", "pusher")
CAMERAS = 12
AGAIN_S = 0.3
OFFICER = "polsek.skrip"
PUBLIC = "officers-dashboard"
PHONES = ("patroli", "patroli.skrip")


class Relay:
    """Hands the house's requests to the Pusher server; `taken`: (channel, notice id) -> how often that took it.

    answer  may be replaced: what the house is told, of the request and the server's answer
    """

    def __init__(self, server: PusherServer) -> None:
        self._server = server
        self.answer: Callable[[Got, Say], Say] = lambda got, say: say
        self.taken: Counter[tuple[str, str]] = Counter()
        self.peer = LocalPeer(self._hand_on).start()

    def _hand_on(self, got: Got) -> Say:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=3)
        try:
            connection.request("POST", got.path, got.body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
        except ConnectionRefusedError:
            return Say(status=503)  # nobody there: surely not told
        except (OSError, HTTPException):
            return Say(lost=True)
        finally:
            connection.close()
        if status == 200 and b'"code"' not in body:
            told = json.loads(got.body)
            for event in told.get("batch") or [{"channel": channel} | told for channel in told["channels"]]:
                self.taken[event["channel"], json.loads(event["data"])["noticeId"]] += 1
        return self.answer(got, Say(status=status, body=body))


class _PushedWorld(World):
    """The demo's world with a Pusher server after the websocket."""

    relay_port = pusher_port = 0

    def write_plugins(self, etnas_url: str, look_up_url: str) -> Path:
        path = super().write_plugins(etnas_url, look_up_url)
        secret = self.folder / "pusher.secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        table = f"""
[plugin.pusher]
use = "notifiers.pusher"
[plugin.pusher.config]
app_id = "{APP_ID}"
key = "{KEY}"
secret = {{ file = "{secret}" }}
host = "127.0.0.1"
port = {self.relay_port}
client_port = {self.pusher_port}
tls = false
public = ["dashboard"]
"""
        path.write_text(path.read_text() + table)
        return path


class PushedDemo(Demo):
    """The demo's house, whose notices also go to a Pusher server of its own."""

    def __init__(self, settings: Settings, *, seed: int) -> None:
        super().__init__(settings, seed=seed)
        world = _PushedWorld(settings.home)
        settings.home.mkdir(parents=True, exist_ok=True)
        self.pusher = PusherServer(settings.home)
        self.relay = Relay(self.pusher)
        world.relay_port, world.pusher_port = self.relay.peer.port, self.pusher.port
        self.world = world

    async def _start(self) -> None:
        await asyncio.to_thread(self.pusher.start)
        await super()._start()

    async def _end(self) -> None:
        await super()._end()
        self.pusher.kill()
        self.relay.peer.close()


class Patient(Person):
    """Repeats until somebody answers; `statuses` counts what was heard meanwhile (0: nothing)."""

    statuses: Counter[int]

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.statuses = Counter()

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """(status, data) of the first answer that is one: not 401, 429 or 5xx."""
        while True:
            status, answer = await self._try(method, path, body, headers)
            self.statuses[status] += 1
            if status and status not in (401, 429) and status < 500:
                return status, answer.get("data")
            if status == 401:
                self._token = ""
            await asyncio.sleep(AGAIN_S)

    async def _try(self, method: str, path: str, body: Any, headers: dict[str, str] | None) -> tuple[int, Any]:
        try:
            if headers is None and not self._token:
                login = {"username": self._login.username, "password": self._login.password}
                _, answer = await self._send("POST", "/login", login)
                self._token = answer["data"]["token"]
            if headers is None:
                return await self._send(method, path, body)
            async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, WatchFailed):
            return 0, None

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, expect: int = 0) -> Any:
        """As a Person's, but it repeats."""
        status, data = await self.ask(method, path, body)
        if not (status == expect if expect else status < 300):
            raise WatchFailed(f"{self.name}: {method} {path} was answered {status}")
        return data


class WatchDrill(Trial):
    """`async with WatchDrill(demo, seed=…) as drill`: everybody acts until settle()."""

    demo: PushedDemo

    def __init__(self, demo: PushedDemo, *, seed: int) -> None:
        super().__init__(demo, seed=seed)
        self.record = WatchHistory()
        self._people: list[Patient] = []
        self._deployed: PusherClient | None = None
        self._under_way = 0
        self._stack = contextlib.AsyncExitStack()
        self._numbers = itertools.count(1)
        self.listener: Listener | None = None

    def _slow(self, got: Got, say: Say) -> Say:
        """The server's answers come late, for kills to hit the time between telling and an answer; those of a server
        that was killed meanwhile do not come."""
        before = self.kills["pusher"]
        if PUBLIC.encode() in got.body:
            self._under_way += 1
        time.sleep(self.chance.uniform(0.3, 0.6))
        return say if before == self.kills["pusher"] else Say(lost=True)

    async def __aenter__(self) -> WatchDrill:
        database = self.demo.open_database
        self._cameras = await asyncio.to_thread(_add_cameras, database)
        key = await asyncio.to_thread(add_service_key, database, "detektor luar", WATCHED, by=DEMO)
        await asyncio.to_thread(self.demo.watch.rest, database)
        listening = await self._person("polsek")
        self.listener = await self._stack.enter_async_context(
            Listener(listening, self.demo.url, "officers-dashboard")
        )  # fmt: skip
        self.demo.relay.answer = self._slow
        self._deployed = await asyncio.to_thread(PusherClient, self.demo.pusher.port, [PUBLIC])
        acts = [self._detect(await self._person(OFFICER), {"X-API-Key": key}), self._officer(), self._clip()]
        acts += [self._phone(name) for name in PHONES]
        self._tasks = [asyncio.create_task(act) for act in acts]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        await self._stack.aclose()
        if self._deployed is not None:
            self._deployed.close()

    @property
    def statuses(self) -> set[int]:
        """Everything that anybody was answered."""
        return {status for person in self._people for status in person.statuses}

    async def kill(self, victim: str) -> None:
        """kill -9 of one of WATCH_VICTIMS; the Pusher server is started again after a moment, the rest by the house.

        The worker and that server are killed when the one has taken what the other has not heard the answer of, and
        while the channel's ear listens: with both gone at once an alarm may come twice (docs/decisions/0011).
        """
        if victim in ("work", "pusher"):
            since = datetime.now(UTC)
            await self.until(lambda: self._hears(since), "the channel hears itself", 90)
            before = self._under_way
            await self.until(lambda: self._under_way > before, "a public name is told", 60)
        if victim == "pusher":
            await asyncio.to_thread(self.demo.pusher.kill)
            self.kills[victim] += 1
            await asyncio.sleep(self.chance.uniform(0.2, 1.5))
            await asyncio.to_thread(self.demo.pusher.start)
            return
        await super().kill(victim)

    def _hears(self, since: datetime) -> bool:
        try:
            with self.demo.open_database.system() as connection:
                return bool(connection.execute(_HEARS, {"since": since}).scalar())
        except DBAPIError:  # PostgreSQL is on its way back
            return False

    async def goes_on(self, reports: int = 1, points: int = 2, timeout_s: float = 180.0) -> None:
        """Wait until so many further reports and positions are acknowledged."""
        record = self.record
        wanted = len(record.posted) + reports, len(record.points) + points
        done = lambda: len(record.posted) >= wanted[0] and len(record.points) >= wanted[1]  # noqa: E731
        await self.until(done, f"{reports} more reports and {points} more positions are taken", timeout_s)

    async def settle(self, *, patient: bool, timeout_s: float = 150.0) -> WatchHistory:
        """End the load, have everything told, and return the record.

        patient  wait until the leases of killed workers run out by themselves; else they are ended here
        """
        self._stop.set()
        await asyncio.gather(*self._tasks)
        assert self.listener is not None
        last = -1
        while last != (newest := await self.until(lambda: self._told(patient), "everything is told", timeout_s)):
            last = newest  # a slow detector may still open a report of the last clip
            await asyncio.sleep(1.0)  # what was just published is on its way to the socket
            await asyncio.to_thread(read_watch, self.demo.open_database, self.record)
        self.record.at_peer = Counter(self.demo.relay.taken)
        self.record.heard = set(self.listener.heard)
        assert self._deployed is not None
        self.record.shown = Counter(one["data"]["noticeId"] for one in self._deployed.so_far() if "event" in one)
        return self.record

    def so_far(self) -> str:
        return str({person.name: dict(person.statuses) for person in self._people})

    def _told(self, patient: bool) -> int:
        """The newest notice's id, once everything is told; 0 before."""
        try:
            with self.demo.open_database.system() as connection:
                if not patient:
                    connection.execute(_LEASES_END)
                return int(connection.execute(_TOLD).scalar() or 0)
        except DBAPIError:  # PostgreSQL is on its way back
            return 0

    # -- who acts -----------------------------------------------------------------------------------------------

    async def _person(self, name: str) -> Patient:
        person = Patient(self.demo.url, self.demo.watch.login(name))
        self._people.append(person)
        await self._stack.enter_async_context(person)
        return person

    async def _detect(self, program: Patient, headers: dict[str, str]) -> None:
        cameras = itertools.cycle(self._cameras)
        while not self._stop.is_set():
            number = next(self._numbers)
            client_id = f"drill-{number}"
            picture = base64.b64encode(draw_plate(f"B {number} UJI")).decode()
            report = {"title": "Pisau", "description": "", "location": "Jl. Kebon Kacang", "incident_type": "knife",
                      "report_image": picture}  # fmt: skip
            body = {"cctv_id": next(cameras), "client_id": client_id, "report": report}
            for _ in range(self.chance.choice((1, 1, 2))):  # or as one that did not hear the answer
                status, data = await program.ask("POST", "/deteksi", body, headers)
                if status != 201:
                    raise DrillFailed(f"/deteksi was answered {status}: {data}")
                self.record.posted.append((client_id, data["id"]))
            await asyncio.sleep(self.chance.uniform(0.6, 1.4))

    async def _officer(self) -> None:
        officer = await self._person(OFFICER)
        while not self._stop.is_set():
            new = (await officer.call("GET", "/officer/latest-report?status=new&limit=100"))["data"]
            free = await officer.call("GET", "/officer/available")
            if new and free:
                report, police = new[-1]["id"], free[0]["id"]
                status, _ = await officer.ask("POST", f"/officer/assign/{report}", {"officer_id": police})
                if status == 201:
                    self.record.sent.append((report, police))
                if self.chance.random() < 0.4:
                    await asyncio.sleep(self.chance.uniform(0.2, 1.0))
                    await self._recall(officer, report)
            elif len(new) > 4:
                await self._recall(officer, new[-1]["id"])
            await asyncio.sleep(0.4)

    async def _recall(self, officer: Patient, report: int) -> None:
        status, _ = await officer.ask(
            "POST", f"/officer/verify/{report}", {"status": "rejected", "reason_code": "test"}
        )
        if status == 200:
            self.record.recalled.append(report)

    async def _phone(self, name: str) -> None:
        phone = await self._person(name)
        while not self._stop.is_set():
            for row in (await phone.call("GET", "/police/report/active"))["data"]:
                await self._drive(phone, row["id"])
            await asyncio.sleep(0.3)

    async def _drive(self, phone: Patient, report: int) -> None:
        path = f"/police/report/{report}"
        await phone.ask("POST", f"{path}/answer", {"accept": True})
        for step in range(1, 5):
            share = step / 5
            point = {"latitude": HOME[0] + (PLACE[0] - HOME[0]) * share, "status": "on_the_way",
                     "longitude": HOME[1] + (PLACE[1] - HOME[1]) * share, "client_id": f"{report}-{step}"}  # fmt: skip
            for _ in range(1 + step % 2):
                status, _ = await phone.ask("POST", f"{path}/track", point)
                if status >= 300:
                    await phone.ask("POST", f"{path}/stop")  # called back
                    return
                self.record.points.append((report, f"{report}-{step}"))
            await asyncio.sleep(0.2)
        for status_ in ("arrived", "completed"):
            await phone.ask("POST", f"{path}/status", {"status": status_, "client_id": f"{report}-{status_}"})

    async def _clip(self) -> None:
        assert self.demo.camera is not None
        while not self._stop.is_set():
            self.demo.camera.show()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self.demo.camera.clip_s + 2)


def _add_cameras(database: Database) -> list[str]:
    with database.system() as connection:
        vendor = connection.scalar(select(vendors.c.id).where(vendors.c.vendor_code == WATCHED))
        owner = connection.scalar(select(owners.c.id).where(owners.c.username == "pemilik"))
        codes = [f"luar-{number}" for number in range(1, CAMERAS + 1)]
        rows = [{"vendor_id": vendor, "owner_id": owner, "device_code": code, "device_name": code, "maker": "generic",
                 "latitude": PLACE[0], "longitude": PLACE[1]} for code in codes]  # fmt: skip
        connection.execute(insert(devices), rows)
    return codes


_LEASES_END = text("""
UPDATE notice_deliveries SET lease_until = now() - interval '1 s'
 WHERE status = 'sending' AND lease_until < now() + interval '18 s'
""")
"""Twelve seconds after its claim, when no channel is asked any more: what is left belongs to a killed worker."""
_TOLD = text("""
SELECT max(id) FROM notices HAVING NOT EXISTS (SELECT 1 FROM notices WHERE planned_at IS NULL)
   AND NOT EXISTS (SELECT 1 FROM notice_deliveries WHERE status IN ('pending', 'sending'))
""")
_TELLINGS = text("""
SELECT r.id::text AS notice_id, n.id AS notice, n.kind, n.report_id AS report, r.role, d.channel, d.status, d.attempts,
       d.is_unsure, d.heard_at IS NOT NULL AS is_heard
  FROM notice_deliveries d JOIN notice_recipients r ON r.id = d.recipient_id JOIN notices n ON n.id = r.notice_id
 WHERE n.report_id IS NOT NULL
""")
_HEARS = text("SELECT EXISTS (SELECT 1 FROM notice_deliveries WHERE heard_at > :since)")
_SETTLED = text("SELECT count(*) FROM notice_deliveries WHERE receipt = 'heard'")


def read_watch(database: Database, record: WatchHistory) -> None:
    """Put what the tables hold into the record."""
    with database.system() as connection:
        record.reports = {row[0]: row[1] for row in connection.execute(text("SELECT id, status FROM reports"))}
        external = connection.execute(text("SELECT id, frames FROM reports WHERE source = 'external'"))
        record.frames = {row[0]: row[1] for row in external}
        points = connection.execute(text("SELECT report_id, client_id, count(*) FROM track_points GROUP BY 1, 2"))
        record.stored = Counter({(row[0], row[1]): row[2] for row in points})
        pairs = connection.execute(text("SELECT report_id, police_id FROM assignments"))
        record.assigned = [(row[0], row[1]) for row in pairs]
        opened = connection.execute(
            text("SELECT report_id, count(*) FROM report_events WHERE action = 'opened' GROUP BY 1")
        )
        record.opened = Counter({row[0]: row[1] for row in opened})
        record.settled = connection.execute(_SETTLED).scalar_one()
        record.tellings = [Told(**row) for row in connection.execute(_TELLINGS).mappings()]
