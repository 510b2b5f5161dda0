"""The demo's second flow: a camera of an owner, a station, police, and people who act like people, over REST alone.

`Watch` makes what is needed; `Watchers` are scripted: they see the alarm, check it, send somebody, drive, arrive, close
or recall.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
from sqlalchemy import func, select, update

from core.accounts.people import AccountError
from core.accounts.service import Accounts
from core.accounts.stations import add_station
from core.accounts.tables import devices, owners, police, vendors
from core.db.engine import Database
from core.domain.errors import TangkapinError
from core.incidents.cctv import add_cctv, approve_stream
from core.secrets import SecretBox
from core.testing.clip_camera import ClipCamera
from core.testing.world import DEMO, PEOPLE, WATCHED, Login

STATIONS = (
    ("Polsek Tanah Abang", -6.2016, 106.8098, "Jl. Penjernihan I No. 20"),
    ("Polsek Menteng", -6.1954, 106.8320, "Jl. Cut Nyak Dien No. 7"),
)
CAMERA = "Kasir Warung Kopi (simulasi)"
PLACE = (-6.1990, 106.8200)
HOME = (-6.2016, 106.8171)
"""Where the scripted patrol starts, about 430 m away: near enough for a drive of seconds that is no impossible jump."""
LEFT_TO_PEOPLE = 4
"""Open reports at most: whoever logs in finds work, and no mountain of it."""
FAKE = "klip sintetis: pisau yang digambar"


class WatchFailed(TangkapinError):
    """A step of the weapon flow did not happen, or not in time."""


class Watch:
    """The people and the camera; logins are the demo's. `open()` is safe to call at every start."""

    def __init__(self, logins: list[Login]) -> None:
        self.logins = logins

    def login(self, username: str) -> Login:
        """One of the accounts."""
        return next(login for login in self.logins if login.username == username)

    def open(self, database: Database, secret: str, box: SecretBox, camera_port: int) -> None:
        """Stations, accounts, and the camera, approved for its own address of this machine only."""
        for name, latitude, longitude, address in STATIONS:
            try:
                add_station(database, name, WATCHED, latitude=latitude, longitude=longitude, address=address, by=DEMO)
            except AccountError:
                continue  # from an earlier start
        accounts = Accounts(database, secret)
        for login in (self.login(name) for name, _, _ in PEOPLE):
            extra: dict[str, Any] = {} if login.role == "owner" else {"station": STATIONS[0][0]}
            if login.role == "police":
                extra |= {"vehicle_type": "motor", "license_plate": "B 1234 XYZ", "phone": "+62 812 0000 0000"}
            try:
                accounts.add_user(
                    login.username, login.password, role=login.role, vendor_code=WATCHED,  # type: ignore[arg-type]
                    full_name=f"Demo {login.username}", email=f"{login.username}@demo.example", by=DEMO, **extra,
                )  # fmt: skip
            except AccountError:
                accounts.set_password(login.username, login.password, by=DEMO)
        self._open_camera(database, box, camera_port)
        self.rest(database)

    def rest(self, database: Database) -> None:
        """The police are on duty at their starting point."""
        with database.system() as connection:
            connection.execute(
                update(police)
                .where(police.c.username.in_([login.username for login in self.logins if login.role == "police"]))
                .values(latitude=HOME[0], longitude=HOME[1], position_at=func.now(), status="available")
            )

    def _open_camera(self, database: Database, box: SecretBox, port: int) -> None:
        url = f"http://127.0.0.1:{port}/video"
        with database.system() as connection:
            vendor_id = connection.execute(select(vendors.c.id).where(vendors.c.vendor_code == WATCHED)).scalar_one()
            owner_id = connection.execute(select(owners.c.id).where(owners.c.username == "pemilik")).scalar_one()
            device_id = connection.execute(
                select(devices.c.id).where(devices.c.owner_id == owner_id, devices.c.device_name == CAMERA)
            ).scalar()
            if device_id is None:
                fields = {
                    "name": CAMERA, "location": "Jl. Kebon Kacang 9, Kec. Tanah Abang", "description": FAKE,
                    "latitude": PLACE[0], "longitude": PLACE[1], "stream_url": url, "stream_kind": "mjpeg",
                    "camera_type": "indoor",
                }  # fmt: skip
                device_id = add_cctv(connection, box, vendor_id, owner_id, fields, by=DEMO)
            else:
                connection.execute(update(devices).where(devices.c.id == device_id).values(stream_url=url))
            quick = {"detection": {"cooldown_s": 5.0, "repeat_s": 2.0}}
            connection.execute(update(devices).where(devices.c.id == device_id).values(settings=quick))
            approve_stream(connection, device_id, None, by=DEMO)


class Person:
    """Somebody at a REST client that knows the written contract only."""

    def __init__(self, url: str, login: Login) -> None:
        self.name = login.username
        self._url = url.rstrip("/") + "/api"
        self._login = login
        self._token = ""
        self._session = aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=30))

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, expect: int = 0) -> Any:
        """`data` of the answer; expect: the one status that is right (0: any success). Raises WatchFailed."""
        for _ in range(2):
            if not self._token:
                found = await self._send(
                    "POST", "/login", {"username": self._login.username, "password": self._login.password}
                )
                self._token = found[1]["data"]["token"]
            status, answer = await self._send(method, path, body)
            if status != 401:
                break
            self._token = ""
        right = status == expect if expect else status < 300
        if not right:
            raise WatchFailed(f"{self.name}: {method} {path} was answered {status}: {str(answer)[:300]}")
        return answer.get("data")

    async def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
            found = await answer.json(content_type=None)
            if path == "/login" and answer.status != 200:
                raise WatchFailed(f"log-in of {self.name} was answered {answer.status}: {str(found)[:200]}")
            return answer.status, found

    async def wait(self, what: str, path: str, find: Callable[[Any], Any], timeout_s: float = 30.0) -> Any:
        """Ask again and again until `find(data)` finds something. Raises WatchFailed."""
        deadline = time.monotonic() + timeout_s
        while True:
            data = await self.call("GET", path)
            found = find(data)
            if found:
                return found
            if time.monotonic() > deadline:
                raise WatchFailed(f"{self.name} waited {timeout_s:g} s for {what}; last: {str(data)[:300]}")
            await asyncio.sleep(0.25)


class Story(msgspec.Struct):
    """What one incident came to."""

    report_id: int
    distances: list[float] = msgspec.field(default_factory=list)
    status: str = ""
    evidence: int = 0
    told: dict[str, bool] = msgspec.field(default_factory=dict)
    stopped: bool = False


class Watchers:
    """The script. One incident at a time."""

    def __init__(self, url: str, watch: Watch, camera: ClipCamera, say: Callable[[str], None]) -> None:
        self.camera = camera
        self.say = say
        self.owner = Person(url, watch.login("pemilik"))
        self.officer = Person(url, watch.login("polsek.skrip"))
        self.patrol = Person(url, watch.login("patroli.skrip"))

    async def __aenter__(self) -> Watchers:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_sessions()

    async def close_sessions(self) -> None:
        """Nobody asks anything any more."""
        for person in (self.owner, self.officer, self.patrol):
            await person.__aexit__()

    async def reports(self) -> set[int]:
        """Ids of all reports that the officer sees on the first pages."""
        data = await self.officer.call("GET", "/officer/latest-report?limit=100")
        return {row["id"] for row in data["data"]}

    async def open_reports(self) -> list[int]:
        """Ids of reports that nobody has decided on yet."""
        data = await self.officer.call("GET", "/officer/latest-report?limit=100&status=new")
        return [row["id"] for row in data["data"]]

    async def watching(self, timeout_s: float = 60.0) -> None:
        """Wait until the camera is being read."""

        def online(data: Any) -> Any:
            return [row for row in data["data"] if row["name"] == CAMERA and row["status"] == "online"]

        await self.owner.wait("the camera to be online", "/cctv?limit=100", online, timeout_s)

    async def alarm(self, timeout_s: float = 60.0) -> Story:
        """A blade comes into the picture: a report with evidence opens and owner and officer are told."""
        before = await self.reports()
        self.camera.show()
        rows = await self.officer.wait(
            "a report", "/officer/latest-report?limit=100",
            lambda data: [row for row in data["data"] if row["id"] not in before and row["cctv_name"] == CAMERA],
            timeout_s,
        )  # fmt: skip
        story = Story(rows[0]["id"])
        detail = await self.officer.wait(
            "evidence", f"/officer/report/{story.report_id}", lambda data: data if data["evidences"] else None
        )
        story.evidence = len(detail["evidences"])
        self.say(f"report {story.report_id}: {detail['incident_type']} at {CAMERA}, {story.evidence} pictures")
        for person, path in ((self.owner, "/notification"), (self.officer, "/officer/notification")):
            await self._heard(person, path, story.report_id)
            story.told[person.name] = True
        return story

    async def send(self, story: Story, *, verify: bool = True) -> None:
        """A named officer checks the report and sends the patrol."""
        if verify:
            await self.officer.call("POST", f"/officer/verify/{story.report_id}", {"status": "verified"})
        near = await self.officer.call("GET", f"/officer/available?near={story.report_id}")
        chosen = next((row for row in near if row["name"] == f"Demo {self.patrol.name}"), None)
        if chosen is None:
            raise WatchFailed(f"the patrol is not among the available police: {str(near)[:200]}")
        await self.officer.call("POST", f"/officer/assign/{story.report_id}", {"officer_id": chosen["id"]})
        await self.officer.call("POST", f"/officer/assign/{story.report_id}", {"officer_id": chosen["id"]}, expect=409)
        await self.patrol.wait(
            "the assignment", "/police/report/active",
            lambda data: [row for row in data["data"] if row["id"] == story.report_id],
        )  # fmt: skip
        await self.patrol.call("POST", f"/police/report/{story.report_id}/answer", {"accept": True})
        self.say(f"report {story.report_id}: checked, {chosen['name']} is sent")

    async def drive(self, story: Story, *, steps: int = 8, pause_s: float = 0.3) -> None:
        """The patrol's phone sends where it is; the owner sees it come nearer."""
        for step in range(1, steps + 1):
            share = step / steps
            body = {
                "latitude": HOME[0] + (PLACE[0] - HOME[0]) * share, "longitude": HOME[1] + (PLACE[1] - HOME[1]) * share,
                "status": "on_the_way", "client_id": f"{story.report_id}-{step}",
            }  # fmt: skip
            await self.patrol.call("POST", f"/police/report/{story.report_id}/track", body)
            if step == 1:  # a phone that did not hear the answer sends again
                await self.patrol.call("POST", f"/police/report/{story.report_id}/track", body)
            track = await self.owner.call("GET", f"/report/{story.report_id}/track")
            nearest = [point["distance"] for point in track["tracking"] if point["distance"] is not None]
            story.distances.append(min(nearest))
            await asyncio.sleep(pause_s)
        self.say(f"report {story.report_id}: the owner saw {', '.join(f'{d:.0f} m' for d in story.distances)}")

    async def close(self, story: Story) -> None:
        """Arrived, looked after, closed."""
        path = f"/police/report/{story.report_id}/status"
        await self.patrol.call("POST", path, {"status": "arrived"})
        await self.patrol.call(
            "POST", f"/reports/{story.report_id}/messages", {"kind": "note", "body": "Lokasi aman, pisau diamankan."}
        )
        await self.patrol.call("POST", path, {"status": "completed", "description": "Selesai."})
        story.status = (await self.owner.call("GET", f"/report/{story.report_id}"))["status"]
        self.say(f"report {story.report_id}: {story.status}")

    async def recall(self, story: Story, reason: str = "false_alarm") -> None:
        """There was nothing: everybody who was told hears it, and the patrol stops."""
        path = f"/officer/verify/{story.report_id}"
        await self.officer.call("POST", path, {"status": "rejected", "reason": reason})
        for person, list_ in (
            (self.owner, "/notification"),
            (self.patrol, "/police/notification"),
        ):
            await self._heard(person, list_, story.report_id, recalled=True)
            story.told[f"{person.name} (recall)"] = True
        rows = await self.patrol.call("GET", "/police/report/active")
        story.stopped = any(row["id"] == story.report_id for row in rows["data"])
        await self.patrol.call("POST", f"/police/report/{story.report_id}/status", {"status": "arrived"}, expect=409)
        await self.patrol.call("POST", f"/police/report/{story.report_id}/stop")
        story.status = (await self.owner.call("GET", f"/report/{story.report_id}"))["status"]
        self.say(f"report {story.report_id}: recalled, all who were told have heard it")

    async def _heard(self, person: Person, path: str, report_id: int, *, recalled: bool = False) -> None:
        def find(data: Any) -> Any:
            rows = [row for row in data["data"] if row.get("report_id") == report_id]
            return rows if not recalled else [row for row in rows if row.get("kind") == "recalled"]

        await person.wait(f"a notice of report {report_id}", f"{path}?limit=50", find)


async def keep_watch(watchers: Watchers, stop: asyncio.Event, *, pause_s: float = 60.0) -> None:
    """Incidents without an end, for the live demo: one is driven to, one is recalled, one is left to people."""
    number = 0
    while not stop.is_set():
        try:
            await watchers.watching()
            if len(await watchers.open_reports()) < LEFT_TO_PEOPLE:
                story = await watchers.alarm()
                if number % 3 == 0:
                    await watchers.send(story)
                    await watchers.drive(story, pause_s=3.0)
                    await watchers.close(story)
                elif number % 3 == 1:
                    await watchers.send(story, verify=False)
                    await watchers.recall(story, "test")  # a false alarm would keep the camera silent for ten minutes
                number += 1
        except (WatchFailed, aiohttp.ClientError, TimeoutError) as error:
            watchers.say(f"{error}"[:120])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
