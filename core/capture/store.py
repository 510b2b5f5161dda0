"""What lies in the inbox and nobody reads: payloads of makes without a plugin, and what a parser refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, select

from core.accounts.tables import devices
from core.capture.redaction import plates_by_name, redact_body
from core.db.engine import Database
from core.domain.errors import MalformedPayload, TangkapinError, UnsupportedEvent
from core.domain.observations import Device, Observation, Payload, PlateRead
from core.evidence.store import MediaStore
from core.hooks.errors import PluginFailed, UnknownMaker
from core.hooks.host import Host
from core.ingest.directory import DeviceDirectory
from core.ingest.inflate import inflate
from core.ingest.tables import payloads, quarantine

_KEPT = ("content-type", "user-agent", "accept", "accept-charset", "x-event-type", "soapaction")


class CaptureError(TangkapinError):
    """There is no such capture, or it cannot be shared; the text says why."""


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """A stored request that no plugin understood. `body` is only filled by `load`."""

    id: int
    device_code: str
    maker: str
    received_at: datetime
    content_type: str
    size: int
    reason: str
    headers: dict[str, str]
    body: bytes = b""


def list_captures(database: Database, *, device: str = "", limit: int = 50) -> list[Capture]:
    """What lies in quarantine unresolved, newest first."""
    query = _ROWS.where(quarantine.c.id.is_not(None)).order_by(payloads.c.id.desc()).limit(limit)
    if device:
        query = query.where(devices.c.device_code == device)
    with database.system() as connection:
        return [_capture(row) for row in connection.execute(query).mappings()]


def load(database: Database, media: MediaStore, payload_id: int) -> Capture:
    """One stored request with its body, Content-Encoding undone; understood ones too. Raises CaptureError."""
    query = _ROWS.add_columns(payloads.c.body, payloads.c.body_ref).where(payloads.c.id == payload_id)
    with database.system() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise CaptureError(f"there is no payload {payload_id}; `tangkapin capture list` shows what nobody reads")
    raw = bytes(row["body"]) if row["body"] is not None else media.read(row["body_ref"])
    try:
        body = inflate(raw, row["headers"].get("content-encoding", ""))
    except MalformedPayload as error:
        raise CaptureError(f"payload {payload_id}: {error}") from None
    return msgspec.structs.replace(_capture(row), body=body, size=len(body))


class Exported(msgspec.Struct, frozen=True):
    """A request as a `.http` file, and the plates that were replaced in it."""

    data: bytes
    plates: int = 0


def export(capture: Capture, host: Host, directory: DeviceDirectory, *, seed: bytes | None) -> Exported:
    """The request; seed: redact with it. Raises CaptureError when it would then read differently.

    The make's parser says what is a plate; where there is none that reads it, names and forms of values do.
    """
    body = capture.body
    plates: set[str] = set()
    if seed is not None:
        before = _read(capture, body, host, directory)
        plates = {p for o in before or () if isinstance(o, PlateRead) for p in (o.plate_raw, o.plate_number) if p}
        plates = plates or plates_by_name(body)
        body = redact_body(body, capture.content_type, plates, seed=seed)
        after = _read(capture, body, host, directory)
        if _shape(before) != _shape(after):
            raise CaptureError("redacted, it reads differently: export it without --redact and change it by hand")
    lines = [f"POST /cam/{capture.maker} HTTP/1.1"]
    lines += [f"{name.title()}: {capture.headers[name]}" for name in _KEPT if capture.headers.get(name)]
    return Exported("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body, len(plates))


def _read(capture: Capture, body: bytes, host: Host, directory: DeviceDirectory) -> list[Observation] | None:
    """What the make's plugin reads of it; None when it reads nothing or there is none."""
    entry = directory.current.by_code.get(capture.device_code)
    device = entry.device if entry is not None else Device(
        id=0, code=capture.device_code, maker=capture.maker, vendor_id=0, vendor_code=""
    )  # fmt: skip
    try:
        return host.parse_payload(
            Payload(
                body=body,
                device=device,
                received_at=capture.received_at,
                content_type=capture.content_type,
                headers={k: v for k, v in capture.headers.items() if not k.startswith(":")},
                path=capture.headers.get(":path", ""),
            )
        )
    except (MalformedPayload, UnsupportedEvent, PluginFailed, UnknownMaker):
        return None


def _shape(found: list[Observation] | None) -> Any:
    """All that must stay: kinds, events, times, directions, and which pictures there are."""
    return found if found is None else [
        (type(o).__name__, o.event, o.capture_time, o.direction, o.lane_no, o.vehicle_type, o.vehicle_color, o.phase,
         isinstance(o, PlateRead) and (bool(o.plate_number), o.confidence), [image.role for image in o.images])
        for o in found
    ]  # fmt: skip


_ROWS = (
    select(
        payloads.c.id, payloads.c.received_at, payloads.c.content_type, payloads.c.size, payloads.c.headers,
        devices.c.device_code, devices.c.maker, quarantine.c.kind, quarantine.c.reason,
    )
    .join(devices, devices.c.id == payloads.c.device_id)
    .outerjoin(quarantine, and_(quarantine.c.payload_id == payloads.c.id, quarantine.c.resolved_at.is_(None)))
)  # fmt: skip


def _capture(row: Any) -> Capture:
    return Capture(
        id=row["id"], device_code=row["device_code"], maker=row["maker"], received_at=row["received_at"],
        content_type=row["content_type"], size=row["size"],
        reason=f"{row['kind']}: {row['reason']}" if row["kind"] else "", headers=row["headers"],
    )  # fmt: skip
