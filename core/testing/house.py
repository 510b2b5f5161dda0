"""The real thing for tests: `tangkapin serve` as processes over a database of the test's own, seen as a camera does."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from core.accounts.audit import Actor
from core.accounts.service import AccountError
from core.accounts.vendors import add_vendor
from core.db.engine import Database
from core.ingest.devices import NewDevice, add_device

VENDOR = "polda-uji"
MAKES = {name: f"vendors.{name}" for name in ("dahua", "generic", "hikvision")}
"""The makes whose fixtures the tests of the house post: instance -> use."""
RULE = """
@hookimpl
def classify_passage(self, passage, device):
    if passage.plate_number is None:
        return []
    return [CaseDraft(violation_type=ViolationType.LAMPU_MERAH)]
"""
"""The body of a rule plugin that opens one violation for every passage with a plate."""
_PLUGIN_HEAD = """from __future__ import annotations
import os, re, sys, time
from core.api import *
from core.api import Plugin as Base


class Plugin(Base):
"""
SPARE = 80
START_S = 90.0
"""A server that starts beside others on two cores."""
_names = itertools.count(1)


class Answered(msgspec.Struct, frozen=True):
    """One answer. `headers` as http.client gives them (case-insensitive)."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Camera(msgspec.Struct, frozen=True):
    """A registered device and its key."""

    id: int
    code: str
    maker: str
    key: str

    @property
    def path(self) -> str:
        """Where it posts."""
        return f"/cam/{self.maker}/{self.code}"

    @property
    def headers(self) -> dict[str, str]:
        """Its credential."""
        return {"X-API-KEY": self.key}


class House:
    """A deployment under `home`; processes are started by start() and ended by stop().

    plugins   plugins.toml's text
    settings  TANGKAPIN_ variables by setting name, on top of a free port and the two services
    fsize     no process of the house may write a file larger than this many bytes (a disk that is full)
    """

    def __init__(
        self,
        home: Path,
        database_url: str,
        redis_url: str,
        plugins: str,
        *,
        settings: Mapping[str, Any] | None = None,
        fsize: int | None = None,
    ) -> None:
        self.home = home
        self.database = Database(database_url)
        self.url = database_url
        self.port = 0
        self.folder = home / "plugin-folders"
        self._fsize = fsize
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._sql: psycopg.Connection | None = None
        self._spare: dict[str, list[Camera]] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        (home / "plugins.toml").write_text(plugins)
        named = {
            "home": home,
            "plugins_file": home / "plugins.toml",
            "port": 0,
            "database_url": database_url,
            "redis_url": redis_url,
            "log_format": "json",
            "parse_processes": 1,  # events are read in the order in which they came
            **(settings or {}),
        }
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("TANGKAPIN_")}
        self.environ |= {f"TANGKAPIN_{name.upper()}": str(value) for name, value in named.items()}
        self.environ["PYTHONPATH"] = str(self.folder)

    # -- processes ----------------------------------------------------------------------------------------------

    def start(self, *roles: str) -> None:
        """Start these of ingest, parse, work; "all" is `tangkapin serve` itself. Returns when requests are answered."""
        for role in roles:
            arguments = ["serve"] if role == "all" else ["serve", "--only", role]
            ready = self.home / f"{role}.ready"
            ready.unlink(missing_ok=True)
            if role in ("ingest", "all"):
                arguments += ["--ready-file", str(ready)]
            with self.log_path(role).open("ab") as log:
                self._processes[role] = subprocess.Popen(
                    self.command(*arguments), env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=self._limit,
                )  # fmt: skip
        for role in {"ingest", "all"} & set(roles):
            self._wait_for(role, self.home / f"{role}.ready")

    def _wait_for(self, role: str, ready: Path) -> None:
        self.wait_until(lambda: ready.exists() or self.ended(role), START_S, what="the server answers")
        assert not self.ended(role), self.logs(role)[-3000:]
        self.port = int(ready.read_text())

    def _limit(self) -> None:
        if self._fsize is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._fsize, self._fsize))

    def command(self, *arguments: str) -> list[str]:
        """The command line of a sub-command."""
        return [sys.executable, "-P", "-m", "core.cli.main", *arguments]

    def cli(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a sub-command of `tangkapin` in this house."""
        return subprocess.run(
            self.command(*arguments), env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip

    def pid(self, role: str) -> int:
        """The process id of a role."""
        return self._processes[role].pid

    def children(self, role: str) -> list[int]:
        """Process ids of what a role has forked."""
        listed = Path(f"/proc/{self.pid(role)}/task/{self.pid(role)}/children")
        return [int(pid) for pid in listed.read_text().split()]

    def ended(self, role: str) -> bool:
        """Whether the process is gone."""
        return self._processes[role].poll() is not None

    def kill(self, role: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a role's process and wait for its end."""
        process = self._processes.pop(role)
        process.send_signal(number)
        process.wait(30)

    def restart(self, role: str) -> None:
        """End a role's process and start it again, with the plugin folders as they are now."""
        self.kill(role, signal.SIGTERM)
        self.start(role)

    def stop(self) -> None:
        """End everything. Safe twice."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        if self._sql is not None:
            self._sql.close()
            self._sql = None
        self.database.dispose()

    def log_path(self, role: str) -> Path:
        """Where a role's standard output and error go."""
        return self.home / f"{role}.log"

    def logs(self, role: str = "") -> str:
        """What one role, or all, logged so far."""
        paths = [self.log_path(role)] if role else sorted(self.home.glob("*.log"))
        return "\n".join(path.read_text("utf-8", "replace") for path in paths if path.exists())

    # -- plugins ------------------------------------------------------------------------------------------------

    def write_plugin(self, name: str, body: str, *, maker: str = "") -> None:
        """Write the plugin folder `name` outside the tree; `body` is its class's body (hooks and all)."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        source = f"maker = {maker!r}\n{textwrap.dedent(body)}" if maker else textwrap.dedent(body)
        (folder / "plugin.py").write_text(_PLUGIN_HEAD + textwrap.indent(source, "    "))

    # -- as a device and as its owner ---------------------------------------------------------------------------

    def camera(self, maker: str, code: str = "", *, vendor: str = VENDOR, **fields: Any) -> Camera:
        """Register a device that may post as often as it likes; the running server knows it at once."""
        with contextlib.suppress(AccountError):
            add_vendor(self.database, vendor, by=Actor("cli"))
        code = code or f"{maker}-{next(_names)}"
        device_id, key = add_device(
            self.database,
            NewDevice(
                code=code,
                maker=maker,
                vendor=vendor,
                **{"rate_per_s": 10_000.0, "rate_burst": 10_000.0, **fields},
            ),
        )
        camera = Camera(device_id, code, maker, key.key if key else "")
        if self.port:
            self.request("POST", f"/cam/{maker}/nobody")  # somebody unknown makes the directory look
            self.wait_until(self._all_known, what=f"the server knows {code}")
        return camera

    def spare(self, maker: str) -> Camera:
        """A camera that was registered before the server started and that nobody else was given."""
        return self._spare[maker].pop()

    def keep_spare(self, maker: str, number: int) -> None:
        """Register cameras for spare()."""
        self._spare[maker] = [self.camera(maker) for _ in range(number)]

    def _front_log(self) -> str:
        return self.logs("ingest") + self.logs("all")

    def _all_known(self) -> bool:
        known = [json.loads(line)["devices"] for line in self._front_log().splitlines() if '"devices_loaded"' in line]
        return bool(known) and known[-1] >= self.one("SELECT count(*) FROM devices")

    def post(self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answered:
        """POST a body; a JSON content type unless `headers` says otherwise."""
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def send(self, camera: Camera, event: Any, content_type: str = "application/json") -> Answered:
        """Post an event of a camera: JSON of a dict, or bytes as they are."""
        body = event if isinstance(event, bytes) else msgspec.json.encode(event)
        return self.post(camera.path, body, {**camera.headers, "Content-Type": content_type})

    def request(
        self, method: str, path: str, body: bytes | Iterator[bytes] = b"", headers: Mapping[str, str] | None = None
    ) -> Answered:
        """One request on a connection of its own; an iterator as body is sent in chunks."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, dict(headers or {}), encode_chunked=not isinstance(body, bytes))
            answer = connection.getresponse()
            return Answered(answer.status, answer.headers, answer.read())

    def raw(self, data: bytes, *, timeout_s: float = 10.0) -> bytes:
        """Send bytes as they are; what comes back until the server closes or is silent for `timeout_s`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as connection:
            connection.sendall(data)
            received = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                while chunk := connection.recv(65536):
                    received += chunk
            return received

    # -- looking inside -----------------------------------------------------------------------------------------

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a query finds, seen by no tenant's eyes."""
        try:
            return self._connected().execute(query, parameters).fetchall()
        except psycopg.OperationalError:  # PostgreSQL was restarted since
            self._connected().close()
            return self._connected().execute(query, parameters).fetchall()

    def _connected(self) -> psycopg.Connection:
        if self._sql is None or self._sql.closed:
            self._sql = self.database.raw()
        return self._sql

    def one(self, query: str, *parameters: Any) -> Any:
        """The only value that a query finds."""
        ((value,),) = self.rows(query, *parameters)
        return value

    def count(self, table: str, camera: Camera) -> int:
        """How many rows of a table a device has."""
        query = sql.SQL("SELECT count(*) FROM {} WHERE device_id = %s").format(sql.Identifier(table))
        return int(self.one(query, camera.id))  # type: ignore[arg-type]

    def parsed(self) -> bool:
        """Whether nothing waits in the inbox."""
        return bool(self.one("SELECT count(*) = 0 FROM inbox"))

    def settle(self, timeout_s: float = 30.0) -> None:
        """Wait until everything in the inbox was parsed."""
        self.wait_until(self.parsed, timeout_s=timeout_s, what="the inbox is empty")

    def outcome(self, camera: Camera) -> tuple[list[str | None], list[str]]:
        """What became of a camera's payloads, once parsed: the plates read, the kinds of quarantine."""
        self.settle()
        reads = self.rows("SELECT plate_number FROM plate_reads WHERE device_id = %s ORDER BY id", camera.id)
        kept = self.rows("SELECT kind FROM quarantine WHERE device_id = %s ORDER BY id", camera.id)
        return [row[0] for row in reads], [row[0] for row in kept]

    def wait_until(self, predicate: Callable[[], Any], timeout_s: float = 30.0, what: str = "") -> None:
        """Look until it holds. Raises AssertionError with the end of the logs when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not predicate():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout_s:g} s: {what or predicate}\n{self.logs()[-3000:]}")
            time.sleep(0.03)


def event(plate: str = "B 1234 XYZ", at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """A generic event of now."""
    moment = at or datetime.now(UTC)
    return {"plateNumber": plate, "captureTime": moment.isoformat(), "confidence": 92, **more}


def plugins_toml(plugins: Mapping[str, str]) -> str:
    """A plugins.toml that enables `instance: use`."""
    return "hooks = 1\n" + "".join(f'\n[plugin.{name}]\nuse = "{use}"\n' for name, use in plugins.items())


@contextlib.contextmanager
def fresh_database(postgres_url: str, template_url: str) -> Iterator[str]:
    """A migrated database of one's own beside the session's; dropped at the end."""
    name = f"tangkapin_house_{os.getpid()}_{next(_names)}"
    template = make_url(template_url).database
    admin = make_url(postgres_url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(admin.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture
def open_house(tmp_path: Path, postgres_url: str, template_url: str, redis_url: str) -> Iterator[Callable[..., House]]:
    """open_house(*roles, plugins={…}, write={name: body}, settings={…}) -> a House of the test's own, started.

    plugins  instance -> use; the makes of the tree without it
    write    plugin folders to write before the start: folder name -> (maker, class body)
    """
    with contextlib.ExitStack() as stack:

        def start(
            *roles: str,
            plugins: Mapping[str, str] = MAKES,
            write: Mapping[str, tuple[str, str]] | None = None,
            settings: Mapping[str, Any] | None = None,
            database_url: str = "",
            fsize: int | None = None,
        ) -> House:
            url = database_url or stack.enter_context(fresh_database(postgres_url, template_url))
            home = tmp_path / f"house-{next(_names)}"
            home.mkdir()
            house = House(home, url, redis_url, plugins_toml(plugins), settings=settings, fsize=fsize)
            stack.callback(house.stop)
            for name, (maker, body) in (write or {}).items():
                house.write_plugin(name, body, maker=maker)
            house.start(*roles)
            return house

        yield start


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, template_url: str, valkey_url: str
) -> Iterator[House]:
    """A running House for a whole module: the camera endpoint, the parse stage, the makes of the tree and one rule."""
    plugins = plugins_toml({**MAKES, "rule": "house_rule"})
    with fresh_database(postgres_url, template_url) as url:
        made = House(tmp_path_factory.mktemp("house"), url, valkey_url, plugins)
        made.write_plugin("house_rule", RULE)
        for maker in MAKES:
            made.keep_spare(maker, SPARE)
        try:
            made.start("ingest", "parse")
            yield made
        finally:
            made.stop()
