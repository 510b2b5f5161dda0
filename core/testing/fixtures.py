"""Fixtures of cameras: whole requests in `.http` files, bare bodies with a `.headers` file beside them.

A `.http` file holds a request line, headers, an empty line (all CRLF) and the body, byte for byte as the device sends
it; `<name>.expected.json` beside it holds what `tangkapin parse --json` prints for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.domain.errors import TangkapinError
from core.domain.observations import Device, Image, Observation, Payload, PlateRead
from core.ingest.inflate import inflate

_CONTENT_TYPES = {".xml": "application/xml", ".json": "application/json", ".txt": "text/plain"}


class BadFixture(TangkapinError):
    """A fixture file that is no request."""


def load_http(path: Path) -> tuple[str, str, dict[str, str], bytes]:
    """Return (method, path, headers, body) of a `.http` file; header names keep their case, the last of equals wins."""
    raw = path.read_bytes()
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        raise BadFixture(f"{path.name}: expected headers, an empty line (CRLF) and a body")
    line, *rest = head.decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3:
        raise BadFixture(f"{path.name}: expected a request line like 'POST /cam/maker HTTP/1.1', got {line[:60]!r}")
    return words[0], words[1], _headers(rest), body


def load_headers(path: Path) -> dict[str, str]:
    """Headers of a `.headers` file: one a line, a request or status line in front is left out."""
    lines = path.read_text("latin-1").splitlines()
    return _headers(line for line in lines if ":" in line and not line.startswith(("HTTP/", "POST ", "GET ", "PUT ")))


def device(maker: str, *, zone: str = "Asia/Jakarta", **fields: Any) -> Device:
    """A device of a make for tests that need no database."""
    known: dict[str, Any] = {"id": 1, "code": f"{maker}-uji", "vendor_id": 1, "vendor_code": "polda-uji"}
    return Device(**(known | {"maker": maker, "zone": zone} | fields))


def as_payload(
    source: Path | bytes,
    maker: str,
    *,
    content_type: str | None = None,
    headers: dict[str, str] | None = None,
    zone: str = "Asia/Jakarta",
    received_at: datetime | None = None,
) -> Payload:
    """A payload of a `.http` file, a bare body file (its `.headers` sibling is read), or bytes.

    Content-Encoding is undone, as core does. Without a content type it is guessed from the file's ending.
    """
    found: dict[str, str] = {}
    path = ""
    if isinstance(source, bytes):
        body = source
    elif source.suffix == ".http":
        _, path, found, body = load_http(source)
    else:
        body = source.read_bytes()
        beside = source.with_suffix(".headers")
        found = load_headers(beside) if beside.exists() else {}
        found.setdefault("Content-Type", _CONTENT_TYPES.get(source.suffix, ""))
    lower = {k.lower(): v for k, v in (found | (headers or {})).items()}
    if content_type is not None:
        lower["content-type"] = content_type
    return Payload(
        body=inflate(body, lower.get("content-encoding", "")),
        device=device(maker, zone=zone),
        received_at=received_at or datetime.now(UTC),
        content_type=lower.get("content-type", ""),
        headers=lower,
        path=path,
    )


def describe(observations: Iterable[Observation]) -> list[dict[str, Any]]:
    """Observations as `tangkapin parse --json` prints them."""
    return [as_row(o) for o in observations]


def fixture_pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(request, expected values) of a fixtures folder, in name order. Raises BadFixture for a request without them."""
    for path in sorted(folder.glob("*.http")):
        expected = path.with_suffix(".expected.json")
        if not expected.exists():
            raise BadFixture(f"{path.name} has no {expected.name} beside it")
        yield path, expected


def as_row(o: Observation) -> dict[str, Any]:
    """An observation as it is printed: times in UTC, pictures by role, size and SHA-256."""
    read = o if isinstance(o, PlateRead) else None
    return {
        "kind": o.__struct_config__.tag,
        "event": o.event,
        "plate_number": read.plate_number if read else None,
        "plate_raw": read.plate_raw if read else "",
        "confidence": read.confidence if read else None,
        "capture_time": _utc(o.capture_time),
        "direction": o.direction,
        "lane_no": o.lane_no,
        "vehicle_type": o.vehicle_type,
        "vehicle_color": o.vehicle_color,
        "images": [_image(i) for i in o.images],
    }


def _image(image: Image) -> dict[str, Any]:
    if image.data is None:
        return {"role": image.role, "url": image.url}
    return {"role": image.role, "bytes": len(image.data), "sha256": hashlib.sha256(image.data).hexdigest()}


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _headers(lines: Iterable[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip()] = value.strip()
    return found
