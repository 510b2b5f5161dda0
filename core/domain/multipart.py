"""A tolerant multipart reader for what cameras send: strict parsers lose events.

Seen in the field (camera-payloads reference §1.3, §2.2): preamble text, doubled delimiter lines, LF instead of CRLF,
folded part headers, no headers at all, Content-Length right, wrong by one, zero or missing, a JPEG that contains the
delimiter, no final delimiter, a last part cut off, a boundary in the header that is not the one in the body.
"""

from __future__ import annotations

import re

import msgspec

from core.domain.errors import MalformedPayload

MAX_PARTS = 256
MAX_PART_HEADER = 16 * 1024
_BOUNDARY = re.compile(r"""boundary\s*=\s*(?:"([^"]*)"|([^;\s]+))""", re.IGNORECASE)
_PARAMETER = re.compile(r""";\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))""")
_HEADER_LINE = re.compile(rb"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*:")
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n|\r?\n\r?\n")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part. `data` is a view into the body, `offset` where it starts there; names are lower-cased headers.

    truncated  no delimiter follows: the device cut the part off, or the stream goes on
    """

    headers: dict[str, str]
    name: str
    filename: str
    content_type: str
    data: memoryview
    offset: int
    truncated: bool = False

    def text(self) -> str:
        """The data as text: UTF-8, else GB18030 (old Chinese firmware), else with replacements."""
        raw = bytes(self.data)
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        return raw.decode("utf-8", "replace")


def is_multipart(content_type: str) -> bool:
    """True for multipart/anything: devices use form-data, mixed and x-mixed-replace for the same thing."""
    return content_type.lstrip().lower().startswith("multipart/")


def boundary_of(content_type: str) -> str:
    """The declared boundary, quoted or not, followed by other parameters or not; "" when there is none."""
    match = _BOUNDARY.search(content_type)
    return (match.group(1) or match.group(2) or "") if match else ""


def split_parts(body: bytes | memoryview, content_type: str) -> list[Part]:
    """Split a multipart body. Raises MalformedPayload when no delimiter is found at all or there are too many parts."""
    raw = bytes(body) if isinstance(body, memoryview) else body
    delimiter = _delimiter(raw, boundary_of(content_type))
    view = memoryview(raw)
    parts: list[Part] = []
    at = _find(raw, delimiter, 0)
    while at >= 0:
        at += len(delimiter)
        if raw[at : at + 2] == b"--" and not raw[at + 2 :].strip():
            break  # the closing delimiter; a stream may have another part behind a "--", then go on
        line_end = raw.find(b"\n", at)
        if line_end < 0:
            break
        closing = raw[at : at + 2] == b"--"
        at = line_end + 1
        if closing and raw[at : at + 8].lower() != b"content-":
            at = _find(raw, delimiter, at)  # an epilogue is no part
            continue
        if raw.startswith(delimiter, at):
            continue  # a doubled delimiter line (Hikvision NVR)
        headers, start = _headers(raw, at, delimiter)
        if start < 0:
            break  # cut off inside the part's header
        end, following = _end(raw, start, headers.get("content-length", ""), delimiter)
        if len(parts) >= MAX_PARTS:
            raise MalformedPayload(f"multipart body has more than {MAX_PARTS} parts")
        disposition = headers.get("content-disposition", "")
        parameters = {m.group(1).lower(): m.group(2) or m.group(3) or "" for m in _PARAMETER.finditer(disposition)}
        if headers or end > start:
            parts.append(
                Part(
                    headers=headers,
                    name=parameters.get("name", ""),
                    filename=parameters.get("filename", ""),
                    content_type=headers.get("content-type", ""),
                    data=view[start:end],
                    offset=start,
                    truncated=following < 0,
                )
            )
        at = following
    return parts


def _delimiter(raw: bytes, declared: str) -> bytes:
    if declared:
        delimiter = b"--" + declared.encode("latin-1", "replace")
        if _find(raw, delimiter, 0) >= 0:
            return delimiter
        # some firmwares declare the boundary with its two dashes already on it
        if declared.startswith("--") and _find(raw, declared.encode("latin-1", "replace"), 0) >= 0:
            return declared.encode("latin-1", "replace")
    match = re.search(rb"(?:\A|\n)(--[^\r\n]{1,200}?)[ \t]*\r?\n", raw)
    if match is None:
        raise MalformedPayload(f"multipart body without a delimiter line (declared boundary {declared[:80]!r})")
    return match.group(1)


def _find(raw: bytes, delimiter: bytes, start: int) -> int:
    """Where the delimiter stands at the beginning of a line and is not the head of a longer one; -1 if nowhere."""
    at = raw.find(delimiter, start)
    while at >= 0:
        tail = raw[at + len(delimiter) : at + len(delimiter) + 2]
        if (at == 0 or raw[at - 1 : at] == b"\n") and (not tail or tail[:1] in b"\r\n \t" or tail == b"--"):
            return at
        at = raw.find(delimiter, at + 1)
    return -1


def _headers(raw: bytes, at: int, delimiter: bytes) -> tuple[dict[str, str], int]:
    """Return (headers, where the data begins); -1 when the body ends inside the header."""
    if raw[at : at + 1] == b"\n":
        return {}, at + 1
    if raw[at : at + 2] == b"\r\n":
        return {}, at + 2
    if not _HEADER_LINE.match(raw[at : at + 200]):
        return {}, at  # no headers and no blank line: the body begins at once
    blank = _BLANK.search(raw, at, at + MAX_PART_HEADER)
    stop = _find(raw, delimiter, at)
    if blank is not None and not 0 <= stop < blank.start():
        end, start = blank.start(), blank.end()
    elif stop >= 0:
        end = start = stop  # headers, then the next delimiter: an empty part
    else:
        return {}, -1
    headers: dict[str, str] = {}
    last = ""
    for line in raw[at:end].decode("utf-8", "replace").splitlines():
        if line[:1] in " \t" and last:
            headers[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if colon:
            last = name.strip().lower()
            headers[last] = value.strip()
    return headers, start


def _end(raw: bytes, start: int, content_length: str, delimiter: bytes) -> tuple[int, int]:
    """Return (end of data, position of the next delimiter or -1)."""
    if content_length.isdigit() and 0 < int(content_length) <= len(raw) - start:
        end = start + int(content_length)
        following = end
        while raw[following : following + 1] in (b"\r", b"\n") and following - end < 4:
            following += 1
        if raw.startswith(delimiter, following):
            if following == end:
                end = _without_newline(raw, start, end)  # the length counted the line end
            elif raw[end - 1 : end + 1] == b"\r\n" and raw[start - 2 : start] == b"\r\n":
                end -= 1  # one too many, in a body whose lines end with CRLF
            return end, following
        if not raw[end:].strip():
            return end, -1
    following = _find(raw, delimiter, start)
    if following < 0:
        return len(raw), -1
    return _without_newline(raw, start, following), following


def _without_newline(raw: bytes, start: int, end: int) -> int:
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
        if end > start and raw[end - 1 : end] == b"\r":
            end -= 1
    return end
