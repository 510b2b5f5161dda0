"""Parts of an endless multipart answer (MJPEG, event streams), as they come.

The field's habits are those of core.domain.multipart: Content-Length right, wrong by a few bytes, zero or missing, LF
or CRLF, doubled delimiters, a boundary that is declared with or without its dashes, or another one than is used. A part
is handed on as soon as it is surely complete; `flush` hands on what a silent device has left in the buffer, since its
next delimiter comes only with its next event.
"""

from __future__ import annotations

import re

from core.domain.errors import MalformedPayload
from core.domain.multipart import boundary_of

MAX_PART = 16 * 1024 * 1024
_MAX_HEAD = 16 * 1024
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n")
_OTHER = re.compile(rb"\s*(--[^\s].{0,100}?)\r?\n(?:[\w-]+:[^\n]*\n)+[ \t]*\r?\n")
"""A first line that can only be a delimiter: a part's headers follow it."""
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


class StreamPart:
    """One part: lower-case header names, and its bytes without the line break before the next delimiter."""

    __slots__ = ("data", "headers")

    def __init__(self, headers: dict[str, str], data: bytes) -> None:
        self.headers = headers
        self.data = data

    @property
    def content_type(self) -> str:
        """Without parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_jpeg(self) -> bool:
        """By its bytes: the declared type lies."""
        return self.data.startswith(_JPEG_START)


class PartStream:
    """Feed it chunks, get parts. `content_type` is that of the answer. Raises MalformedPayload for what never ends."""

    def __init__(self, content_type: str, *, max_part: int = MAX_PART) -> None:
        declared = boundary_of(content_type).encode("latin-1", "replace")
        self._delimiter = b"--" + declared.lstrip(b"-") if declared.strip(b"-") else b""
        self._max_part = max_part
        self._buffer = bytearray()
        self._headers: dict[str, str] | None = None
        self._scanned = 0
        self._is_first = True

    @property
    def is_idle(self) -> bool:
        """No part is under way."""
        return self._headers is None or not self._buffer

    def feed(self, chunk: bytes) -> list[StreamPart]:
        """Take bytes; the parts that are complete by now."""
        self._buffer += chunk
        found = []
        while (part := self._next()) is not None:
            found.append(part)
        limit = _MAX_HEAD if self._headers is None else self._max_part
        if len(self._buffer) > limit + len(chunk):
            raise MalformedPayload(f"a part of the stream has more than {limit} bytes, or no delimiter ends it")
        return found

    def flush(self) -> list[StreamPart]:
        """The device is silent: the part in the buffer, when it has anything and is no picture cut in the middle."""
        data = bytes(self._buffer).strip(b"\r\n") if self._headers is not None else b""
        if not data or (data.startswith(_JPEG_START) and not data.endswith(_JPEG_END)):
            return []
        if self._delimiter and data.endswith(self._delimiter[:1]):  # the first bytes of the next delimiter
            data = data.rstrip(b"-\r\n")
        length = self._length()
        if length and length > len(data) + 4:
            return []
        return [self._take(data, len(self._buffer))]

    def _next(self) -> StreamPart | None:
        if self._headers is None and not self._read_head():
            return None
        start = self._find_end(self._scanned)
        length = self._length()
        if length and len(self._buffer) >= length:
            jpeg = self._buffer.startswith(_JPEG_START)
            whole = bytes(self._buffer[length - 2 : length]) == _JPEG_END
            behind = bytes(self._buffer[length : length + len(self._delimiter) + 4])
            if (jpeg and whole) or (self._delimiter and behind.lstrip(b"\r\n").startswith(self._delimiter)):
                data = bytes(self._buffer[:length])
                # The device may have counted the line break too, or half of it.
                if not jpeg and behind[:1] != b"\r":
                    data = _without_break(data + b"\n") if behind[:1] == b"\n" else _without_break(data)
                return self._take(data, length)
            if jpeg and 0 <= start < length:
                start = self._find_end(length - 4)  # the delimiter's bytes inside a picture
        if start < 0:
            self._scanned = max(0, len(self._buffer) - len(self._delimiter) - 2)
            return None
        return self._take(_without_break(bytes(self._buffer[:start])), start)

    def _find_end(self, start: int) -> int:
        if not self._delimiter:
            return -1
        at = self._buffer.find(self._delimiter, max(0, start))
        while at > 0 and self._buffer[at - 1] not in b"\r\n":
            at = self._buffer.find(self._delimiter, at + 1)
        return at

    def _take(self, data: bytes, end: int) -> StreamPart:
        assert self._headers is not None
        part = StreamPart(self._headers, data)
        del self._buffer[:end]
        self._headers, self._scanned = None, 0
        return part

    def _length(self) -> int:
        text = (self._headers or {}).get("content-length", "").strip()
        return int(text) if text.isdecimal() and int(text) <= self._max_part else 0

    def _read_head(self) -> bool:
        """Past the delimiter line and the part's headers; learns an undeclared delimiter from the first line."""
        while True:
            at = self._buffer.find(self._delimiter or b"--")
            if at < 0:
                other = _OTHER.match(self._buffer[:_MAX_HEAD]) if self._is_first else None
                if other is not None:
                    self._delimiter = bytes(other[1])  # the device declares one boundary and uses another
                    continue
                if len(self._buffer) > _MAX_HEAD:
                    del self._buffer[: -len(self._delimiter) or None]
                return False
            line_end = self._buffer.find(b"\n", at)
            if line_end < 0:
                return False
            if not self._delimiter:
                self._delimiter = bytes(self._buffer[at:line_end]).strip()
            rest = line_end + 1
            if self._buffer.startswith(self._delimiter, rest):
                del self._buffer[:rest]  # a doubled delimiter line (Hikvision NVR)
                continue
            blank = _BLANK.search(self._buffer, max(0, line_end - 1))
            if blank is None:
                return False
            head = bytes(self._buffer[rest : max(rest, blank.start())])
            self._is_first = False
            self._headers = _headers(head)
            del self._buffer[: blank.end()]
            return True


def _without_break(data: bytes) -> bytes:
    return data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")


def _headers(head: bytes) -> dict[str, str]:
    found = {}
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
