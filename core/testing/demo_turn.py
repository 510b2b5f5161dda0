"""One demo over one home, and a port for each, however many are started in the same second."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from core.domain.errors import TangkapinError

Claimed = socket.socket


class DemoRuns(TangkapinError):
    """Another demo has this home."""


class Turn:
    """Who may run over a home: the process that holds this lock, which the kernel drops when the process dies."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / "demo" / "running"
        self._handle: int | None = None

    def take(self) -> None:
        """Raises DemoRuns, saying which one runs and what to do."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise DemoRuns(self._whose()) from None
        self._handle = handle
        self._write(str(os.getpid()))

    def tell(self, url: str) -> None:
        """Leave word of where it listens, for whoever starts another."""
        self._write(f"{os.getpid()} {url}")

    def drop(self) -> None:
        """Let the next one run. Safe twice, and where it was never taken."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _write(self, text: str) -> None:
        assert self._handle is not None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text.encode(), 0)

    def _whose(self) -> str:
        pid, _, url = self._path.read_text("utf-8", "replace").partition(" ")
        what = f"runs at {url}" if url else "is being started"
        ending = f"Ctrl-C or `kill {pid}` ends it" if pid else "Ctrl-C ends it"
        return (
            f"another demo {what} over {self._home} (process {pid or 'unknown'}). {ending}; set TANGKAPIN_HOME to "
            "another folder to run one beside it"
        )


def claim_port(host: str, wanted: int) -> tuple[int, Claimed]:
    """The wanted port, or a free one where that is 0 or taken; nobody else is told it until the claim is closed.

    A server of ours listens there later, so the claim is the UDP port of the same number: demos that are started in
    the same second find each other by it, and it ends with the process.
    """
    for port in (wanted, *[0] * 20):
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                port = probe.getsockname()[1]
                claim.bind((host, port))
        except OSError:
            claim.close()
            continue
        return port, claim
    raise TangkapinError(f"{host} has no port to listen on: see host or TANGKAPIN_HOST")
