import io
import itertools
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import insert, select, update

from core.accounts.principal import Principal, ServicePrincipal
from core.accounts.tables import audit_log, devices, officers, owners, police, stations
from core.db.engine import Database
from core.domain.frames import Box, Sighting
from core.domain.incidents import IncidentType
from core.domain.observations import Device
from core.incidents.detected import Detected, EvidenceFrame
from core.incidents.service import ManualReport, Reports
from core.incidents.tables import report_events, reports
from core.settings import Settings

_towns = itertools.count(1)
MONAS = (-6.175392, 106.827153)
"""Where the incidents of the tests are."""


class MemoryStore:
    """Evidence bytes by reference, in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def append(self, blobs):
        refs = []
        for blob in blobs:
            refs.append(f"seg:test:{len(self.blobs)}:{len(blob)}")
            self.blobs[refs[-1]] = bytes(blob)
        return refs

    def read(self, ref, offset=0, size=None):
        data = self.blobs[ref]
        return data[offset:] if size is None else data[offset : offset + size]


class Town:
    """One agency with a station, an officer, an owner with a camera, and as many police as a test asks for."""

    def __init__(self, database, make_vendor) -> None:
        self.database = database
        self._make_vendor = make_vendor
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.told: list[dict[str, Any]] = []
        self.store = MemoryStore()
        self.n = next(_towns)
        self.code = f"polda-{self.n}"
        self.vendor = make_vendor(database, self.code)
        self.station = self.add(stations, name="Polsek Gambir", latitude=-6.17, longitude=106.82)
        self.owner = self.person("owner", latitude=MONAS[0], longitude=MONAS[1])
        self.officer = self.person("officer", station_id=self.station)
        self.camera = self.add(
            devices, device_code=f"monas-{self.n}", device_name="Monas Utara", location="Jl. Merdeka Utara",
            maker="generic",
            latitude=MONAS[0], longitude=MONAS[1], owner_id=self.owner.id,
        )  # fmt: skip
        self.reports = self.service()

    def service(self, **more: Any) -> Reports:
        return Reports(
            self.database, self.store, settings=Settings(max_upload_bytes=1024 * 1024),
            **{"announce": self.announce, "clock": lambda: self.now, **more},
        )  # fmt: skip

    def announce(self, connection, **told):
        self.told.append(told)

    def kinds(self):
        return [told["kind"] for told in self.told]

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def add(self, table, **values):
        with self.database.system() as connection:
            values = {"vendor_id": self.vendor, **values}
            return connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()

    def person(self, role: str, *, vendor: int | None = None, **columns: Any) -> Principal:
        table = {"owner": owners, "officer": officers, "police": police}[role]
        vendor = vendor or self.vendor
        username = f"{role}-{next(_towns)}"
        values = {"username": username, "full_name": username.title(), "password_hash": "-", "vendor_id": vendor}
        number = self.add(table, **values, **columns)
        return Principal(
            role=role, id=number, username=username, name=username.title(), vendor_id=vendor, vendor_ids=(vendor,),
            jti="-", expires_at=self.now + timedelta(hours=1),
        )  # fmt: skip

    def police(self, place=(-6.18, 106.83), **columns: Any) -> Principal:
        values = {"status": "available", "latitude": place[0], "longitude": place[1], **columns}
        return self.person("police", **values)

    def elsewhere(self) -> int:
        """Another agency."""
        return self._make_vendor(self.database, f"polda-lain-{self.n}")

    def key(self, scope: str = "detection", vendor: int | None = None) -> ServicePrincipal:
        return ServicePrincipal(id=1, name="detektor-luar", vendor_id=vendor or self.vendor, scope=scope)

    def report(self, **more: Any) -> int:
        """One that the owner wrote, new."""
        given = {"title": "Orang membawa pisau", "location": "Monas", "incident_type": IncidentType.KNIFE} | more
        return self.reports.open_manual(self.owner, ManualReport(**{"cctv_id": self.camera, **given}))

    def sent(self, report_id: int | None = None, **more: Any) -> tuple[int, Principal]:
        """A report with police on it."""
        report_id = report_id or self.report()
        chosen = self.police(**more)
        self.reports.assign(self.officer, report_id, chosen.id)
        return report_id, chosen

    def detected(self, colour: int = 0, **more: Any) -> Detected:
        device = Device(id=self.camera, code="monas-1", maker="generic", vendor_id=self.vendor, vendor_code=self.code)
        seen = Sighting(label="knife", score=0.8, box=Box(x=0.1, y=0.1, width=0.2, height=0.2),
                        incident_type=IncidentType.KNIFE)  # fmt: skip
        frame = EvidenceFrame(
            original=jpeg(colour), annotated=jpeg(colour + 120), taken_at=self.now, sightings=(seen,)
        )  # fmt: skip
        values = {
            "device": device, "incident_type": IncidentType.KNIFE, "is_confirmed": True, "at": self.now,
            "frames": (frame,), "best_score": 0.8, "looked_at": 8, "positive": 5, "model": "nanodet",
            "model_sha256": "ab" * 32,
        }  # fmt: skip
        return Detected(**values | more)

    def row(self, report_id: int):
        return self.first(reports, reports.c.id == report_id)

    def first(self, table, *wanted):
        return self.all(table, *wanted)[0]

    def all(self, table, *wanted):
        with self.database.system() as connection:
            query = select(table).where(table.c.vendor_id == self.vendor, *wanted)
            return connection.execute(query.order_by(*table.primary_key)).mappings().all()

    def set(self, table, number: int, **values: Any) -> None:
        with self.database.system() as connection:
            connection.execute(update(table).where(table.c.id == number).values(**values))

    def timeline(self, report_id: int) -> list[str]:
        return [row["action"] for row in self.all(report_events, report_events.c.report_id == report_id)]

    def audited(self, report_id: int) -> list[str]:
        rows = self.all(audit_log, audit_log.c.object_kind == "report", audit_log.c.object_id == report_id)
        return [row["action"].removeprefix("report_") for row in rows]


def jpeg(colour: int = 0, size: tuple[int, int] = (32, 24)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (colour % 256, 40, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


def run_at_once(*acts):
    """Let the acts run at the same moment, each with a connection of its own; what each returned or raised."""
    gate = threading.Barrier(len(acts))
    found: list[Any] = [None] * len(acts)

    def run(place, act):
        gate.wait()
        try:
            found[place] = act()
        except Exception as error:
            found[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.fixture
def race():
    """race(*acts) -> what each returned or raised."""
    return run_at_once


@pytest.fixture(scope="module")
def shared_database(fresh_database):
    """One database for all tests of a module: each has an agency of its own in it."""
    with fresh_database() as url:
        opened = Database(url)
        yield opened
        opened.dispose()


@pytest.fixture
def town(shared_database, make_vendor) -> Town:
    return Town(shared_database, make_vendor)


@pytest.fixture
def picture():
    """picture(colour=0, size=…) -> JPEG bytes."""
    return jpeg


@pytest.fixture
def monas() -> tuple[float, float]:
    return MONAS
