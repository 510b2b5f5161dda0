"""Fixtures for tests that need the real thing: one PostgreSQL and Valkey a session, a fresh database a test."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg import errors
from sqlalchemy import insert, make_url, select

from core.accounts.tables import devices, vendors
from core.db import migrate
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.db.valkey import EmbeddedValkey
from core.domain.observations import Device
from core.ingest.directory import device_of

# No test measures time: a deadline would make each of them do so. The same examples each time, so that what failed
# fails again; `make drill` draws new ones, twice as many.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("drawn", deadline=None)
settings.load_profile(os.environ.get("TANGKAPIN_EXAMPLES", "steady"))
_names = itertools.count(1)
_OPTIONS = {"fsync": "off", "max_connections": "200", "autovacuum": "off"}


@pytest.fixture(scope="session")
def service_dir() -> Iterator[Path]:
    """A short folder for the session's servers: a socket's path has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url(service_dir: Path) -> Iterator[str]:
    """A PostgreSQL of the session's own, or the one that TANGKAPIN_TEST_DATABASE_URL names.

    Without fsync: no test of the session's shared server kills the machine. Crash tests start a server of their own.
    """
    given = os.environ.get("TANGKAPIN_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(service_dir / "pg", options=_OPTIONS) as server:
        yield server.start()


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> Iterator[str]:
    """A migrated database that every test's database is copied from."""
    name = f"tangkapin_template_{os.getpid()}"
    url = _named(postgres_url, name)
    _admin(postgres_url, f"CREATE DATABASE {name}")
    try:
        migrate.upgrade(url)
        yield url
    finally:
        _drop(postgres_url, name)


@pytest.fixture(scope="session")
def fresh_database(postgres_url: str, template_url: str) -> Callable[..., AbstractContextManager[str]]:
    """`with fresh_database() as url`: a migrated database of its own; `migrated=False` gives an empty one."""

    @contextmanager
    def make(*, migrated: bool = True) -> Iterator[str]:
        name = f"tangkapin_test_{os.getpid()}_{next(_names)}"
        template = make_url(template_url).database if migrated else "template1"
        _admin(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield _named(postgres_url, name)
        finally:
            _drop(postgres_url, name)

    return make


@pytest.fixture
def database_url(fresh_database: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    """A fresh migrated database, dropped after the test."""
    with fresh_database() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The house's view of the fresh database."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def valkey_url(service_dir: Path) -> Iterator[str]:
    """A Valkey of the session's own."""
    with EmbeddedValkey(service_dir / "vk") as server:
        yield server.start()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The session's Valkey, emptied."""
    import redis

    redis.Redis.from_url(valkey_url).flushall()
    return valkey_url


@pytest.fixture
def make_vendor() -> Callable[..., int]:
    """make_vendor(database, code="polda-uji", **columns) -> id of the vendor, which is made where it is missing."""

    def make(database: Database, code: str = "polda-uji", **columns: Any) -> int:
        with database.system() as connection:
            found = connection.execute(select(vendors.c.id).where(vendors.c.vendor_code == code)).scalar()
            if found is not None:
                return int(found)
            values = {"vendor_code": code, "vendor_name": code, **columns}
            return int(connection.execute(insert(vendors).values(**values).returning(vendors.c.id)).scalar_one())

    return make


@pytest.fixture
def make_device(make_vendor: Callable[..., int]) -> Callable[..., Device]:
    """make_device(database, maker="generic", vendor="polda-uji", code=…, **columns) -> the Device as plugins see it."""

    def make(
        database: Database, maker: str = "generic", vendor: str = "polda-uji", code: str = "", **columns: Any
    ) -> Device:
        vendor_id = make_vendor(database, vendor)
        code = code or f"{maker}-{next(_names)}"
        values = {"device_code": code, "maker": maker, "vendor_id": vendor_id, **columns}
        with database.system() as connection:
            row = connection.execute(insert(devices).values(**values).returning(devices)).mappings().one()
        return device_of({**row, "vendor_code": vendor})

    return make


def _named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _drop(url: str, name: str) -> None:
    """FORCE ends our own connections; an autovacuum worker in the database is another's, and done in a moment."""
    for _ in range(50):
        try:
            return _admin(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        except (errors.InsufficientPrivilege, errors.ObjectInUse):
            time.sleep(0.2)
    _admin(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _admin(url: str, *statements: str) -> None:
    conninfo = make_url(url).set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="session")
def demo_clip() -> Path:
    """The synthetic clip: 80 frames of 600x400 at 10 fps; a knife on frames 20 to 59."""
    return Path(__file__).parent / "clips" / "demo.avi"
