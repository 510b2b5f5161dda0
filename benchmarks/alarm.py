"""From a camera's picture to people's sockets, by the real thing: `serve`'s processes, the default detector, MJPEG
cameras on loopback, and open websockets of an owner, two officers and a patrol.

An alarm's start is when the camera sent the frame that confirmed it, an act's start is before its HTTP request; the end
is the event on a socket. One clock, that of this machine.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update

from benchmarks.house import House
from core.accounts.tables import devices, owners, vendors
from core.accounts.vendors import add_vendor
from core.incidents.cctv import add_cctv, approve_stream
from core.ingest.devices import SYSTEM
from core.secrets import SecretBox
from core.settings import Settings
from core.testing.clip_camera import QUIET_FRAMES, ClipCamera, jpegs_of
from core.testing.listener import Listener
from core.testing.watch import CAMERA, PLACE, Person, Watch
from core.testing.world import DEMO, PEOPLE, WATCHED, Login

CAMERAS, FPS = 4, 5.0
HD = (1280, 720)
SHOWN = (*range(36, 60), *range(59, 35, -1))
"""Frames of the clip with the blade, to and fro: ten seconds at FPS, and gone as soon as the alarm was heard."""
PAUSE_S = 5.0
"""Between two alarms: the cooldown is over, the pictures with the blade have left the window of eight."""
MOMENTS = (
    "SELECT extract(epoch FROM incident_at)::float8 FROM reports WHERE id = :id",
    "SELECT extract(epoch FROM created_at)::float8 FROM reports WHERE id = :id",
    "SELECT extract(epoch FROM min(planned_at))::float8 FROM notices WHERE report_id = :id",
)
"""The confirming frame was taken; the report was begun; the notice was planned."""
RULES = {"detection": {"cooldown_s": 1.0, "repeat_s": 1.0}}
PLUGINS = """\
hooks = 1
[plugin.weapon_nanodet]
use = "detectors.weapon_nanodet"
[plugin.websocket]
use = "notifiers.websocket"
"""


class HdCamera(ClipCamera):
    """720p. Quiet it shows one picture, or a person-sized shade that walks through it; `sent`: when, Unix seconds."""

    def __init__(self, *, restless: bool) -> None:
        super().__init__(fps=FPS)
        self._quiet, self._blade, self._walk = _pictures()
        self._restless = restless
        self._number = 0
        self.sent: list[float] = []

    def frame(self) -> bytes:
        """The next one."""
        self._number += 1
        with self._lock:
            since = None if self._playing_from is None else time.monotonic() - self._playing_from
        at = None if since is None else int(since * FPS)
        self.sent.append(time.time())
        if at is not None and at < len(self._blade):
            return self._blade[at]
        return self._walk[self._number % len(self._walk)] if self._restless else self._quiet

    def hide(self) -> None:
        """The blade is gone."""
        with self._lock:
            self._playing_from = None

    def sent_before(self, moment: float) -> float:
        """When the newest frame before that moment was sent."""
        return self.sent[bisect.bisect_right(self.sent, moment) - 1]


def _pictures() -> tuple[bytes, list[bytes], list[bytes]]:
    import cv2
    import numpy

    def big(jpeg: bytes) -> Any:
        return cv2.resize(cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR), HD)

    def packed(image: Any) -> bytes:
        return bytes(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes())

    clip = jpegs_of()
    quiet = big(clip[QUIET_FRAMES // 2])
    walk = []
    for x in range(0, HD[0] - 120, 60):
        picture = quiet.copy()
        cv2.rectangle(picture, (x, 100), (x + 120, 420), (90, 90, 90), -1)
        walk.append(packed(picture))
    return packed(quiet), [packed(big(clip[number])) for number in SHOWN], walk


class AlarmHouse(House):
    """The watched agency with its people, and four cameras of one owner."""

    def open(self, cameras: list[HdCamera]) -> Watch:
        self.plugins_file.write_text(PLUGINS)
        settings = Settings(home=self.folder / "home")
        settings.home.mkdir(exist_ok=True)
        add_vendor(self.database, WATCHED, name="Polda Metro Jaya", region="DKI Jakarta", by=SYSTEM)
        watch = Watch([Login(name, "tiga-ratus-kilogram-beras", role, WATCHED) for name, role, _ in PEOPLE])
        box = SecretBox(settings.signing_key())
        watch.open(self.database, settings.signing_key().reveal(), box, cameras[0].port)
        with self.database.system() as connection:
            vendor = connection.scalar(select(vendors.c.id).where(vendors.c.vendor_code == WATCHED))
            owner = connection.scalar(select(owners.c.id).where(owners.c.username == "pemilik"))
            assert vendor is not None and owner is not None
            for number, camera in enumerate(cameras[1:], 2):
                fields = {"name": f"{CAMERA} {number}", "location": "Jl. Kebon Kacang 9", "latitude": PLACE[0],
                          "longitude": PLACE[1], "stream_url": camera.url, "stream_kind": "mjpeg"}  # fmt: skip
                approve_stream(connection, add_cctv(connection, box, vendor, owner, fields, by=DEMO), None, by=DEMO)
            connection.execute(update(devices).values(settings=RULES))
        return watch

    def stats(self) -> Counter[str]:
        """Sums over all cameras and detectors so far; the detect process writes them every few seconds."""
        names = ("frames_read", "frames_still", "frames_skipped", "frames_detected", "latency_us")
        query = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in names)
        with self.database.system() as connection:
            row = connection.execute(text(f"SELECT {query} FROM detection_stats")).mappings().one()
        return Counter({name: int(row[name]) for name in names})


class Crew:
    """The people of a run, with open apps."""

    def __init__(self, url: str, watch: Watch) -> None:
        self.owner = Listener(Person(url, watch.login("pemilik")), url)
        self.officer = Listener(Person(url, watch.login("polsek")), url, "officers-dashboard")
        self.second = Listener(Person(url, watch.login("polsek.skrip")), url)
        self.patrol = Listener(Person(url, watch.login("patroli")), url)
        self.all = (self.owner, self.officer, self.second, self.patrol)

    async def incident(self, house: AlarmHouse, camera: HdCamera, figures: dict[str, list[Any]]) -> None:
        """An alarm, checked, a patrol sent, called back."""
        before = set(self.officer.heard)
        camera.show()
        report_id = await self._alarm(before)
        heard = await self.officer.wait(report_id, "weapon_detected")
        camera.hide()
        at, opened, told = [await asyncio.to_thread(house.scalar, query, id=report_id) for query in MOMENTS]
        sent = camera.sent_before(at)
        figures["alarm"].append(heard.at - sent)
        figures["steps"].append([round(one, 2) for one in (at - sent, opened - at, told - opened, heard.at - told)])
        act = self.second.me
        await act.call("POST", f"/officer/verify/{report_id}", {"status": "verified"})
        near = await act.call("GET", f"/officer/available?near={report_id}")
        police = next(row["id"] for row in near if row["name"] == f"Demo {self.patrol.me.name}")
        start = time.time()
        await act.call("POST", f"/officer/assign/{report_id}", {"officer_id": police})
        figures["dispatch"].append((await self.patrol.wait(report_id, "assigned")).at - start)
        start = time.time()
        await act.call("POST", f"/officer/verify/{report_id}", {"status": "rejected", "reason_code": "test"})
        ends = [(await who.wait(report_id, "recalled")).at for who in self.all]
        figures["recall"].append(max(ends) - start)
        await self.patrol.me.call("POST", f"/police/report/{report_id}/stop")

    async def _alarm(self, before: set[str], timeout_s: float = 30.0) -> int:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for one in self.officer.heard.values():
                if one.id not in before and one.data["kind"] == "weapon_detected":
                    return int(one.data["reportId"])
            await asyncio.sleep(0.01)
        raise TimeoutError("no alarm came")


def run(folder: Path, *, alarms: int) -> dict[str, Any]:
    """{"one moves" | "all move": {"alarm", "dispatch", "recall": [seconds], "frames": {…}}}."""
    return {name: _load(folder / name.replace(" ", "-"), name == "all move", alarms)
            for name in ("one moves", "all move")}  # fmt: skip


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n## alarm: {CAMERAS} MJPEG cameras, {HD[0]}x{HD[1]} at {FPS:g} frames a second; seconds, median / p95 (n)")
    print(f"{'cameras':10} {'frame → officer':>20} {'sent → police':>20} {'recall → everybody':>20}  frames")
    for name, row in found.items():
        cells = " ".join(f"{_cell(row[what]):>20}" for what in ("alarm", "dispatch", "recall"))
        print(f"{name:10} {cells}  {row['frames']}")
        slowest = max(range(len(row["alarm"])), key=row["alarm"].__getitem__)
        print(f"{'':10} slowest alarm: sent, taken, opened, planned, heard: {row['steps'][slowest]}")


def _cell(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} / {p95(values):.2f} ({len(values)})"


def p95(values: list[float]) -> float:
    """The nearest rank."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]


def _load(folder: Path, restless: bool, alarms: int) -> dict[str, Any]:
    cameras = [HdCamera(restless=restless) for _ in range(CAMERAS)]
    with contextlib.ExitStack() as stack:
        for camera in cameras:
            stack.enter_context(camera)
        house = stack.enter_context(AlarmHouse(folder))
        watch = house.open(cameras)
        house.start("ingest")
        house.start("work")
        house.start("detect")
        return asyncio.run(_measure(house, watch, cameras if restless else cameras[:1], alarms))


async def _measure(house: AlarmHouse, watch: Watch, shown: list[HdCamera], alarms: int) -> dict[str, Any]:
    figures: dict[str, list[Any]] = {"alarm": [], "steps": [], "dispatch": [], "recall": []}
    crew = Crew(f"http://127.0.0.1:{house.port}", watch)
    async with contextlib.AsyncExitStack() as stack:
        for who in crew.all:
            await stack.enter_async_context(who.me)
            await stack.enter_async_context(who)
        await _all_read(crew.owner.me)
        await asyncio.to_thread(watch.rest, house.database)
        await asyncio.sleep(3 * PAUSE_S)  # the model is warm, the first frames are through
        before, began = house.stats(), time.monotonic()
        for number in range(alarms):
            await crew.incident(house, shown[number % len(shown)], figures)
            await asyncio.sleep(PAUSE_S)
        spent = time.monotonic() - began
        after = house.stats()
    counted = {name: after[name] - before[name] for name in after}
    looked = counted["frames_detected"]
    frames = {
        "read": counted["frames_read"], "still": counted["frames_still"], "looked_at": looked,
        "skipped": counted["frames_skipped"], "seconds": round(spent, 1),
        "frame_to_verdict_ms": round(counted["latency_us"] / 1000 / max(1, looked)),
    }  # fmt: skip
    return figures | {"frames": frames}


async def _all_read(owner: Person) -> None:
    def online(data: Any) -> Any:
        return len([row for row in data["data"] if row["status"] == "online"]) == CAMERAS

    await owner.wait(f"{CAMERAS} cameras online", "/cctv?limit=100", online, 90.0)
