"""Bodies as tests make them: a drawn picture, an ISAPI-like alert, multipart in every spelling."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from PIL import Image

MULTIPART = "multipart/form-data; boundary=MIME_boundary"
CRLF = b"\r\n"
Part = tuple[list[bytes], bytes]
"""Header lines and data of a part."""


def jpeg(size: tuple[int, int] = (32, 24), color: str = "red") -> bytes:
    """A small picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "JPEG")
    return out.getvalue()


def alert(plate: str = "B1234XYZ", head: bytes = b'<?xml version="1.0" encoding="UTF-8"?>', inner: str = "") -> bytes:
    """An alert of now with one plate, behind a declaration of the test's choice."""
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        head
        + (
            f"<EventNotificationAlert><channelID>1</channelID><dateTime>{moment}</dateTime><eventType>ANPR</eventType>"
            f"<ANPR><licensePlate>{plate}</licensePlate><confidenceLevel>90</confidenceLevel></ANPR>{inner}"
            "</EventNotificationAlert>"
        ).encode()
    )


def form(name: bytes, data: bytes, content_type: bytes = b"text/xml") -> Part:
    """A part of a form."""
    return [b'Content-Disposition: form-data; name="%s"' % name, b"Content-Type: " + content_type], data


def multipart(*parts: Part, boundary: bytes = b"MIME_boundary", eol: bytes = CRLF, end: bool = True) -> bytes:
    """The parts as one body; the closing delimiter only with `end`."""
    body = b""
    for lines, data in parts:
        body += b"--" + boundary + eol + eol.join([*lines, b"", data]) + eol
    return body + (b"--" + boundary + b"--" + eol if end else b"")
