import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import OperationalError

from core.accounts.tables import admins, devices, officers, owners, police, stations
from core.db.engine import Database
from core.incidents.tables import assignments, reports
from core.notices.drain import NoticeDesk
from core.notices.service import announce
from core.notices.tables import notice_deliveries, notice_recipients, notices


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

    def assign(self, police_id: int | None = None, **values: Any) -> int:
        return self.add(
            assignments, report_id=self.report, police_id=police_id or self.police, assigned_by="Rani",
            assigned_role="officer", assigned_actor_id=self.officer, **values,
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


class FakeChannels:
    """A host with channels of the test's own: name -> what it does with (notice, recipient); in order of fallback."""

    def __init__(self, in_app: tuple[str, ...] = (), **channels: Callable[[Any, Any], Any]) -> None:
        self.channels = channels
        self.in_app = in_app
        self.calls: list[tuple[str, str, int, Any]] = []
        self.quarantined: list[str] = []
        self.ear: dict[str, Callable[[], Any]] = {}
        self.on_quarantine = None

    def channels_for(self, vendor_code: str) -> list[str]:
        return list(self.channels)

    def is_in_app(self, channel: str) -> bool:
        return channel in self.in_app

    def ears(self) -> dict[str, Callable[[], Any]]:
        return self.ear

    def hears(self, channel: str) -> bool:
        return channel in self.ear

    def deliver_notice(self, channel: str, notice: Any, recipient: Any) -> Any:
        self.calls.append((channel, recipient.role, recipient.id, notice))
        return self.channels[channel](notice, recipient)

    def quarantine(self, channel: str, reason: str) -> None:
        self.quarantined.append(channel)

    def told(self, channel: str) -> list[tuple[str, int]]:
        return sorted((role, person) for name, role, person, _ in self.calls if name == channel)


@pytest.fixture
def channels() -> type[FakeChannels]:
    return FakeChannels


@pytest.fixture
def tell(scene: Scene) -> Callable[..., None]:
    """tell(host): one look of a worker, to its end."""

    def look(host: Any, link: Any = None) -> None:
        NoticeDesk(scene.database, host, stop=threading.Event(), link=link).look(wait=True)

    return look


@pytest.fixture
def deliveries(scene: Scene) -> Callable[..., dict[tuple[str, str, int], Any]]:
    """deliveries(kind) -> (channel, role, person) -> row."""

    def read(kind: str = "") -> dict[tuple[str, str, int], Any]:
        query = (
            select(notice_deliveries, notice_recipients.c.role, notice_recipients.c.person_id)
            .join(notice_recipients, notice_recipients.c.id == notice_deliveries.c.recipient_id)
            .join(notices, notices.c.id == notice_recipients.c.notice_id)
        )
        if kind:
            query = query.where(notices.c.kind == kind)
        with scene.database.system() as connection:
            return {(row.channel, row.role, row.person_id): row for row in connection.execute(query)}

    return read


@pytest.fixture
def later(scene: Scene) -> Callable[[float], None]:
    """later(seconds): the deliveries' and notices' times move that far into the past."""

    def move(seconds: float) -> None:
        with scene.database.system() as connection:
            for table, columns in (
                ("notice_deliveries", ("next_attempt_at", "lease_until")),
                ("notices", ("created_at", "expires_at")),
            ):
                changes = ", ".join(f"{name} = {name} - make_interval(secs => :s)" for name in columns)
                connection.execute(text(f"UPDATE {table} SET {changes}"), {"s": seconds})

    return move


class Away:
    """A database that is away whenever `is_away` is set."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_away = threading.Event()
        self.refused = 0

    @contextlib.contextmanager
    def system(self) -> Iterator[Any]:
        if self.is_away.is_set():
            self.refused += 1
            raise OperationalError("SELECT", {}, Exception("the database system is starting up"))
        with self.database.system() as connection:
            yield connection


@pytest.fixture
def away(scene: Scene) -> Away:
    return Away(scene.database)
