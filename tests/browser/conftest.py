"""One server and one browser for each module of these tests: Playwright's loop must not outlive the module."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from core.accounts.passwords import hash_password
from core.accounts.tables import admins, devices, officers, owners, police, stations
from core.app import with_sockets
from core.db.engine import Database
from core.incidents.tables import assignments, track_points
from core.testing.chromium import Visitor, chromium
from core.testing.review import PASSWORD, Person, World
from core.web.client import DIST

TABLES = {"officer": officers, "admin": admins, "owner": owners, "police": police}
HERE = (-6.1200, 106.1500)
EVIL = "<img src=x onerror=window.struck=1>"
PATIENCE_MS = 40_000
"""What a socket or an outbox brings is there at once, on a busy machine later."""

expect.set_options(timeout=PATIENCE_MS)


class Site:
    """A small world behind a real socket, and accounts whose password is PASSWORD."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url
        self._hash = hash_password(PASSWORD)

    def person(self, role: str, username: str) -> str:
        return self.account(role, username).username

    def account(self, role: str, username: str, **columns: Any) -> Person:
        mine = {} if role == "admin" else {"vendor_id": self.world.banten}
        made: Person = self.world._person(role, TABLES[role], username, password_hash=self._hash, **mine, **columns)
        return made


class Street:
    """A shop with a camera, its owner whose name is no name, two policemen, the nearer one two kilometres away."""

    def __init__(self, site: Site) -> None:
        self.site = site
        mine: dict[str, Any] = {"vendor_id": site.world.banten}
        place = {"latitude": HERE[0], "longitude": HERE[1]}
        site.world._add(stations, name="Polres Serang", **mine, **place)
        self.owner = site.account("owner", "sri", full_name=f"Sri {EVIL}", email="sri@toko.example", phone="0811",
                                  address="Jl. Veteran 3")  # fmt: skip
        self.camera = site.world._add(devices, **mine, **place, device_code="toko-1", device_name=f"Toko {EVIL}",
                                      location="Jl. Veteran", maker="generic", owner_id=self.owner.id)  # fmt: skip
        self.police = self._policeman("tono", HERE[0] + 0.018)
        self._policeman("rudi", HERE[0] + 0.05)
        self.officers = [site.account("officer", "ani"), site.account("officer", "budi")]

    def _policeman(self, name: str, latitude: float) -> Person:
        return self.site.account(
            "police", name, status="available", latitude=latitude, longitude=HERE[1], vehicle_type="motor",
            license_plate="1234-IV", phone="0812", position_at=datetime.now(UTC),
        )  # fmt: skip

    def ask(self, person: Person, method: str, path: str, body: Any = None) -> Any:
        """The answer's data, for somebody at another client."""
        request = urllib.request.Request(
            f"{self.site.url}/api{path}", None if body is None else json.dumps(body).encode(), method=method,
            headers=person.headers | {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]

    def act(self, path: str, body: Any) -> Any:
        return self.ask(self.police, "POST", path, body)

    def report(self, title: str) -> int:
        buffer = io.BytesIO()
        Image.effect_noise((320, 200), 60).convert("RGB").save(buffer, "JPEG")
        body = {"title": title, "description": EVIL, "location": "Jl. Veteran", "incident_type": "knife",
                "cctv_id": self.camera, "report_image": base64.b64encode(buffer.getvalue()).decode()}  # fmt: skip
        return int(self.ask(self.owner, "POST", "/report", body)["id"])

    def sent(self, title: str) -> int:
        """A report that Tono is offered."""
        report = self.report(title)
        self.ask(self.officers[0], "POST", f"/officer/assign/{report}", {"officer_id": self.police.id})
        return report

    def recall(self, report: int) -> None:
        order = {"status": "rejected", "reason_code": "test"}
        self.ask(self.officers[0], "POST", f"/officer/verify/{report}", order)

    def end_all(self) -> None:
        """Nobody is sent anywhere any more."""
        is_open = assignments.c.status.in_(("offered", "accepted", "on_the_way", "arrived"))
        for row in self.site.world.execute(select(assignments.c.report_id).where(is_open)):
            self.recall(row["report_id"])
        waits = (assignments.c.status == "recalled") & assignments.c.stop_acknowledged_at.is_(None)
        for row in self.site.world.execute(select(assignments.c.report_id).where(waits)):
            self.act(f"/police/report/{row['report_id']}/stop", {})

    def assignment(self, report: int) -> Any:
        return self.site.world.execute(select(assignments).where(assignments.c.report_id == report))[0]

    def points(self, report: int) -> list[Any]:
        return list(self.site.world.execute(select(track_points).where(track_points.c.report_id == report)))


@pytest.fixture(scope="module")
def host() -> Any:
    """The plugins of the house; None: nobody but one who listens. A module of tests may have its own."""
    return None


@pytest.fixture(scope="module")
def site(
    fresh_database: Callable[..., AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory, host: Any
) -> Iterator[Site]:
    assert (DIST / "index.html").exists(), "the client is not built: `make client`"
    with fresh_database() as database_url:
        database = Database(database_url)
        world = World(database, Path(tmp_path_factory.mktemp("site")))
        world.host = host or world.host
        config = uvicorn.Config(
            with_sockets(world.app()),
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="on",
            ws="websockets-sansio",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="site", daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Site(world, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join(10)
        database.dispose()


@pytest.fixture(scope="module")
def place(site: Site) -> Street:
    return Street(site)


@pytest.fixture
def street(place: Street) -> Iterator[Street]:
    """The street; afterwards nobody is on the way."""
    yield place
    place.end_all()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """visit(**context) -> a Visitor. Afterwards: no complaint of the console, nothing asked of another host."""
    visitors: list[Visitor] = []

    def make(**context: Any) -> Visitor:
        visitors.append(Visitor(browser, site.url, **context))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.close()
    assert [] == [line for visitor in visitors for line in visitor.complaints]
    assert [] == [address for visitor in visitors for address in visitor.outside]
