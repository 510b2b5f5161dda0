"""A small world for tests of the API: two vendors with cameras, people with tokens, and cases to decide."""

from __future__ import annotations

import copy
import functools
import hashlib
import queue
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from litestar.datastructures import State
from litestar.events import SimpleEventEmitter
from litestar.testing import TestClient
from sqlalchemy import insert, select, update

from core.accounts.tables import admins, device_health, devices, officers, vendors
from core.accounts.tokens import TokenKey
from core.app import bare_app, furnish
from core.db.engine import Database
from core.domain.events import DomainEvent
from core.evidence.tables import media
from core.hooks.plugin import Secret
from core.ingest.tables import payloads, quarantine
from core.settings import Settings
from core.sync.tables import etnas_sync
from core.traffic.tables import passages, plate_reads, violations

KEY = "a key of the tests, long enough to sign tokens"
PASSWORD = "benar-kuda-baterai-9"


def routes_once(*, docs: bool) -> Litestar:
    """An app of one's own over routes that are put together once per process: they take most of a second.

    It shares what Litestar 2.25 only reads after its start (routes, plugins, the description) and has a state, an
    emitter and an entry of its own. tests/api/test_shared_routes.py says that two at once do not mix.
    """
    made = _bare_app(docs)
    app = copy.copy(made)
    app.state = State()
    app.event_emitter = SimpleEventEmitter(listeners=[])
    app.asgi_router = copy.copy(made.asgi_router)
    app.asgi_router.app = app
    app.asgi_handler = app._create_asgi_handler()
    return app


@functools.cache
def _bare_app(docs: bool) -> Litestar:
    return bare_app(docs=docs)


class MemoryMedia:
    """Evidence bytes by reference, in memory. `broken` references raise."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def append(self, blobs: Any) -> list[str]:
        """As the media store appends."""
        refs = [f"seg:memory:{len(self.blobs) + n}:{len(blob)}" for n, blob in enumerate(blobs)]
        self.blobs.update(zip(refs, map(bytes, blobs), strict=True))
        return refs

    def read(self, ref: str, offset: int = 0, size: int | None = None) -> bytes:
        """As the media store reads."""
        data = self.blobs[ref]
        return data[offset:] if size is None else data[offset : offset + size]


class Listener:
    """A host that only remembers what it was told."""

    instances: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[str, str]] = queue.Queue()

    def observe_event(self, event: DomainEvent, vendor_code: str = "") -> None:
        """Remember the event's name and the vendor."""
        self.heard.put((event.name, vendor_code))

    def health(self) -> dict[str, Any]:
        """No plugins, nothing to say."""
        return {}

    def application_key(self, vendor_code: str) -> str:
        """No channel to browsers."""
        return ""

    def client_settings(self, vendor_code: str) -> dict[str, dict[str, Any]]:
        """No channels at all."""
        return {}

    def webhook_reader(self, instance_id: str) -> Any:
        """No channel has webhooks."""
        return None


class Person(msgspec.Struct, frozen=True):
    """An account with a valid token."""

    role: str
    id: int
    username: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """For a request in their name."""
        return {"Authorization": f"Bearer {self.token}", "Accept-Language": "en"}


class World:
    """Makes rows by `Database.system()`. Every method returns the id it made, unless it says otherwise."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.media = MemoryMedia()
        self.host = Listener()
        self.settings = Settings(home=home, secret_key=Secret(KEY))
        self._n = 0
        self.banten = self.vendor("polda-banten")
        self.bali = self.vendor("polda-bali")
        self.camera = self.device(self.banten, "simpang-1")
        self.camera_bali = self.device(self.bali, "denpasar-1")

    def configure(self, **settings: Any) -> None:
        """Other settings for applications made from now on."""
        self.settings = msgspec.structs.replace(self.settings, **settings)

    def app(self, **more: Any) -> Litestar:
        """The application over this world."""
        app = routes_once(docs=self.settings.docs_enabled)
        return furnish(app, self.settings, self.database, host=self.host, media=self.media, **more)

    def client(self, **more: Any) -> TestClient[Litestar]:
        """A client of a fresh application; exceptions become answers, as in the real server."""
        return TestClient(self.app(**more), raise_server_exceptions=False)

    def vendor(self, code: str) -> int:
        """A reporting agency."""
        return self._add(vendors, vendor_code=code, vendor_name=code.title(), api_key="env:KEY_OF_TESTS")

    def device(self, vendor_id: int, code: str) -> int:
        """A camera that was heard a minute ago."""
        device_id = self._add(
            devices,
            device_code=code,
            device_name=code.title(),
            location="Simpang Lima",
            vendor_id=vendor_id,
            maker="generic",
        )
        row = {"device_id": device_id, "vendor_id": vendor_id, "last_seen": datetime.now(UTC) - timedelta(minutes=1)}
        with self.database.system() as connection:
            connection.execute(insert(device_health).values(**row, skew_s=0.4, skew_state="ok", events=3))
        return device_id

    def officer(self, vendor_id: int | None = None, username: str = "") -> Person:
        """An officer with a token; their password hash fits nothing."""
        return self._person("officer", officers, username, vendor_id=vendor_id or self.banten)

    def admin(self, vendor_id: int | None = None, username: str = "") -> Person:
        """An admin with a token; without vendor a national one."""
        return self._person("admin", admins, username, vendor_id=vendor_id)

    def violation(
        self,
        device_id: int | None = None,
        *,
        plate: str | None = "B1234XYZ",
        picture: bytes = b"",
        role: str = "plate",
        **columns: Any,
    ) -> int:
        """A pending case with its payload, read (one picture) and passage; `columns` override the case's own.

        picture  the picture's bytes; by default some that are no picture, other ones each time
        role     what it shows
        """
        device_id = device_id or self.camera
        with self.database.system() as connection:
            vendor_id = connection.execute(select(devices.c.vendor_id).where(devices.c.id == device_id)).scalar_one()
        self._n += 1
        at = columns.pop("capture_time", datetime.now(UTC) - timedelta(minutes=10))
        payload_id = 1024 * (1_000_000 + self._n)
        picture = picture or b"\xff\xd8\xff\xe0 picture " + str(self._n).encode()
        digest = hashlib.sha256(picture).hexdigest()
        self.media.blobs[f"seg:test:{self._n}:0"] = b"head" + picture
        with self.database.system() as connection:
            connection.execute(
                insert(payloads).values(
                    id=payload_id, vendor_id=vendor_id, device_id=device_id, received_at=at,
                    content_type="application/json", headers={}, sha256=b"\0" * 32, size=2, body=b"{}",
                )
            )  # fmt: skip
            connection.execute(
                insert(media).values(
                    vendor_id=vendor_id, sha256=bytes.fromhex(digest), size=len(picture), mime="image/jpeg",
                    ref=f"seg:test:{self._n}:0", at_offset=4, payload_id=payload_id,
                )
            )  # fmt: skip
            read_id = connection.execute(
                insert(plate_reads)
                .values(
                    vendor_id=vendor_id, device_id=device_id, plate_number=plate, confidence=93.5, capture_time=at,
                    plate_image=digest, payload_id=payload_id, time_source="offset", received_at=at, verdict="accept",
                    images=[{"role": role, "sha256": digest, "bytes": len(picture), "mime": "image/jpeg"}],
                    lane_no="1", direction="approach",
                )
                .returning(plate_reads.c.id)
            ).scalar_one()  # fmt: skip
            passage_id = connection.execute(
                insert(passages)
                .values(
                    vendor_id=vendor_id, device_id=device_id, plate_number=plate, confidence=93.5,
                    best_read_id=read_id, reads=1, first_at=at, last_at=at, verdict="accept",
                )
                .returning(passages.c.id)
            ).scalar_one()  # fmt: skip
            connection.execute(update(plate_reads).where(plate_reads.c.id == read_id).values(passage_id=passage_id))
            values = {
                "plate_read_id": read_id, "vendor_id": vendor_id, "violation_type": "lampu_merah",
                "device_id": device_id, "passage_id": passage_id, "payload_id": payload_id, "capture_time": at,
                "plate_number": plate, "due_at": at + timedelta(days=3),
            }  # fmt: skip
            query = insert(violations).values(**(values | columns)).returning(violations.c.id)
            return int(connection.execute(query).scalar_one())

    def quarantined(self, device_id: int | None = None) -> int:
        """An open quarantine row."""
        self._n += 1
        device_id = device_id or self.camera
        with self.database.system() as connection:
            vendor_id = connection.execute(select(devices.c.vendor_id).where(devices.c.id == device_id)).scalar_one()
        return self._add(
            quarantine, vendor_id=vendor_id, device_id=device_id, payload_id=1024 * (2_000_000 + self._n),
            plugin="generic", kind="malformed", reason="no vehicle in it",
        )  # fmt: skip

    def delivery(self, violation_id: int, status: str = "pending", sink: str = "etnas_test") -> int:
        """An outbox row of a case."""
        row = self.row(violation_id)
        return self._add(
            etnas_sync, violation_id=violation_id, vendor_id=row["vendor_id"], sink=sink, status=status,
            idempotency_key=f"key-{violation_id}-{sink}", deadline_at=datetime.now(UTC) + timedelta(days=3),
            request_payload={"url": "https://centre.example", "secret_headers": {"X-API-KEY": "api_key"}},
        )  # fmt: skip

    def row(self, violation_id: int) -> dict[str, Any]:
        """The case as the table has it."""
        with self.database.system() as connection:
            query = select(violations).where(violations.c.id == violation_id)
            return dict(connection.execute(query).mappings().one())

    def decided(self, violation_id: int, by: Person, status: str, **columns: Any) -> None:
        """Put a case into a state behind the validation."""
        stamp = {
            "verified_by": by.username, "verified_at": datetime.now(UTC), "verified_role": by.role,
            "verified_actor_id": by.id, "status": status,
        }  # fmt: skip
        with self.database.system() as connection:
            connection.execute(update(violations).where(violations.c.id == violation_id).values(**(stamp | columns)))

    def execute(self, statement: Any) -> Any:
        """Run a statement as the system; return all rows where there are some."""
        with self.database.system() as connection:
            result = connection.execute(statement)
            return result.mappings().all() if result.returns_rows else None

    def _person(self, role: Any, table: Any, username: str, **columns: Any) -> Person:
        self._n += 1
        username = username or f"{role}-{self._n}"
        named = {"username": username, "full_name": username.title(), "password_hash": "none"}
        person_id = self._add(table, **named | columns)
        token, _ = TokenKey(KEY).issue(role, person_id, 1)
        return Person(role, person_id, username, token)

    def _add(self, table: Any, **values: Any) -> int:
        with self.database.system() as connection:
            return int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())
