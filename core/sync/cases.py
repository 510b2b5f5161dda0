"""An approved violation as the sinks see it, read from the tables, and its pictures from the media store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, text

from core.db.engine import Database
from core.domain.cases import CaseView, EvidenceRef, VendorView
from core.domain.errors import TangkapinError
from core.domain.observations import Device
from core.evidence.store import MediaMissing, MediaStore
from core.sync.render import EvidenceMissing

_CASES = text("""
SELECT s.id AS sync_id, s.idempotency_key, s.trace, v.id AS violation_id, v.violation_type, v.capture_time,
       v.verified_by, v.verified_at, v.detail,
       coalesce(v.corrected_plate, v.plate_number, r.plate_number, '') AS plate_number,
       r.confidence, r.speed_kmh, r.lane_no, r.direction, r.plate_image, r.vehicle_image,
       mp.mime AS plate_mime, mp.size AS plate_size, mv.mime AS vehicle_mime, mv.size AS vehicle_size,
       d.id AS device_id, d.device_code, d.device_name, d.maker, d.location, d.zone, d.time_rule, d.purposes,
       d.speed_limit_kmh, d.serial, d.channel, d.latitude, d.longitude,
       n.id AS vendor_id, n.vendor_code, n.vendor_name, n.region, n.etnas_url, n.api_key
  FROM etnas_sync s
  JOIN violations v ON v.id = s.violation_id
  JOIN vendors n ON n.id = s.vendor_id
  JOIN devices d ON d.id = v.device_id
  LEFT JOIN plate_reads r ON r.id = v.plate_read_id
  LEFT JOIN media mp ON mp.vendor_id = s.vendor_id AND mp.sha256 = decode(r.plate_image, 'hex')
  LEFT JOIN media mv ON mv.vendor_id = s.vendor_id AND mv.sha256 = decode(r.vehicle_image, 'hex')
 WHERE s.id = ANY(:ids)
""")


class Case(msgspec.Struct, frozen=True):
    """A case and the reference to its vendor's own key (env:NAME or file:/path), which no plugin sees."""

    view: CaseView
    vendor_key: str


def read_cases(connection: Connection, sync_ids: Iterable[int]) -> dict[int, Case]:
    """The cases behind outbox rows, by outbox id. A row whose violation or device is gone is not in the result."""
    return {row["sync_id"]: _case(row) for row in connection.execute(_CASES, {"ids": list(sync_ids)}).mappings()}


def _case(row: Any) -> Case:
    device = Device(
        id=row["device_id"],
        code=row["device_code"],
        maker=row["maker"],
        vendor_id=row["vendor_id"],
        vendor_code=row["vendor_code"],
        name=row["device_name"] or "",
        location=row["location"] or "",
        zone=row["zone"],
        time_rule=row["time_rule"],
        purposes=tuple(row["purposes"] or ()),
        speed_limit_kmh=row["speed_limit_kmh"],
        serial=row["serial"] or "",
        channel=row["channel"] or "",
        latitude=row["latitude"],
        longitude=row["longitude"],
    )
    view = CaseView(
        violation_id=row["violation_id"],
        idempotency_key=row["idempotency_key"],
        trace=row["trace"],
        vendor=VendorView(
            id=row["vendor_id"],
            code=row["vendor_code"],
            name=row["vendor_name"] or "",
            region=row["region"] or "",
            etnas_url=row["etnas_url"] or "",
        ),
        device=device,
        plate_number=row["plate_number"],
        violation_type=row["violation_type"],
        capture_time=row["capture_time"],
        location=row["location"] or "",
        verified_by=row["verified_by"] or "",
        verified_at=row["verified_at"],
        plate_image=_evidence(row, "plate"),
        vehicle_image=_evidence(row, "vehicle"),
        confidence=None if row["confidence"] is None else float(row["confidence"]),
        speed_kmh=row["speed_kmh"],
        lane_no=row["lane_no"] or "",
        direction=row["direction"] or "",
        detail=row["detail"] or {},
    )
    return Case(view, row["api_key"] or "")


def _evidence(row: Any, role: str) -> EvidenceRef | None:
    sha256 = row[f"{role}_image"]
    if not sha256:
        return None
    return EvidenceRef(sha256=sha256, role=role, mime=row[f"{role}_mime"] or "", size=row[f"{role}_size"] or 0)


class Readable(Protocol):
    """The part of the media store that is used here."""

    def read(self, ref: str, offset: int = 0, size: int | None = None) -> bytes: ...


def picture_reader(connection: Connection, media: Readable, vendor_ids: Iterable[int], hashes: Iterable[str]) -> Any:
    """A function vendor id -> (SHA-256 hex -> bytes) for these pictures; their places are read at once.

    The function works after the transaction is over. A vendor's case can name only that vendor's pictures.
    """
    rows = connection.execute(
        text("SELECT vendor_id, encode(sha256, 'hex') AS sha256, ref, at_offset, size FROM media"
             " WHERE vendor_id = ANY(:vendors) AND sha256 = ANY(:hashes)"),
        {"vendors": sorted(set(vendor_ids)), "hashes": [bytes.fromhex(h) for h in sorted(set(hashes))]},
    )  # fmt: skip
    places = {(row.vendor_id, row.sha256): (row.ref, row.at_offset, row.size) for row in rows}

    def for_vendor(vendor_id: int) -> Callable[[str], bytes]:
        def read(sha256: str) -> bytes:
            place = places.get((vendor_id, sha256))
            if place is None:
                raise EvidenceMissing(f"the picture {sha256[:12]}… is not among the vendor's media")
            try:
                return media.read(*place)
            except (TangkapinError, OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise EvidenceMissing(f"the picture {sha256[:12]}… cannot be read: {reason}") from error

        return read

    return for_vendor


def open_media(database: Database, folder: Path) -> MediaStore:
    """The media store for reading: segments under `folder`, small bodies from their rows in `payloads`."""

    def read_payload(payload_id: int) -> bytes:
        with database.system() as connection:
            row = connection.execute(text("SELECT body FROM payloads WHERE id = :id"), {"id": payload_id}).first()
        if row is None or row.body is None:
            raise MediaMissing(f"payload {payload_id} has no body in its row (any more)")
        return bytes(row.body)

    return MediaStore(folder, read_payload=read_payload)
