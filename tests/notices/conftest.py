from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, insert, select

from core.accounts.tables import admins, devices, officers, owners, police, stations
from core.db.engine import Database
from core.incidents.tables import assignments, reports
from core.notices.service import announce
from core.notices.tables import notice_recipients, notices


class Scene:
    """A vendor with a station, two officers there and one elsewhere, an owner with a camera, and a report."""

    def __init__(self, database: Database, vendor_id: int) -> None:
        self.database = database
        self.vendor = vendor_id
        self.station = self.add(stations, name="Polsek Gambir", latitude=-6.17, longitude=106.82)
        self.far = self.add(stations, name="Polsek Tebet", latitude=-6.23, longitude=106.85)
        self.officer = self.person(officers, "rani", station_id=self.station)
        self.second = self.person(officers, "budi", station_id=self.station)
        self.elsewhere = self.person(officers, "tono", station_id=self.far)
        self.admin = self.person(admins, "sari")
        self.owner = self.person(owners, "wati")
        self.police = self.person(police, "agus", station_id=self.station)
        self.camera = self.add(
            devices, device_code="cam-1", maker="generic", device_name="Toko Wati", owner_id=self.owner
        )
        self.report = self.new_report()

    def add(self, table: Table, **values: Any) -> int:
        with self.database.system() as connection:
            query = insert(table).values(vendor_id=self.vendor, **values).returning(table.c.id)
            return int(connection.execute(query).scalar_one())

    def person(self, table: Table, name: str, **values: Any) -> int:
        return self.add(table, username=name, password_hash="x", **values)

    def new_report(self, **values: Any) -> int:
        return self.add(
            reports, **{
                "title": "Orang membawa pisau", "location": "Jl. Merdeka 5, Kecamatan Gambir, Jakarta",
                "incident_type": "knife", "source": "detection", "device_id": self.camera, "owner_id": self.owner,
                "station_id": self.station, "incident_at": "2026-11-21T03:00:00Z", **values,
            },
        )  # fmt: skip

    def assign(self, police_id: int | None = None) -> int:
        return self.add(
            assignments, report_id=self.report, police_id=police_id or self.police, assigned_by="Rani",
            assigned_role="officer", assigned_actor_id=self.officer,
        )  # fmt: skip

    def announce(self, kind: str, key: str = "", **facts: Any) -> None:
        told = {
            "incident_type": "knife", "location": "Jl. Merdeka 5, Kecamatan Gambir, Jakarta", "status": "new",
            "title": "Orang membawa pisau", "cctv_name": "Toko Wati", "at": "2026-11-21T03:00:05+00:00", **facts,
        }  # fmt: skip
        with self.database.system() as connection:
            announce(
                connection, vendor_id=self.vendor, kind=kind, report_id=self.report, device_id=self.camera,
                facts=told, dedup_key=key or f"report:{self.report}:{kind}",
            )  # fmt: skip

    def told(self, kind: str) -> set[tuple[str, int]]:
        query = (
            select(notice_recipients.c.role, notice_recipients.c.person_id)
            .join(notices, notices.c.id == notice_recipients.c.notice_id)
            .where(notices.c.kind == kind)
        )
        with self.database.system() as connection:
            return {(row.role, row.person_id) for row in connection.execute(query)}

    def notices(self) -> list[Any]:
        with self.database.system() as connection:
            return list(connection.execute(select(notices).order_by(notices.c.id)).all())


@pytest.fixture
def scene(database: Database, make_vendor: Callable[..., int]) -> Scene:
    return Scene(database, make_vendor(database))


@pytest.fixture
def as_json() -> Callable[[Any], Any]:
    return lambda value: msgspec.json.decode(msgspec.json.encode(value))
