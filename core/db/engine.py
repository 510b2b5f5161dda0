"""The one way to the database: every transaction runs under a role that row-level security knows.

The connecting role owns the tables but sees no row of any vendor; code says `system()` (all vendors: parsers, workers,
log-in) or `tenant([...])` (what one principal may see). SQLAlchemy is imported on first use: the camera endpoint's
hot path needs raw() only.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

SYSTEM_ROLE = "tangkapin_system"
API_ROLE = "tangkapin_api"
CONNECT_TIMEOUT_S = 10
_SCHEMES = ("postgresql+psycopg://", "postgresql://", "postgres://")


def dsn(url: str) -> str:
    """The URL as libpq takes it ("postgresql://…"). Accepts postgres://, postgresql:// and postgresql+psycopg://."""
    for scheme in _SCHEMES:
        if url.startswith(scheme):
            return "postgresql://" + url[len(scheme) :]
    raise ValueError("expected a database URL starting with postgresql:// or postgresql+psycopg://")


def sqlalchemy_url(url: str) -> str:
    """The URL as SQLAlchemy takes it, with psycopg 3 for a driver."""
    return "postgresql+psycopg://" + dsn(url).removeprefix("postgresql://")


class Database:
    """A pool of connections to one database. Thread-safe; made once for a process (after a fork, in the child).

    Every context manager is one transaction: committed at its end, rolled back when the block raises.
    """

    def __init__(self, url: str, *, pool_size: int = 10, max_overflow: int = 20) -> None:
        self.url = sqlalchemy_url(url)
        self._pool_size = pool_size
        self._max_overflow = max_overflow
        self._lock = threading.Lock()

    @functools.cached_property
    def _made(self) -> Engine:
        from sqlalchemy import create_engine

        return create_engine(
            self.url,
            pool_size=self._pool_size,
            max_overflow=self._max_overflow,
            pool_timeout=CONNECT_TIMEOUT_S,
            pool_pre_ping=True,  # PostgreSQL may have been restarted since
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "tangkapin"},
        )

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for what has no transaction helper here. Its plain connections see no vendor's row."""
        with self._lock:
            return self._made

    @contextlib.contextmanager
    def system(self) -> Iterator[Connection]:
        """A transaction that sees all vendors: for parsers, workers, log-in and the command line."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL ROLE {SYSTEM_ROLE}")
            yield connection

    @contextlib.contextmanager
    def tenant(self, vendor_ids: Sequence[int]) -> Iterator[Connection]:
        """A transaction that sees and writes rows of these vendors only; with none of them it sees nothing."""
        vendors = ",".join(str(int(vendor_id)) for vendor_id in vendor_ids)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "SELECT set_config('app.vendors', %s, true), set_config('role', %s, true)", (vendors, API_ROLE)
            )
            yield connection

    @contextlib.contextmanager
    def owner(self) -> Iterator[Connection]:
        """A transaction as the connecting role, which owns the tables: partitions, and nothing else. Sees no rows."""
        with self.engine.begin() as connection:
            yield connection

    def raw(self, *, async_commit: bool = False) -> psycopg.Connection:
        """A psycopg connection of your own for a hot path: autocommit, sees all vendors, statements prepared at once.

        async_commit  commits return before they are on disk; only for work that is done again after a crash.
        Close it yourself. Raises psycopg.OperationalError.
        """
        connection = psycopg.connect(
            dsn(self.url),
            autocommit=True,
            prepare_threshold=0,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="tangkapin",
        )
        try:
            connection.execute(
                f"SET ROLE {SYSTEM_ROLE}; SET synchronous_commit = {'off' if async_commit else 'on'}".encode(),
                prepare=False,
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def dispose(self) -> None:
        """Close the pool's connections. The object can be used again."""
        with self._lock:
            engine = self.__dict__.pop("_made", None)
        if engine is not None:
            engine.dispose()
