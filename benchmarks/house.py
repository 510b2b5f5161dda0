"""A Tangkapin deployment for measuring: embedded services, migrated, with cameras, its processes started one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from core.accounts.vendors import add_vendor
from core.db import migrate
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.db.valkey import EmbeddedValkey
from core.ingest.devices import SYSTEM, NewDevice, add_device

AGENCY = "polda-banten"
DEVICES = 50
FAST = 10_000.0
"""Requests a second and device: the rate limit is in the path, but lets everything through."""
READY_S = 120.0

PLUGINS = """\
hooks = 1
[plugin.hikvision]
use = "vendors.hikvision"
[plugin.dahua]
use = "vendors.dahua"
[plugin.generic]
use = "vendors.generic"
[plugin.anpr_filter]
use = "detectors.anpr_filter"
[plugin.polda_banten]
use = "plugins.poldas.polda_banten"
vendors = ["polda-banten"]
[plugin.polda_banten.config]
every_passage = ["lampu_merah"]
"""


class House:
    """Use as a context manager; everything it started ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder / "postgres")
        self._valkey = EmbeddedValkey(folder / "valkey")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.keys: dict[str, list[str]] = {}
        self.url = self._redis_url = ""

    def __enter__(self) -> House:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.url = self.postgres.start()
            self._redis_url = self._valkey.start()
            migrate.upgrade(self.url)
            self.plugins_file.write_text(PLUGINS)
            self.database = Database(self.url)
            add_vendor(self.database, AGENCY, name="Polda Banten", region="Banten", by=SYSTEM)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self._processes.values()):
            end(process)
        if hasattr(self, "database"):
            self.database.dispose()
        self._valkey.stop()
        self.postgres.stop()

    @property
    def plugins_file(self) -> Path:
        """All makes, the filter, and a rule that makes every passage a violation."""
        return self.folder / "plugins.toml"

    def add_cameras(self, maker: str) -> list[str]:
        """Register DEVICES red-light cameras of a make; returns their keys."""
        keys = []
        for number in range(DEVICES):
            new = NewDevice(
                code=f"{maker}-{number:02d}", maker=maker, vendor=AGENCY, location=f"Simpang {number}",
                purposes=("lampu_merah",), rate_per_s=FAST, rate_burst=FAST,
            )  # fmt: skip
            _, key = add_device(self.database, new)
            assert key is not None
            keys.append(key.key)
        self.keys[maker] = keys
        return keys

    def start(self, role: str) -> int:
        """`tangkapin serve --only ROLE`; for ingest, returns when it answers. Returns the process id."""
        ready = self.folder / f"{role}.ready"
        ready.unlink(missing_ok=True)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TANGKAPIN_")}
        environ |= {
            "TANGKAPIN_HOME": str(self.folder / "home"),
            "TANGKAPIN_DATABASE_URL": self.url,
            "TANGKAPIN_REDIS_URL": self._redis_url,
            "TANGKAPIN_PLUGINS_FILE": str(self.plugins_file),
            "TANGKAPIN_LOG_FORMAT": "json",
            "TANGKAPIN_PORT": "0",
        }
        command = [sys.executable, "-P", "-m", "core.cli.main", "serve", "--only", role, "--ready-file", str(ready)]
        with self.log_of(role).open("ab") as log:
            self._processes[role] = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        if role == "ingest":
            self.port = int(wait_for_file(ready, self._processes[role]))
        return self._processes[role].pid

    def log_of(self, role: str) -> Path:
        """Where a process's log lines go."""
        return self.folder / f"{role}.log"

    def postgres_pid(self) -> int:
        """Of the postmaster."""
        return postmaster(self.postgres)

    def scalar(self, statement: str, **values: Any) -> Any:
        """One value."""
        with self.database.system() as connection:
            return connection.execute(text(statement), values).scalar()

    def wait_until_parsed(self, timeout_s: float = 60.0) -> float:
        """Wait until the inbox is empty; returns the moment (monotonic)."""
        deadline = time.monotonic() + timeout_s
        while self.scalar("SELECT EXISTS (SELECT 1 FROM inbox)"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the parse stage did not finish; see {self.log_of('parse')}")
            time.sleep(0.02)
        return time.monotonic()

    def last_problems(self) -> list[str]:
        """What the processes complained of."""
        lines = [line for role in ("ingest", "parse") for line in self.log_of(role).read_text().splitlines()]
        return [line[:300] for line in lines if '"level": "error"' in line or '"level": "warning"' in line][-5:]

    def parse_lags_ms(self, since: float, until: float) -> list[float]:
        """Milliseconds from receipt to commit for every event received in that span (unix seconds), sorted.

        A batch's commit is when the parse stage's log line about it was written, which is right after it.
        """
        done: list[tuple[int, float]] = []
        for line in self.log_of("parse").read_text().splitlines():
            if '"batches_parsed"' in line:
                told = json.loads(line)
                done.append((int(told["trace"][1:]) >> 10, _unix(told["time"])))
        done.sort()
        with self.database.system() as connection:
            rows = connection.execute(
                text("SELECT id >> 10, extract(epoch FROM received_at)::float8 FROM payloads"
                     " WHERE received_at BETWEEN to_timestamp(:since) AND to_timestamp(:until) ORDER BY id"),
                {"since": since, "until": until},
            ).all()  # fmt: skip
        lags, at = [], 0
        for batch, received in rows:
            while at + 1 < len(done) and done[at + 1][0] <= batch:
                at += 1
            lags.append((done[at][1] - received) * 1000)
        return sorted(lags)


def postmaster(server: EmbeddedPostgres) -> int:
    """The process id of an embedded server."""
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def wait_for_file(path: Path, process: subprocess.Popen[Any], timeout_s: float = READY_S) -> str:
    """The contents of a file that a process writes when it is ready."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{path.stem} did not become ready; see its log in {path.parent}")
        time.sleep(0.02)
    return path.read_text()


def end(process: subprocess.Popen[Any]) -> None:
    """SIGTERM, and SIGKILL for one that does not listen."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _unix(text_: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text_).timestamp()
