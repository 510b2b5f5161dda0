"""What a worker has told and not committed yet, in a file beside the database: its successor need not tell it again.

One file a process, held by a lock that ends with the process. It is emptied whenever everything in it is committed; a
line is written in microseconds where a commit takes milliseconds, so a worker that is killed in between loses little.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that a channel took. enough: its recipient, where no further channel is needed; 0 otherwise."""

    id: int
    token: int
    state: str
    receipt: str = ""
    enough: int = 0


class Journal:
    """Thread-safe. A disk that cannot be written costs the journal, never a notice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / f"told-{secrets.token_hex(8)}.log"
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._file: int | None = None
        self._closed = False

    def note(self, line: Line, *, before: float = math.inf) -> None:
        """Write down, at once, that this was told; not from `before` (time.monotonic()) on, when nobody waits for it
        any more and it would stay open for ever."""
        with self._lock:
            if self._closed or time.monotonic() >= before:
                return
            self._open.add(line.id)
            try:
                if self._file is None:
                    self._folder.mkdir(parents=True, exist_ok=True)
                    self._file = self._begin()
                os.write(self._file, msgspec.json.encode(line) + b"\n")
            except OSError as error:
                log.warning("journal_not_written", error=type(error).__name__)

    def _begin(self) -> int:
        """The file, locked before others can see it: they would take it for a dead one's."""
        draft = self._own.with_suffix(".new")
        number = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(self._own)
        except OSError:
            os.close(number)
            raise
        return number

    def committed(self, deliveries: Iterable[int]) -> None:
        """What came of these is in the database now, whether they were noted or not."""
        with self._lock:
            self._open.difference_update(deliveries)
            if not self._open and self._file is not None:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Let the file go; what is not committed stays in it for a successor."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                if not self._open:
                    self._own.unlink(missing_ok=True)
                os.close(self._file)
                self._file = None

    def left(self) -> Iterator[tuple[Path, list[Line]]]:
        """The files of processes that are gone, with their lines; a line that was cut off is left out. The caller
        removes each file once its lines are committed."""
        for path in sorted(self._folder.glob("told-*.log")):
            if path == self._own:
                continue
            with contextlib.suppress(OSError), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue  # its process lives
                yield path, list(_lines(file.read()))


def _lines(data: bytes) -> Iterator[Line]:
    for text in data.splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(text, type=Line)
