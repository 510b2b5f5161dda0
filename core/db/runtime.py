"""The two services behind everything, PostgreSQL and Redis: those that the settings name, else embedded ones."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psycopg
import structlog

from core.db.embedded import EmbeddedPostgres
from core.db.owned import OwnedServer
from core.db.process import EmbeddedUnavailable, lives_on
from core.db.valkey import EmbeddedValkey

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5


class Named(Protocol):
    """What is needed of core.settings.Settings."""

    @property
    def home(self) -> Path: ...
    @property
    def database_url(self) -> str: ...
    @property
    def redis_url(self) -> str: ...


class Services:
    """Where the database and the broker are. close() ends what this object started and nothing else."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        postgres: EmbeddedPostgres | None = None,
        valkey: EmbeddedValkey | None = None,
    ) -> None:
        self.database_url = database_url
        self.redis_url = redis_url
        self._postgres = postgres
        self._valkey = valkey
        self._looked = 0.0
        self._looks: dict[OwnedServer, Future[None]] = {}
        self._threads = ThreadPoolExecutor(2, "services", initializer=lives_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def keep(self) -> None:
        """Start an embedded server again that is gone (killed, or ended with the command that had started it).

        For the supervisor's tick: looks every LOOK_EVERY_S at most, and does not wait. PostgreSQL recovers for as long
        as it takes; until then the other server and the processes are looked after. URLs stay the same.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return
        self._looked = now
        for server in (self._postgres, self._valkey):
            if server is not None and (server not in self._looks or self._looks[server].done()):
                self._looks[server] = self._threads.submit(_look_after, server)

    def close(self) -> None:
        """End the embedded servers that were started here, one that is being started when it is up. Safe twice."""
        wait(self._looks.values())
        for server in (self._valkey, self._postgres):
            if server is not None:
                server.stop()
        self._threads.shutdown()


def _look_after(server: OwnedServer) -> None:
    try:
        server.keep()
    except (EmbeddedUnavailable, psycopg.Error, OSError) as error:  # it may die again while it is started
        log.error("service_not_restarted", error=str(error).strip(), again_in_s=LOOK_EVERY_S)


def open_services(settings: Named, *, start: bool = True, broker: bool = True) -> Services:
    """Find or start both services. Raises EmbeddedUnavailable saying what to do.

    start   False: only attach to embedded servers that run already (started by `tangkapin serve`)
    broker  False: the database only; redis_url is then what the settings say
    """
    postgres = None if settings.database_url else EmbeddedPostgres(settings.home / "postgres")
    valkey = None if settings.redis_url or not broker else EmbeddedValkey(settings.home / "valkey")
    services = Services(settings.database_url, settings.redis_url, postgres, valkey)
    try:
        if postgres is not None:
            services.database_url = postgres.start() if start else _running(postgres, "PostgreSQL")
        if valkey is not None:
            services.redis_url = valkey.start() if start else _running(valkey, "Valkey")
    except BaseException:
        services.close()
        raise
    return services


def _running(server: OwnedServer, name: str) -> str:
    url = server.running()
    if url is None:
        raise EmbeddedUnavailable(f"no embedded {name} is running in {server.directory}; `tangkapin serve` starts it")
    return url
