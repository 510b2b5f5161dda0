"""The door-bell between the inbox writer and the parse stage: a datagram that says "look now", nothing more.

A lost ring delays one look (a second); the rows are the truth.
"""

from __future__ import annotations

import contextlib
import select
import socket
from pathlib import Path


class BellPush:
    """The writer's side: ring() never blocks and never fails."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self) -> None:
        """Wake the parse stage if it is there."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"!", self._path)


class Bell:
    """The parse stage's side; made before its children are forked, shared by them."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.setblocking(False)

    def wait(self, timeout_s: float) -> bool:
        """Wait for a ring; True if there was one. All rings that wait are taken together."""
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        rung = False
        if ready:
            with contextlib.suppress(BlockingIOError):
                for _ in range(4096):
                    self._socket.recv(16)
                    rung = True
        return rung
