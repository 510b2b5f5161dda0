"""Pictures that a device named by URL: fetched behind the inbox, so that a dead or hostile URL never costs the event.

A URL is followed only to the hosts that the device's `image_hosts` lists (default: none). What cannot be had is noted
beside the read and the read stays; what may come later is tried again a few times. An alarm's picture becomes a row of
`frames`, where the detectors find it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from sqlalchemy import text

from core.domain.errors import TangkapinError
from core.domain.images import ImageInfo, measure
from core.outbound import AddressRefused, OutboundError, Resolve, SafeSession, per_device_images

log = structlog.get_logger(__name__)

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
TIMEOUT_S = 5.0
ATTEMPTS = 4
_FIRST_PAUSE_S = 5
_AT_ONCE = 8
_LEASE_S = 60


class ImageUnusable(TangkapinError):
    """There is no picture to be had there, and asking again will not help."""


class ImageUnavailable(TangkapinError):
    """The picture did not come this time."""


class HasImageHosts(Protocol):
    """What fetching needs of a device (core.ingest.directory.DeviceEntry)."""

    image_hosts: tuple[str, ...]


async def fetch_image(url: str, entry: HasImageHosts, *, resolve: Resolve | None = None) -> bytes:
    """Fetch one picture: a JPEG or PNG by its magic, at most 10 MB and 40 megapixels, within 5 s.

    Raises ImageUnusable (refused address, no picture, too large) or ImageUnavailable (worth another try).
    """
    try:
        policy = per_device_images(entry.image_hosts)
    except ValueError as error:
        raise ImageUnusable(f"the device's image_hosts cannot be read: {error}") from None
    async with SafeSession(policy, limit=1, resolve=resolve) as session:
        try:
            status, _, data = await session.request("GET", url, timeout=TIMEOUT_S, max_bytes=MAX_BYTES + 1)
        except AddressRefused as error:
            raise ImageUnusable(str(error)) from error
        except OutboundError as error:
            raise ImageUnavailable(str(error)) from error
    if status in (408, 425, 429) or status >= 500:
        raise ImageUnavailable(f"the device answered {status}")
    if status != 200:
        raise ImageUnusable(f"the device answered {status}")
    if len(data) > MAX_BYTES:
        raise ImageUnusable(f"the picture has more than {MAX_BYTES // 1024 // 1024} MB")
    picture_info(data)
    return data


def picture_info(data: bytes) -> ImageInfo:
    """Type and size of a usable picture. Raises ImageUnusable."""
    info = measure(data)
    if info is None:
        raise ImageUnusable("what came is neither JPEG nor PNG")
    if info.width * info.height > MAX_PIXELS:
        raise ImageUnusable(f"the picture has more than {MAX_PIXELS // 1_000_000} megapixels")
    return info


class Database(Protocol):
    """What the fetcher needs of core.db.engine.Database."""

    def system(self) -> Any: ...


class Media(Protocol):
    """What the fetcher needs of core.evidence.store.MediaStore."""

    def append(self, blobs: Sequence[bytes]) -> list[str]: ...


class _Row:
    """A device's allow-list as the fetch's own query gives it."""

    def __init__(self, row: Any) -> None:
        self.id: int = row["id"]
        self.url: str = row["url"]
        self.role: str = row["role"]
        self.attempts: int = row["attempts"]
        self.vendor_id: int = row["vendor_id"]
        self.payload_id: int = row["payload_id"]
        self.plate_read_id: int | None = row["plate_read_id"]
        self.image_hosts: tuple[str, ...] = tuple(row["image_hosts"])


def fetch_due(database: Database, media: Media, *, limit: int = 32, resolve: Resolve | None = None) -> int:
    """Fetch what is due, a few at a time; return how many were tried. For a background worker: blocks, holds no row.

    A worker that dies leaves its rows to be tried again a minute later.
    """
    with database.system() as connection:
        rows = [_Row(row) for row in connection.execute(_CLAIM, {"limit": limit, "lease": _LEASE_S}).mappings()]
    if rows:
        for row, outcome in asyncio.run(_fetch_all(rows, resolve)):
            if isinstance(outcome, bytes):
                _keep(database, media, row, outcome)
            else:
                _note(database, row, outcome)
    return len(rows)


async def _fetch_all(rows: list[_Row], resolve: Resolve | None) -> list[tuple[_Row, bytes | Exception]]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(row: _Row) -> tuple[_Row, bytes | Exception]:
        async with turns:
            try:
                return row, await fetch_image(row.url, row, resolve=resolve)
            except (ImageUnusable, ImageUnavailable) as error:
                return row, error

    return await asyncio.gather(*map(one, rows))


def _keep(database: Database, media: Media, row: _Row, data: bytes) -> None:
    info = picture_info(data)
    sha256 = hashlib.sha256(data)
    reference = media.append([data])[0]
    found = {"role": row.role, "sha256": sha256.hexdigest(), "bytes": len(data), "mime": info.mime,
             "width": info.width, "height": info.height, "url": row.url}  # fmt: skip
    values = {"id": row.id, "vendor": row.vendor_id, "read": row.plate_read_id, "payload": row.payload_id,
              "sha": sha256.digest(), "hex": sha256.hexdigest(), "size": len(data), "mime": info.mime,
              "ref": reference, "role": row.role, "url": row.url, "found": json.dumps(found)}  # fmt: skip
    with database.system() as connection:
        connection.execute(_STORE_MEDIA, values)
        connection.execute(_FRAME if row.plate_read_id is None else _BIND, values)
        connection.execute(_DONE, values)
    log.info("image_fetched", payload=row.payload_id, bytes=len(data))


def _note(database: Database, row: _Row, error: Exception) -> None:
    over = isinstance(error, ImageUnusable) or row.attempts >= ATTEMPTS
    reason = str(error)[:500]
    values = {"id": row.id, "read": row.plate_read_id, "url": row.url, "error": reason,
              "pause": _FIRST_PAUSE_S * 4 ** (row.attempts - 1),
              "found": json.dumps({"role": row.role, "url": row.url, "state": "failed", "why": reason})}  # fmt: skip
    with database.system() as connection:
        if over:
            if row.plate_read_id is not None:
                connection.execute(_REMARK, values)
            connection.execute(_FAILED, values)
        else:
            connection.execute(_AGAIN, values)
    log.warning("image_not_fetched", payload=row.payload_id, attempt=row.attempts, final=over, reason=reason)


_CLAIM = text("""
UPDATE image_fetches f SET attempts = f.attempts + 1, next_attempt_at = now() + make_interval(secs => :lease)
FROM devices d
WHERE d.id = f.device_id AND f.id IN (
  SELECT id FROM image_fetches WHERE status = 'pending' AND next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING f.id, f.url, f.role, f.attempts, f.vendor_id, f.payload_id, f.plate_read_id, d.image_hosts
""")

_STORE_MEDIA = text("""
INSERT INTO media (vendor_id, sha256, size, mime, ref, at_offset, payload_id)
VALUES (:vendor, :sha, :size, :mime, :ref, 0, :payload) ON CONFLICT DO NOTHING
""")

# The entry that waited for this URL is replaced; the columns of the seed are filled when nothing better stands there.
_REPLACED = """
images = coalesce((SELECT jsonb_agg(CASE WHEN i->>'url' = :url AND i->>'state' = 'pending'
                                         THEN CAST(:found AS jsonb) ELSE i END ORDER BY n)
                     FROM jsonb_array_elements(images) WITH ORDINALITY AS a(i, n)), images)
"""

_BIND = text(f"""
UPDATE plate_reads SET {_REPLACED},
  plate_image = CASE WHEN :role = 'plate' THEN coalesce(plate_image, :hex) ELSE plate_image END,
  vehicle_image = CASE WHEN :role IN ('vehicle', 'scene') THEN coalesce(vehicle_image, :hex) ELSE vehicle_image END
WHERE id = :read
""")  # noqa: S608 - a constant above

_FRAME = text("""
INSERT INTO frames (vendor_id, device_id, payload_id, ordinal, sha256, event, taken_at)
SELECT vendor_id, device_id, payload_id, ordinal, :sha, event, taken_at FROM image_fetches WHERE id = :id
ON CONFLICT (payload_id, ordinal) DO NOTHING
""")

_REMARK = text(f"UPDATE plate_reads SET {_REPLACED} WHERE id = :read")  # noqa: S608 - a constant above

_DONE = text("""
UPDATE image_fetches SET status = 'done', sha256 = :sha, error = NULL, finished_at = now() WHERE id = :id
""")
_FAILED = text("UPDATE image_fetches SET status = 'failed', error = :error, finished_at = now() WHERE id = :id")
_AGAIN = text("""
UPDATE image_fetches SET error = :error, next_attempt_at = now() + make_interval(secs => :pause) WHERE id = :id
""")
