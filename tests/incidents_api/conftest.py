"""A town with two agencies: owners, officers, police, admins, a detector's key; one application for each module."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from PIL import Image
from sqlalchemy import select, update

from core.accounts.audit import Actor
from core.accounts.service_keys import add_service_key
from core.accounts.tables import devices, owners, police, stations
from core.db.engine import Database
from core.incidents.tables import reports
from core.testing.review import Person, World

HERE = (-6.1200, 106.1500)


def jpeg(shade: int = 90, size: tuple[int, int] = (32, 24)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, "JPEG")
    return buffer.getvalue()


class MemoryPreviews:
    """Newest pictures by camera, as the detect process would lay them down."""

    def __init__(self) -> None:
        self.pictures: dict[int, bytes] = {}
        self.asked: list[int] = []

    def want(self, device_id: int) -> None:
        self.asked.append(device_id)

    def newest(self, device_id: int) -> bytes | None:
        return self.pictures.get(device_id)


class Town(World):
    """`sri` and `joko` own cameras in Banten, `made` one in Bali; Banten's staff and police have a station."""

    def __init__(self, database: Database, home: Path) -> None:
        super().__init__(database, home)
        self.configure(docs_enabled=False)  # the description takes a second to make and is tested elsewhere
        self.previews = MemoryPreviews()
        place = {"latitude": HERE[0], "longitude": HERE[1]}
        self.station = self._add(stations, vendor_id=self.banten, name="Polres Serang", **place)
        self._add(stations, vendor_id=self.bali, name="Polres Denpasar", latitude=-8.65, longitude=115.22)
        self.sri = self.owner(self.banten)
        self.joko = self.owner(self.banten)
        self.made = self.owner(self.bali)
        self.ani = self.officer(self.banten)
        self.wayan = self.officer(self.bali)
        self.tono = self.policeman()
        self.rudi = self.policeman()
        self.ketut = self.policeman(self.bali)
        self.kepala = self.admin(self.banten)
        self.ibu_bali = self.admin(self.bali)
        self.nasional = self.admin()
        self.cctv = self.cctv_of(self.sri, self.banten)
        self.cctv_joko = self.cctv_of(self.joko, self.banten)
        self.cctv_bali = self.cctv_of(self.made, self.bali)
        self.key = add_service_key(database, "detektor luar", "polda-banten", by=Actor("cli"))
        self.key_bali = add_service_key(database, "detektor bali", "polda-bali", by=Actor("cli"))

    def owner(self, vendor_id: int) -> Person:
        """An owner of cameras."""
        self._n += 1
        return self._person("owner", owners, f"owner-{self._n}", vendor_id=vendor_id, email=f"o{self._n}@toko.example",
                            phone="0811", address="Jl. Veteran 3")  # fmt: skip

    def policeman(self, vendor_id: int | None = None, **columns: Any) -> Person:
        """Available police two kilometres away."""
        self._n += 1
        values = {"vendor_id": vendor_id or self.banten, "status": "available", "latitude": HERE[0] + 0.018,
                  "longitude": HERE[1], "vehicle_type": "motor", "license_plate": "1234-IV", "phone": "0812",
                  "position_at": datetime.now(UTC)}  # fmt: skip
        return self._person("police", police, f"police-{self._n}", **(values | columns))

    def cctv_of(self, owner: Person, vendor_id: int, **columns: Any) -> int:
        """A camera of an owner."""
        self._n += 1
        values = {"device_code": f"cctv-{self._n}", "device_name": f"Depan toko {self._n}", "location": "Jl. Veteran",
                  "vendor_id": vendor_id, "maker": "generic", "owner_id": owner.id, "latitude": HERE[0],
                  "longitude": HERE[1]}  # fmt: skip
        return self._add(devices, **(values | columns))

    def report(self, client: Any, owner: Person | None = None, **fields: Any) -> int:
        """A new manual report of an owner's camera with a picture, through the API."""
        owner = owner or self.sri
        camera = {self.sri.id: self.cctv, self.joko.id: self.cctv_joko, self.made.id: self.cctv_bali}[owner.id]
        self._n += 1
        picture = base64.b64encode(jpeg(self._n % 200)).decode()
        body = {"title": f"Orang membawa pisau {self._n}", "description": "Di depan toko", "location": "Jl. Veteran",
                "incident_type": "knife", "cctv_id": camera, "report_image": picture}  # fmt: skip
        self.execute(update(reports).values(created_at=datetime(2026, 1, 1, tzinfo=UTC)))  # not in each other's way
        answer = client.post("/api/report", json=body | fields, headers=owner.headers)
        assert 201 == answer.status_code, answer.text
        return int(answer.json()["data"]["id"])

    def sent(self, client: Any, to: Person | None = None) -> tuple[int, Person]:
        """A report, and police (new ones) sent there."""
        to = to or self.policeman()
        report_id = self.report(client)
        answer = client.post(
            f"/api/officer/assign/{report_id}", json={"officer_id": to.id}, headers=self.ani.headers
        )  # fmt: skip
        assert 201 == answer.status_code, answer.text
        return report_id, to

    def status_of(self, report_id: int) -> str:
        """As stored."""
        return str(self.execute(select(reports.c.status).where(reports.c.id == report_id))[0]["status"])

    def vendor_of(self, table: Any, row_id: int) -> int:
        """Whose row it is."""
        return int(self.execute(select(table.c.vendor_id).where(table.c.id == row_id))[0]["vendor_id"])


@pytest.fixture(scope="module")
def town(fresh_database: Callable[..., AbstractContextManager[str]], tmp_path_factory: Any) -> Iterator[Town]:
    with fresh_database() as url:
        database = Database(url)
        yield Town(database, tmp_path_factory.mktemp("town"))
        database.dispose()


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient[Any]]:
    with town.client(previews=town.previews) as client:
        yield client


@pytest.fixture
def draw() -> Callable[..., bytes]:
    """jpeg(shade, size) as bytes."""
    return jpeg
