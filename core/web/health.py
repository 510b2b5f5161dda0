"""/healthz, /readyz, /version and the list of problems: what machines ask before anything else."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from functools import cache
from importlib import metadata
from typing import Any, Literal

import msgspec
import structlog
from litestar import Request, Response, get
from sqlalchemy import text

from core.domain.events import Health
from core.problems import CATALOGUE, PREFIX
from core.web.call import Services
from core.web.errors import documented

log = structlog.get_logger(__name__)

CHECK_TIMEOUT_S = 3.0
INBOX_LIMIT_S = 60.0
"""The oldest payload not parsed yet; the aim is 3 s."""
OUTBOX_LIMIT_S = 900.0
"""The oldest approved case not sent yet; the aim is 60 s while the centre is up."""
NOTICES_LIMIT_S = 120.0
"""The oldest telling that is due and nobody tries: no worker is at it."""
DISK_WARN, DISK_LIMIT = 0.10, 0.02
"""Share of the disk that must be free: warn below the first, red below the second (the inbox refuses soon)."""
DEGRADES_ONLY = frozenset({"broker", "plugins"})
"""Checks that never take the service out of rotation: ingest stays durable without them."""

HealthCheck = Callable[[], Health]


class CheckView(msgspec.Struct, kw_only=True):
    """One check. `value` and `limit` where it measures something (seconds, share of the disk)."""

    state: Literal["ok", "degraded", "error"]
    detail: str = ""
    value: float | None = None
    limit: float | None = None


class Readiness(msgspec.Struct, kw_only=True):
    """`ready` is false (and the status 503) when any check is `error`."""

    ready: bool
    state: Literal["ok", "degraded", "error"]
    checks: dict[str, CheckView]


class Alive(msgspec.Struct):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Version(msgspec.Struct, kw_only=True):
    """What is running; `schema` is the database revision this version expects."""

    name: str
    version: str
    python: str
    schema: str | None


class ProblemKind(msgspec.Struct, kw_only=True):
    """One type of error, stable for clients."""

    type: str
    status: int
    title_id: str
    title_en: str


@get("/healthz", operation_id="get_health", tags=["Mesin"], sync_to_thread=False, security=[{}],
     summary="Is the process alive", responses=documented())  # fmt: skip
def get_health() -> Response[Alive]:
    """200 as long as the process answers; says nothing of the database."""
    return Response(Alive(), headers={"Cache-Control": "no-store"})


@get("/readyz", operation_id="get_readiness", tags=["Mesin"], sync_to_thread=True, security=[{}],
     summary="Is the service ready", responses=documented())  # fmt: skip
def get_readiness(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """Each check with its state. 503 when one is red; a lost broker only degrades, since ingest stays durable."""
    readiness: Readiness = request.app.state["readiness"]()
    return Response(readiness, status_code=200 if readiness.ready else 503, headers={"Cache-Control": "no-store"})


@get("/version", operation_id="get_version", tags=["Mesin"], sync_to_thread=True, security=[{}],
     summary="What is running", responses=documented())  # fmt: skip
def get_version() -> Version:
    """Name, version and expected schema."""
    import platform

    return Version(
        name="tangkapin", version=package_version(), python=platform.python_version(), schema=expected_schema()
    )


@get("/problems", operation_id="list_problems", tags=["Mesin"], sync_to_thread=False, security=[{}],
     summary="All types of errors", responses=documented())  # fmt: skip
def list_problems() -> list[ProblemKind]:
    """The stable `type`s of problem documents."""
    return [
        ProblemKind(type=PREFIX + slug, status=status, title_id=words[0], title_en=words[1])
        for slug, (status, words) in CATALOGUE.items()
    ]


@cache
def package_version() -> str:
    """The installed version."""
    try:
        return metadata.version("tangkapin")
    except metadata.PackageNotFoundError:
        return "0+unknown"


@cache
def expected_schema() -> str | None:
    """The newest revision in migrations/versions; None where there is none."""
    from core.db.migrate import head

    return head() or None


class Probe:
    """Runs the checks of /readyz at once, each with its own deadline. `extra` adds checks by name."""

    def __init__(self, services: Services, extra: Mapping[str, HealthCheck] | None = None) -> None:
        self._services = services
        self._extra = dict(extra or {})
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")

    def __call__(self) -> Readiness:
        checks: dict[str, Callable[[], CheckView]] = {
            "database": self._database, "schema": self._schema, "disk": self._disk, "inbox": self._inbox,
            "outbox": self._outbox, "notices": self._notices,
        }  # fmt: skip
        if self._services.host is not None:
            checks["plugins"] = self._plugins
        if self._services.settings.redis_url:
            checks["broker"] = self._broker
        for name, check in self._extra.items():
            checks[name] = lambda check=check: _of_health(check())  # type: ignore[misc]
        begun = time.monotonic()
        running = {name: self._pool.submit(check) for name, check in checks.items()}
        found: dict[str, CheckView] = {}
        for name, future in running.items():
            try:
                view = future.result(timeout=max(0.05, CHECK_TIMEOUT_S - (time.monotonic() - begun)))
            except TooSlow:
                view = CheckView(state="error", detail=f"no answer within {CHECK_TIMEOUT_S:.0f} s")
            except Exception as error:  # a check that fails is a red check; its text may hold an address
                log.warning("readiness_check_failed", check=name, error=type(error).__name__, exc_info=error)
                view = CheckView(state="error", detail=type(error).__name__)
            if name in DEGRADES_ONLY and view.state == "error":
                view.state = "degraded"
            found[name] = view
        states = {view.state for view in found.values()}
        state: Literal["ok", "degraded", "error"] = (
            "error" if "error" in states else "degraded" if "degraded" in states else "ok"
        )
        return Readiness(ready=state != "error", state=state, checks=found)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _database(self) -> CheckView:
        with self._services.database.system() as connection:
            connection.execute(text("SELECT 1"))
        return CheckView(state="ok")

    def _schema(self) -> CheckView:
        # by the login role: the migrations' own table is none of the other roles' business
        with self._services.database.engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        wanted = expected_schema()
        if found == wanted:
            return CheckView(state="ok", detail=str(found))
        return CheckView(state="error", detail=f"found {found}, expected {wanted}: run `tangkapin migrate`")

    def _disk(self) -> CheckView:
        home = self._services.settings.home
        usage = shutil.disk_usage(home if home.exists() else home.parent)
        free = usage.free / usage.total
        state: Literal["ok", "degraded", "error"] = (
            "error" if free < DISK_LIMIT else "degraded" if free < DISK_WARN else "ok"
        )
        return CheckView(state=state, detail=f"{free:.0%} free", value=round(free, 4), limit=DISK_LIMIT)

    def _inbox(self) -> CheckView:
        with self._services.database.system() as connection:
            age = connection.execute(OLDEST_INBOX).scalar()
        return _age(age, INBOX_LIMIT_S, "the oldest payload that waits to be parsed")

    def _outbox(self) -> CheckView:
        with self._services.database.system() as connection:
            age = connection.execute(OLDEST_OUTBOX).scalar()
        return _age(age, OUTBOX_LIMIT_S, "the oldest approved case that has not reached its centres")

    def _notices(self) -> CheckView:
        with self._services.database.system() as connection:
            age = connection.execute(OLDEST_NOTICE).scalar()
        return _age(age, NOTICES_LIMIT_S, "the oldest notice that is due and that nobody tells")

    def _broker(self) -> CheckView:
        import redis

        url = self._services.settings.redis_url
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            try:
                client.ping()
            except redis.RedisError as error:
                return CheckView(state="degraded", detail=f"{type(error).__name__}: work goes on, a sweep later")
        return CheckView(state="ok")

    def _plugins(self) -> CheckView:
        bad = {name: health for name, health in self._services.host.health().items() if health.state != "ok"}
        if not bad:
            return CheckView(state="ok")
        return CheckView(state="degraded", detail=", ".join(f"{name}: {health.state}" for name, health in bad.items()))


OLDEST_INBOX = text("""
SELECT extract(epoch FROM now() - min(p.received_at))::float8
  FROM (SELECT min(batch) * 1024 AS first FROM inbox) AS oldest
  JOIN payloads p ON p.id BETWEEN oldest.first AND oldest.first + 1023
""")
OLDEST_OUTBOX = text("""
SELECT extract(epoch FROM now() - min(since))::float8 FROM (
    SELECT min(sync_due_at) AS since FROM violations WHERE status = 'approved' AND sync_due_at < now()
    UNION ALL
    SELECT min(created_at) FROM etnas_sync WHERE status IN ('pending', 'sending')) AS waiting
""")
OLDEST_NOTICE = text("""
SELECT extract(epoch FROM now() - min(since))::float8 FROM (
    SELECT min(created_at) AS since FROM notices WHERE planned_at IS NULL
    UNION ALL
    SELECT min(next_attempt_at) FROM notice_deliveries
     WHERE status IN ('pending', 'sending') AND next_attempt_at <= now()
       AND (lease_until IS NULL OR lease_until < now())) AS waiting
""")


def _age(age: float | None, limit: float, what: str) -> CheckView:
    if age is None:
        return CheckView(state="ok", detail="nothing waits", value=0.0, limit=limit)
    state: Literal["ok", "degraded", "error"] = "error" if age > limit else "degraded" if age > limit / 2 else "ok"
    return CheckView(state=state, detail=f"{what}: {age:.0f} s", value=round(float(age), 1), limit=limit)


def _of_health(health: Health) -> CheckView:
    return CheckView(state=health.state, detail=health.detail)


HANDLERS = [get_health, get_readiness, get_version, list_problems]
