"""A few shared bytes in which a parser process says what it is working on, for the watchdog beside it.

The file outlives both: after a crash of everything it still names the payload that was being parsed.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

import msgspec

_LAYOUT = struct.Struct("<qq64s")
_NEWS = struct.Struct("<q")
_NEWS_AT = 128


class Work(msgspec.Struct, frozen=True):
    """payload_id 0 = idle; since_ns is time.monotonic_ns(), 0 = just being written; instance is the plugin at work."""

    payload_id: int
    since_ns: int
    instance: str

    def seconds(self) -> float:
        """How long it has been at it; 0 when idle, and when the reader met the writer between two words."""
        return (time.monotonic_ns() - self.since_ns) / 1e9 if self.payload_id and self.since_ns else 0.0


class Board:
    """Both sides open the same file; writing costs less than a microsecond."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, mmap.PAGESIZE)
            self._memory = mmap.mmap(fd, mmap.PAGESIZE)
        finally:
            os.close(fd)
        self._at = 0
        self._names: dict[str, bytes] = {}

    def begin(self, payload_id: int) -> None:
        """I start on this payload now."""
        self._at = payload_id
        _LAYOUT.pack_into(self._memory, 0, payload_id, time.monotonic_ns(), b"")

    def name(self, instance: str) -> None:
        """This plugin is asked now; its time starts now."""
        name = self._names.get(instance)
        if name is None:
            name = self._names[instance] = instance.encode()[:64]
        _LAYOUT.pack_into(self._memory, 0, self._at, time.monotonic_ns(), name)

    def end(self) -> None:
        """I am done with it."""
        self._at = 0
        _LAYOUT.pack_into(self._memory, 0, 0, 0, b"")

    def tell(self) -> None:
        """The watchdog's side: what must not be parsed has changed; look before the next batch."""
        _NEWS.pack_into(self._memory, _NEWS_AT, self.news() + 1)

    def news(self) -> int:
        """How often tell() was called; another number than the last time = look."""
        return int(_NEWS.unpack_from(self._memory, _NEWS_AT)[0])

    def read(self) -> Work:
        """What the other side is at."""
        payload_id, since, instance = _LAYOUT.unpack_from(self._memory, 0)
        return Work(payload_id, since, instance.rstrip(b"\x00").decode("utf-8", "replace"))
