"""From the parts of a device's event stream to payloads as the device would have posted them.

A text part opens an event; pictures that follow belong to it, until the next text part or until the device is silent.
One part alone is handed on as its own body, several as multipart/mixed with right lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

from core.domain.errors import Transient
from core.domain.observations import Device, Payload
from core.domain.part_stream import PartStream, StreamPart
from core.domain.streams import StreamConnect

_BOUNDARY = "tangkapin-stream-part"
_KEPT = ("content-type", "content-disposition", "content-id")
_SILENT_TICKS = 2
"""Pictures of an event may still be on their way at the first quiet moment."""


def stream_payloads(
    connect: StreamConnect, device: Device, path: str, *, method: str = "GET", silent_s: float = 60.0
) -> Iterator[Payload]:
    """Attach to a multipart event stream and hand on each event.

    path      of the device, with its query
    silent_s  the device counts as lost when nothing at all came for so long (heartbeats count)
    Raises Transient as `connect` does, and when the answer is no multipart stream.
    """
    with connect(path, method=method, silent_s=silent_s) as connection:
        declared = connection.head.headers.get("content-type", "")
        if not declared.lower().startswith("multipart/"):
            got = declared[:80] or "no type"
            raise Transient(f"expected a multipart stream from {path.partition('?')[0]}, got {got!r}")
        parts, group, quiet = PartStream(declared), list[StreamPart](), 0
        for chunk in chain(connection, [None]):
            quiet = 0 if chunk else quiet + 1
            for part in parts.feed(chunk) if chunk else parts.flush():
                if group and not part.is_jpeg:
                    yield _payload(group, device, path)
                    group = []
                group.append(part)
            if group and (chunk is None or (quiet >= _SILENT_TICKS and parts.is_idle)):
                yield _payload(group, device, path)
                group = []


def _payload(parts: Sequence[StreamPart], device: Device, path: str) -> Payload:
    content_type, body = joined(parts)
    path, _, query = path.partition("?")
    return Payload(
        body=body, device=device, received_at=datetime.now(UTC), content_type=content_type, path=path, query=query
    )


def joined(parts: Sequence[StreamPart]) -> tuple[str, bytes]:
    """Content type and body of parts that belong together."""
    if len(parts) == 1:
        return parts[0].headers.get("content-type", "application/octet-stream"), parts[0].data
    boundary = _BOUNDARY
    while any(boundary.encode() in part.data for part in parts):
        boundary += "-"
    out = bytearray()
    for part in parts:
        lines = [f"--{boundary}", *(f"{k}: {part.headers[k]}" for k in _KEPT if k in part.headers)]
        out += "\r\n".join([*lines, f"Content-Length: {len(part.data)}", "", ""]).encode("latin-1", "replace")
        out += part.data + b"\r\n"
    out += f"--{boundary}--\r\n".encode()
    return f"multipart/mixed; boundary={boundary}", bytes(out)
