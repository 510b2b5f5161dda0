"""`tangkapin serve`: the whole house on one machine, or one of its processes alone (`--only`)."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import structlog

from core.cli.config import settings_of
from core.domain.errors import TangkapinError
from core.log import configure
from core.settings import Settings

if TYPE_CHECKING:
    from core.db.engine import Database
    from core.hooks.host import Host
    from core.supervisor import Supervisor

log = structlog.get_logger(__name__)

ROLES = ("ingest", "parse", "streams", "detect", "shadow", "work")
PORT_PATIENCE_S = 15.0


class PortTaken(TangkapinError):
    """Something else listens where this deployment is to."""


@click.command("serve")
@click.option("--only", type=click.Choice(ROLES), help="Run this process alone; services must be running.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written with the port when requests are answered.")
def command(only: str | None, ready_file: Path | None) -> None:
    """Run the deployment: camera endpoint and API, parsers, event streams, detectors, workers.

    Without TANGKAPIN_DATABASE_URL and TANGKAPIN_REDIS_URL the embedded PostgreSQL and Valkey are started too. A schema
    that does not fit this version is refused; `tangkapin migrate` mends it.
    """
    settings = settings_of()
    configure(settings.log_style, settings.log_level)
    if only:
        check_schema(settings)
        run = {
            "ingest": run_ingest, "parse": run_parse, "streams": run_streams, "detect": run_detect,
            "shadow": run_shadow, "work": run_work,
        }  # fmt: skip
        run[only](settings, ready_file)
        return
    serve(settings, ready_file)


def serve(
    settings: Settings, ready_file: Path | None = None, *, on_start: Callable[[Supervisor], None] | None = None
) -> None:
    """Run services and all processes until SIGTERM or SIGINT."""
    from core.db import migrate
    from core.db.runtime import open_services
    from core.supervisor import Supervisor

    wait_for_port(settings)
    services = open_services(settings)
    try:
        if settings.auto_migrate:
            migrate.upgrade(services.database_url)
        migrate.check(services.database_url)
        supervisor = Supervisor(tick=services.keep)
        add_processes(supervisor, settings, services.database_url, services.redis_url, ready_file)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.stop)
        if on_start is not None:
            on_start(supervisor)
        supervisor.run()
    finally:
        services.close()


def add_processes(
    supervisor: Supervisor, settings: Settings, database_url: str, redis_url: str, ready_file: Path | None
) -> None:
    """Put the processes of a machine under a supervisor, with the very settings of this one."""
    environ = {
        **os.environ,
        **settings.environ(),
        "TANGKAPIN_DATABASE_URL": database_url,
        "TANGKAPIN_REDIS_URL": redis_url,
    }
    for role in ROLES:
        if role == "detect" and not wants_detection(settings, database_url):
            continue
        if role == "shadow" and not has_shadows(settings):
            continue
        arguments = [sys.executable, "-P", "-m", "core.cli.main", "serve", "--only", role]
        if role == "ingest" and ready_file is not None:
            arguments += ["--ready-file", str(ready_file)]
        supervisor.add(role, arguments, environ)


def has_shadows(settings: Settings) -> bool:
    """Whether plugins.toml has an instance with `shadow = true`."""
    from core.hooks.deployment import read_deployment

    return any(declared.shadow for declared in read_deployment(settings.plugins_file))


def wants_detection(settings: Settings, database_url: str) -> bool:
    """Whether there are detectors, or cameras whose pictures are read: else no process is spent on them."""
    from sqlalchemy import text

    from core.db.engine import Database
    from core.hooks.checks import implemented
    from core.hooks.deployment import find_class, read_deployment

    for declared in read_deployment(settings.plugins_file):
        if declared.shadow:
            continue
        with contextlib.suppress(Exception):  # the processes that load it say what is wrong with it
            if "detect_frames" in implemented(find_class(declared.use)):
                return True
    database = Database(database_url)
    try:
        with database.system() as connection:
            query = "SELECT EXISTS (SELECT 1 FROM devices WHERE stream_kind <> 'vendor')"
            return bool(connection.execute(text(query)).scalar())
    finally:
        database.dispose()


def open_database(settings: Settings) -> Database:
    """The database that the settings name; only for a process whose services run already."""
    from core.db.engine import Database
    from core.db.runtime import open_services

    return Database(open_services(settings, start=False).database_url)


def check_schema(settings: Settings) -> None:
    """Refuse a database of another version. Raises SchemaMismatch with what to run."""
    from core.db import migrate
    from core.db.runtime import open_services

    migrate.check(open_services(settings, start=False).database_url)


def wait_for_port(settings: Settings) -> None:
    """Return when something can listen where the settings say; port 0 is any that is free.

    Raises PortTaken when it stays taken for PORT_PATIENCE_S: what a killed `serve` left behind still ends its requests.
    """
    deadline = time.monotonic() + PORT_PATIENCE_S
    while (error := _port_trouble(settings.host, settings.port)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
            what = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
            told = f"port {settings.port} of {settings.host} {what}"
            raise PortTaken(f"{told}: end what listens there, or set port or TANGKAPIN_PORT")
        time.sleep(0.1)


def _port_trouble(host: str, port: int) -> OSError | None:
    """Why nothing can listen there now; None when it can."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        return error
    return None


def load_host(settings: Settings) -> Host:
    """The plugin instances of plugins.toml. Raises PluginLoadError."""
    from core.hooks.host import Host

    return Host.load(settings.plugins_file, environ=os.environ, data_dir=settings.home / "plugins")


def run_ingest(settings: Settings, ready_file: Path | None) -> None:
    """The camera endpoint and the REST API."""
    import redis

    from core.app import create_app, with_sockets
    from core.ingest.answers import AnswerTable
    from core.ingest.auth import Authenticator
    from core.ingest.directory import DeviceDirectory
    from core.ingest.front import App
    from core.ingest.gate import CameraGate
    from core.ingest.rate import RateLimiter
    from core.ingest.server import Serving, write_ready_file
    from core.secrets import SecretBox

    wait_for_port(settings)
    database = open_database(settings)
    host = load_host(settings)
    directory = DeviceDirectory(database)
    directory.refresh()
    limiter = RateLimiter(redis.Redis.from_url(settings.redis_url) if settings.redis_url else None)
    limiter.start()
    box = SecretBox(settings.signing_key())
    gate = CameraGate(directory, Authenticator(directory, box, settings.trusted_proxies), limiter)
    app = create_app(settings, database, host=host)
    serving = Serving(
        settings,
        database,
        cast(App, with_sockets(app)),
        AnswerTable({**dict.fromkeys(host.makers, ()), **host.answers()}),  # a make without a table hears a plain 200
        gate,
        refresh=gate.refresh,
        on_ready=write_ready_file(ready_file) if ready_file else (lambda port: None),
    )
    try:
        serving.run()
    finally:
        limiter.stop()
        host.close()
        database.dispose()


def run_parse(settings: Settings, _: Path | None) -> None:
    """The parse stage: parsers and their watchdog."""
    from core.cli.plan import remember
    from core.db.engine import Database
    from core.evidence.store import MediaStore, tune_malloc
    from core.ingest.board import Board
    from core.ingest.directory import DeviceDirectory
    from core.ingest.known_devices import KnownDevices
    from core.ingest.parse_stage import ParseStage
    from core.ingest.parse_worker import ParseWorker

    database = open_database(settings)
    url = database.url
    host = load_host(settings)
    remember(settings)

    def make_worker(board: Board, wait: Callable[[float], bool]) -> ParseWorker:
        tune_malloc()
        own = Database(url)
        return ParseWorker(
            own,
            host,
            KnownDevices(DeviceDirectory(own)),
            MediaStore(settings.home / "media", segment_bytes=32 * 1024 * 1024),
            board,
            rules(settings),
            wait=wait,
        )

    stage = ParseStage(
        database,
        make_worker,
        settings.home / "run",
        processes=settings.parsers,
        timeout_s=settings.parse_timeout_s,
        memory_mib=settings.parse_memory_mib,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stage.stop())
    stage.run()
    host.close()


def run_streams(settings: Settings, _: Path | None) -> None:
    """The makes' own event streams of cameras and recorders, into the inbox; and what notice channels hear back."""
    from core.evidence.store import MediaStore
    from core.ingest.answers import AnswerTable
    from core.ingest.bell import BellPush
    from core.ingest.health_book import HealthBook
    from core.ingest.writer import InboxWriter
    from core.notices.ear import Ears
    from core.secrets import SecretBox
    from core.signals import stop_at_signals
    from core.streams.vendor import Inbox, StreamDesk, keep, load_vendor_streams

    database = open_database(settings)
    host = load_host(settings)
    box = SecretBox(settings.signing_key())
    media = MediaStore(settings.home / "media", segment_bytes=32 * 1024 * 1024)
    bell = BellPush(settings.home / "run" / "parse-bell")
    inbox = Inbox(InboxWriter(database, media, ring=bell.ring))
    health = HealthBook(database)
    table = AnswerTable(host.answers())
    desk = StreamDesk(lambda: load_vendor_streams(database, box), host, table, inbox.put, health)
    stop = threading.Event()
    stop_at_signals(stop)
    ears = Ears(host, database)
    try:
        keep(desk, health, database, stop)
    finally:
        ears.close()
        desk.close()
        inbox.close()
        health.flush()
        media.close()
        host.close()
        database.dispose()


def run_detect(settings: Settings, ready_file: Path | None) -> None:
    """The detectors: cameras that are read, alarm pictures that were pushed."""
    # Before PyTorch is loaded: else its threads wait by spinning, and where others need the cores too a frame takes two
    # to four times as long (docs/models.md).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import redis

    from core.db.runtime import open_services
    from core.incidents.service import Reports
    from core.secrets import SecretBox
    from core.signals import stop_at_signals
    from core.streams.cameras import load_cameras
    from core.streams.health import CameraHealth
    from core.streams.preview import PreviewWriter
    from core.streams.process import DetectProcess
    from core.sync.cases import open_media
    from core.web.announcer import Announcer

    database = open_database(settings)
    redis_url = open_services(settings, start=False).redis_url
    host = load_host(settings)
    observers = Announcer(host)  # one that hangs keeps no incident waiting
    box = SecretBox(settings.signing_key())
    media = open_media(database, settings.home / "media")
    stop = threading.Event()
    stop_at_signals(stop)
    process = DetectProcess(
        database,
        host,
        media,
        Reports(database, media, observers, settings=settings),
        lambda: load_cameras(database, box),
        redis_url,
        stop,
        show=PreviewWriter(redis.Redis.from_url(redis_url)).show,
        health=CameraHealth(database),
        on_ready=ready_file.touch if ready_file else lambda: None,
    )
    try:
        process.run()
    finally:
        observers.close()
        host.close()
        media.close()
        database.dispose()


def run_shadow(settings: Settings, _: Path | None) -> None:
    """Shadow plugins: stored payloads a second time, compared with the live plugins."""
    from core.hooks.deployment import read_deployment
    from core.streams.shadow import ShadowStage

    database = open_database(settings)
    url = database.url
    database.dispose()
    stage = ShadowStage(
        url, read_deployment(settings.plugins_file), settings.plugins_file, settings.home, environ=os.environ,
        timeout_s=settings.parse_timeout_s, memory_mib=settings.parse_memory_mib,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stage.stop())
    stage.run()


def run_work(settings: Settings, _: Path | None) -> None:
    """Background work: deliveries, sweeps, upkeep."""
    from core.cli.worker import run

    run(settings)


def rules(settings: Settings) -> Any:
    """The intake's rules from the settings."""
    from core.traffic.intake import Rules

    return Rules(
        passage_window_s=settings.passage_window_s,
        skew_warn_s=settings.skew_warn_s,
        skew_hold_s=settings.skew_hold_s,
        validation_days=settings.validation_days,
    )
