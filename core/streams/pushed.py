"""Pictures that cameras pushed with an alarm: rows of `frames`, leased, looked at, settled. The row is the truth.

A message only rings; a process that dies lets its lease run out and the row is looked at again. A picture that has
ended its process is taken alone from then on and given up after MAX_ATTEMPTS, so it costs its neighbours nothing.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import text

from core.db.engine import Database
from core.domain.errors import MalformedPayload
from core.domain.frames import Frame
from core.domain.observations import Device
from core.evidence.store import MediaMissing
from core.hooks.errors import PluginQuarantined
from core.incidents.confirm import Look, single
from core.ingest.directory import device_of
from core.safe_json import clean_text
from core.streams.book import Book
from core.streams.detector import RulesOf
from core.streams.evidence import Picture, detected
from core.streams.models import Models, Seen
from core.streams.opener import Reports, open_one
from core.streams.pictures import NotEncoded
from core.streams.sources import decode

log = structlog.get_logger(__name__)

BATCH = 8
BATCH_BYTES = 120_000_000
"""Decoded pictures that are looked at together: eight of the largest would be a gigabyte."""
LEASE_S = 120.0
MAX_ATTEMPTS = 5
FIRST_PAUSE_S = 2.0
QUARANTINE_PAUSE_S = 30.0
STALE_HOURS = 24
"""A picture that waited longer is shown to nobody as news: it is put down as failed."""

_GIVE_UP = text("""
UPDATE frames SET status = 'failed', finished_at = now(), lease_until = NULL, lease_token = NULL,
       error = CASE WHEN attempts >= :most THEN 'looked at ' || attempts || ' times without an end'
                    ELSE 'waited for a detector for more than ' || :hours || ' hours' END
 WHERE status IN ('pending', 'leased') AND (lease_until IS NULL OR lease_until < now())
   AND (attempts >= :most OR created_at < now() - make_interval(hours => :hours))
""")
_CLAIM = text("""
WITH due AS (
    SELECT id FROM frames
     WHERE status IN ('pending', 'leased') AND next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now())
       AND (attempts = 0) = :fresh
     ORDER BY next_attempt_at DESC LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE frames f SET status = 'leased', attempts = f.attempts + 1, lease_token = :token,
       lease_until = now() + make_interval(secs => :lease)
  FROM due WHERE f.id = due.id
RETURNING f.id
""")
_ROWS = text("""
SELECT f.id AS frame_id, f.payload_id, f.taken_at, f.attempts, f.event, m.ref, m.at_offset, m.size AS bytes, m.mime,
       d.*, v.vendor_code
  FROM frames f
  JOIN devices d ON d.id = f.device_id
  JOIN vendors v ON v.id = d.vendor_id
  LEFT JOIN media m ON m.vendor_id = f.vendor_id AND m.sha256 = f.sha256
 WHERE f.id = ANY(:ids) AND f.lease_token = :token
 ORDER BY f.taken_at, f.id
""")
_SETTLE = text("""
UPDATE frames SET status = :status, error = :error, sightings = CAST(:sightings AS jsonb), report_id = :report,
       finished_at = now(), lease_until = NULL, lease_token = NULL
 WHERE id = :id AND lease_token = :token
""")
_RETRY = text("""
UPDATE frames SET status = 'pending', error = :error, attempts = attempts - CASE WHEN :counts THEN 0 ELSE 1 END,
       next_attempt_at = now() + make_interval(secs => :pause),
       lease_until = NULL, lease_token = NULL
 WHERE id = :id AND lease_token = :token
""")
_DUE = text("""
SELECT EXISTS (SELECT 1 FROM frames WHERE status IN ('pending', 'leased')
  AND next_attempt_at <= now() - make_interval(secs => :late) AND (lease_until IS NULL OR lease_until < now()))
""")


class Readable(Protocol):
    """What is needed of core.evidence.store.MediaStore."""

    def read(self, ref: str, offset: int = 0, size: int | None = None) -> bytes: ...


class _Row(msgspec.Struct):
    """A leased picture."""

    id: int
    token: int
    payload_id: int
    attempts: int
    taken_at: datetime
    device: Device
    picture: Picture


def due(database: Database, *, late_s: float = 0.0) -> bool:
    """Whether pictures have waited for `late_s` or longer."""
    with database.system() as connection:
        return bool(connection.execute(_DUE, {"late": late_s}).scalar())


class PushedFrames:
    """Leases and judges until nothing is due. One call at a time in this process; any number of processes."""

    def __init__(
        self,
        database: Database,
        media: Readable,
        models: Models,
        reports: Reports,
        book: Book,
        stop: threading.Event,
        *,
        on_opened: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._media = media
        self._models = models
        self._reports = reports
        self._book = book
        self._stop = stop
        self._on_opened = on_opened
        self._rules = RulesOf()
        self._at_it = threading.Lock()
        self._rung = threading.Event()

    def drain(self) -> int:
        """Judge what is due; returns how many. While another thread is at it, that one looks once more."""
        self._rung.set()
        total = 0
        while self._rung.is_set() and self._at_it.acquire(blocking=False):
            try:
                self._rung.clear()
                while not self._stop.is_set() and (judged := self.step()):
                    total += judged
            finally:
                self._at_it.release()
        return total

    def step(self) -> int:
        """One batch; 0 when nothing was due. Raises SQLAlchemy's errors: what is leased comes back by itself."""
        token = secrets.randbits(62)
        with self._database.system() as connection:
            connection.execute(_GIVE_UP, {"most": MAX_ATTEMPTS, "hours": STALE_HOURS})
            for fresh, limit in ((True, BATCH), (False, 1)):
                claim = {"fresh": fresh, "limit": limit, "token": token, "lease": LEASE_S}
                ids = [row.id for row in connection.execute(_CLAIM, claim)]
                if ids:
                    break
            rows = connection.execute(_ROWS, {"ids": ids, "token": token}).mappings().all()
        for gone in set(ids) - {row["frame_id"] for row in rows}:
            self._settle(gone, token, error="its device is gone")
        opened: list[_Row] = []
        for row in rows:
            one = self._open(row, token)
            if one is not None:
                opened.append(one)
            if sum(known.picture.image.size for known in opened) >= BATCH_BYTES:
                self._look(opened)
                opened = []
        self._look(opened)
        return len(ids)

    def _look(self, opened: list[_Row]) -> None:
        frames = [Frame(device=r.device, image=r.picture.image, taken_at=r.taken_at, source="pushed") for r in opened]
        for one, seen in zip(opened, self._models.look(frames) if frames else [], strict=True):
            self._judge(one, seen)

    def _open(self, row: Any, token: int) -> _Row | None:
        """Read and decode. A picture that is none is put down as failed and costs nobody else."""
        try:
            if row["ref"] is None:
                raise MediaMissing("its picture is not in the media store")
            data = self._media.read(row["ref"], row["at_offset"], row["bytes"])
            picture = Picture(decode(data), data, row["mime"])
        except (MediaMissing, MalformedPayload) as error:
            self._settle(row["frame_id"], token, error=str(error))
            return None
        return _Row(
            row["frame_id"], token, row["payload_id"], row["attempts"], row["taken_at"], device_of(row), picture
        )

    def _judge(self, row: _Row, seen: Seen) -> None:
        if not seen.asked:
            self._settle(row.id, row.token, error="no detector is bound to its camera")
            return
        if not seen.was_looked_at:
            out = all(isinstance(error, PluginQuarantined) for error in seen.failed)
            self._again(row, str(seen.failed[0]), was_looked_at=not out)
            return
        height, width = row.picture.image.shape[:2]
        look = Look(at=row.taken_at, frame=row.picture, size=(width, height), sightings=tuple(seen.sightings))
        rules = self._rules(row.device)
        report = None
        try:
            for finding in single(rules, look):
                handed = detected(row.device, rules, finding, payload_id=row.payload_id)
                report = open_one(self._reports, self._book, handed, self._on_opened).report_id
        except NotEncoded as error:
            self._settle(row.id, row.token, error=str(error))
            return
        except Exception as error:  # the database, or a report that it does not take: told, and tried again
            log.warning("alarm_picture_waits", frame=row.id, error=f"{type(error).__name__}: {error}"[:200])
            self._again(row, f"{type(error).__name__}: {error}")
            return
        self._settle(row.id, row.token, seen=seen, report=report)

    def _settle(
        self, id: int, token: int, *, error: str = "", seen: Seen | None = None, report: int | None = None
    ) -> None:
        if error:
            log.warning("alarm_picture_failed", frame=id, error=error[:200])
        with self._database.system() as connection:
            connection.execute(
                _SETTLE,
                {"status": "failed" if error else "done", "error": clean_text(error)[:2000] or None, "report": report,
                 "sightings": msgspec.json.encode(seen.sightings).decode() if seen else None, "id": id, "token": token},
            )  # fmt: skip

    def _again(self, row: _Row, error: str, *, was_looked_at: bool = True) -> None:
        """Put back with a growing pause, MAX_ATTEMPTS times; for ever while the detector is put out by somebody."""
        if was_looked_at and row.attempts >= MAX_ATTEMPTS:
            self._settle(row.id, row.token, error=error)
            return
        pause = FIRST_PAUSE_S * 2 ** (row.attempts - 1) if was_looked_at else QUARANTINE_PAUSE_S
        values = {"error": clean_text(error)[:2000], "pause": pause, "counts": was_looked_at, "id": row.id}
        with self._database.system() as connection:
            connection.execute(_RETRY, {**values, "token": row.token})


class Sweeper(threading.Thread):
    """Looks every few seconds at what waits though nobody rang: without a broker it is what does the work."""

    def __init__(self, pushed: PushedFrames, stop: threading.Event, *, every_s: float = 3.0) -> None:
        super().__init__(name="pushed-sweeper", daemon=True)
        self._pushed = pushed
        self._stop_asked = stop
        self._every_s = every_s

    def run(self) -> None:
        """Look until stopped."""
        while not self._stop_asked.wait(self._every_s):
            try:
                self._pushed.drain()
            except Exception as error:
                log.warning("alarm_pictures_wait", error=f"{type(error).__name__}: {error}"[:200])
