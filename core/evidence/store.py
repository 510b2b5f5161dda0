"""The media store: bytes go in once, durable before the row that names them commits, and never change.

Bodies and pictures are appended to segment files: one write and one fdatasync for a whole batch
(a file for each picture costs ten times that). A segment belongs to one process; its name is unique. A reference
`seg:<name>:<offset>:<size>` names the bytes; `payload:<id>` names a body small enough to live in its row.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from core.domain.errors import TangkapinError

BLOCK = 4096
SEGMENT_BYTES = 256 * 1024 * 1024
BUFFER_BYTES = 8 * 1024 * 1024
_OPEN_FILES = 64
_O_DIRECT = getattr(os, "O_DIRECT", 0)

Buffer = bytes | bytearray | memoryview


class MediaMissing(TangkapinError):
    """A reference names bytes that are not (or no longer) there."""


class SegmentWriter:
    """Appends batches of blobs to preallocated segments. One thread at a time.

    O_DIRECT where the file system has it: pictures are written once and read much later, so the page cache would only
    be washed out; where it has not, buffered writes with the same fdatasync.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._buffer = mmap.mmap(-1, BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._fd = -1
        self._name = ""
        self._at = 0
        self._direct = False

    def append(self, blobs: Sequence[Buffer]) -> list[str]:
        """Write all blobs and sync once; return their references. Raises OSError (ENOSPC) with nothing promised."""
        if not blobs:
            return []
        references: list[str] = []
        need = sum(len(b) for b in blobs) + BLOCK
        if self._fd < 0 or self._at + need > self._segment_bytes:
            self._roll(need)
        fill = 0  # bytes waiting in the aligned buffer
        for blob in blobs:
            references.append(f"seg:{self._name}:{self._at + fill}:{len(blob)}")
            view = memoryview(blob)
            done = 0
            while done < len(view):
                n = min(len(view) - done, BUFFER_BYTES - fill)
                self._view[fill : fill + n] = view[done : done + n]
                fill, done = fill + n, done + n
                if fill == BUFFER_BYTES:
                    self._flush(fill)
                    fill = 0
        if fill:
            padded = -(-fill // BLOCK) * BLOCK
            self._view[fill:padded] = bytes(padded - fill)
            self._flush(padded)
        os.fdatasync(self._fd)
        return references

    def close(self) -> None:
        """Cut the preallocated rest off and let go. Safe twice."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._at)
            os.close(self._fd)
            self._fd = -1

    def _flush(self, size: int) -> None:
        start = 0
        while start < size:
            start += os.pwrite(self._fd, self._view[start:size], self._at + start)
        self._at += size

    def _roll(self, need: int) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}"
        path = self._folder / self._name
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd, self._direct = _open_direct(path, flags)
        self._at = 0
        try:
            os.posix_fallocate(self._fd, 0, max(self._segment_bytes, need + BUFFER_BYTES))
        except OSError as error:
            if error.errno == errno.ENOSPC:
                os.close(self._fd)
                self._fd = -1
                path.unlink(missing_ok=True)
                raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _open_direct(path: Path, flags: int) -> tuple[int, bool]:
    if _O_DIRECT:
        try:
            fd = os.open(path, flags | _O_DIRECT, 0o600)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            path.unlink(missing_ok=True)
        else:
            return fd, True
    return os.open(path, flags, 0o600), False


class MediaStore:
    """Reads and writes evidence bytes under one folder; safe to share between threads.

    read_payload  how to get the body of a small payload from its row: payload id -> bytes
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_payload: Callable[[int], bytes] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._folder = folder / "segments"
        self._writer = SegmentWriter(self._folder, segment_bytes=segment_bytes)
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._files: OrderedDict[str, int] = OrderedDict()
        self._read_payload = read_payload

    def append(self, blobs: Sequence[Buffer]) -> list[str]:
        """Store blobs durably with one sync; return a reference for each."""
        with self._write_lock:
            return self._writer.append(blobs)

    def read(self, ref: str, offset: int = 0, size: int | None = None) -> bytes:
        """Return `size` bytes from `offset` within what `ref` names. Raises MediaMissing."""
        kind, _, rest = ref.partition(":")
        if kind == "payload" and self._read_payload is not None:
            body = self._read_payload(int(rest))
            return body[offset:] if size is None else body[offset : offset + size]
        if kind != "seg":
            raise MediaMissing(f"no way to read media reference {ref[:80]!r}")
        name, start, length = rest.split(":")
        want = int(length) - offset if size is None else min(size, int(length) - offset)
        data = os.pread(self._open(name), max(want, 0), int(start) + offset)
        if len(data) != want:
            raise MediaMissing(f"media segment {name} ends before offset {int(start) + offset + want}")
        return data

    def close(self) -> None:
        """Let go of all files. Safe twice."""
        with self._write_lock:
            self._writer.close()
        with self._read_lock:
            while self._files:
                os.close(self._files.popitem()[1])

    def _open(self, name: str) -> int:
        if "/" in name or name.startswith("."):
            raise MediaMissing("media segment names have no path in them")
        with self._read_lock:
            fd = self._files.get(name)
            if fd is None:
                try:
                    fd = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:
                    raise MediaMissing(f"media segment {name} is not in {self._folder.name}") from None
                self._files[name] = fd
                if len(self._files) > _OPEN_FILES:
                    os.close(self._files.popitem(last=False)[1])
            else:
                self._files.move_to_end(name)
            return fd


def tune_malloc() -> None:
    """Keep large buffers on the heap: glibc otherwise maps and unmaps every block over 128 kB (ten times dearer)."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 28)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD
