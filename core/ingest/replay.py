"""Parse stored payloads again with today's plugins, show the difference, and only then write it (REQUIREMENTS I12).

The raw payloads never changed, so a parser that was wrong costs no event. What a person decided stays as it was: such
payloads are shown as `decided` and left alone.
"""

from __future__ import annotations

import contextlib
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import psycopg
import structlog
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.domain.errors import TangkapinError
from core.domain.observations import PlateRead
from core.evidence.store import MediaStore
from core.ingest.parse_worker import ParseWorker
from core.traffic import intake_sql
from core.traffic.intake import Intake, Parsed, Rules

log = structlog.get_logger(__name__)

CHUNK = 200
Kind = Literal["new", "changed", "same", "lost", "failed", "decided"]

_SELECT = """
SELECT p.id, p.vendor_id, p.device_id, p.received_at, p.content_type, p.headers::text AS headers, p.body, p.body_ref
FROM payloads p JOIN devices d ON d.id = p.device_id
WHERE p.id > %(after)s
  AND (%(since)s::timestamptz IS NULL OR p.received_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR p.received_at < %(until)s)
  AND (%(device)s::text IS NULL OR d.device_code = %(device)s)
  AND (%(maker)s::text IS NULL OR d.maker = %(maker)s)
  AND (%(vendor)s::bigint IS NULL OR p.vendor_id = %(vendor)s)
  AND (%(payload)s::bigint IS NULL OR p.id = %(payload)s)
  AND (NOT %(quarantined)s OR EXISTS (
        SELECT 1 FROM quarantine q WHERE q.payload_id = p.id AND q.resolved_at IS NULL))
  AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.batch = p.id / 1024)
ORDER BY p.id LIMIT %(limit)s
"""
_READS = """
SELECT r.id, r.payload_id, r.ordinal, r.device_id, r.vendor_id, r.passage_id, r.plate_number, r.plate_color,
  r.confidence, r.capture_time, r.time_source, r.direction, r.lane_no, r.vehicle_type, r.vehicle_color,
  r.vehicle_brand, r.speed_kmh, r.event_id, r.images,
  EXISTS (SELECT 1 FROM violations v WHERE v.passage_id = r.passage_id AND v.status NOT IN ('pending', 'held'))
    AS decided
FROM plate_reads r WHERE r.payload_id = ANY(%s) AND r.voided_at IS NULL ORDER BY r.payload_id, r.ordinal
"""
_VOID = "UPDATE plate_reads SET voided_at = now(), passage_id = NULL WHERE id = ANY(%s)"
_REMAINING = """
SELECT id, plate_number, confidence, capture_time, verdict, verdict_reason, event_id FROM plate_reads
WHERE passage_id = %s AND voided_at IS NULL
ORDER BY (plate_number IS NOT NULL) DESC, verdict, confidence DESC NULLS LAST, id
"""
_SHRINK = """
UPDATE passages SET plate_number = %(plate)s, confidence = %(confidence)s, best_read_id = %(best)s, reads = %(reads)s,
  first_at = %(first)s, last_at = %(last)s, verdict = %(verdict)s, verdict_reason = %(reason)s, head = %(head)s,
  tail = %(tail)s
WHERE id = %(id)s
"""
_FOLLOW = """
UPDATE violations SET plate_read_id = %(best)s, plate_number = %(plate)s, version = version + 1, updated_at = now()
WHERE passage_id = %(id)s AND status IN ('pending', 'held') AND corrected_plate IS NULL
"""
_WITHDRAW = """
UPDATE violations SET status = 'rejected', verified_by = %(by)s, verified_role = 'system', verified_at = now(),
  reason_code = 'replay_withdrawn', note = 'the parser no longer sees this vehicle', version = version + 1,
  updated_at = now()
WHERE passage_id = %(id)s AND status IN ('pending', 'held') RETURNING id, vendor_id
"""
_AUDIT = """
INSERT INTO audit_log (vendor_id, actor_role, actor_name, action, object_kind, object_id, trace, detail)
VALUES (%s, 'cli', %s, %s, %s, %s, %s, %s)
"""
_RESOLVE = """
UPDATE quarantine SET resolved_at = now(), resolution = %(by)s WHERE payload_id = ANY(%(ids)s) AND resolved_at IS NULL
"""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which payloads; times are aware UTC and count the arrival. vendor_id None = all."""

    since: datetime | None = None
    until: datetime | None = None
    device: str | None = None
    maker: str | None = None
    vendor_id: int | None = None
    payload_id: int | None = None
    quarantined: bool = False
    limit: int = 1_000_000


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What replay would do to one payload.

    new      it gave nothing and now gives reads     changed  its reads differ (`fields` says in what)
    same     nothing to do                           lost     it gave reads and now gives fewer or none
    failed   it cannot be parsed today (`note`);     decided  it would change, but a person has decided on it
             what it gave before stays
    """

    payload_id: int
    kind: Kind
    device: str
    before: int
    after: int
    fields: tuple[str, ...] = ()
    note: str = ""


class ParserHung(TangkapinError):
    """Thrown into a parser that does not come back."""


class Replay:
    """One run. `plan()` only reads; `apply()` writes what plan() finds, chunk by chunk. For the main thread.

    timeout_s  what a parser may take for one payload; then that payload fails and the others go on. Code that never
               returns to the interpreter (a hang inside a C library) takes a Ctrl-C, which is safe at any moment
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        worker: ParseWorker,
        judges: Any,
        media: MediaStore,
        rules: Rules,
        by: str,
        *,
        timeout_s: float = 2.0,
    ) -> None:
        self._timeout_s = timeout_s
        self._connection = connection
        self._worker = worker
        self._intake = Intake(connection, judges, media, rules)
        self._by = by

    def plan(self, selection: Selection) -> Iterator[Change]:
        """Say what would happen, payload by payload."""
        for chunk in self._chunks(selection):
            yield from (change for change, _, _ in self._compare(chunk))

    def apply(self, selection: Selection) -> Iterator[Change]:
        """Do it; each chunk is one transaction, so an interrupted replay is half done and safe to repeat."""
        summary: Counter[str] = Counter()
        for chunk in self._chunks(selection):
            with self._connection.transaction():
                devices = sorted({row["device_id"] for row in chunk})
                self._connection.execute(intake_sql.LOCK_DEVICES, (devices,))
                compared = self._compare(chunk)
                self._write(compared)
            for change, _, _ in compared:
                summary[change.kind] += 1
                yield change
        self._connection.execute(
            "INSERT INTO replays (requested_by, selection, summary) VALUES (%s, %s, %s)",
            (self._by, Jsonb(msgspec.to_builtins(selection)), Jsonb(dict(summary))),
        )

    def _chunks(self, selection: Selection) -> Iterator[list[dict[str, Any]]]:
        after, left = -1, selection.limit
        while left > 0:
            with self._connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(
                    _SELECT,
                    {
                        "after": after, "since": selection.since, "until": selection.until, "device": selection.device,
                        "maker": selection.maker, "vendor": selection.vendor_id, "payload": selection.payload_id,
                        "quarantined": selection.quarantined, "limit": min(CHUNK, left),
                    },
                ).fetchall()  # fmt: skip
            if not rows:
                return
            yield rows
            after, left = rows[-1]["id"], left - len(rows)

    def _compare(self, rows: Sequence[dict[str, Any]]) -> list[tuple[Change, Parsed, list[dict[str, Any]]]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            existing: dict[int, list[dict[str, Any]]] = {}
            for read in cursor.execute(_READS, ([row["id"] for row in rows],)).fetchall():
                existing.setdefault(read["payload_id"], []).append(read)
        found = []
        for row in rows:
            parsed = self._parse(row)
            before = existing.get(row["id"], [])
            found.append((self._change(parsed, before), parsed, before))
        return found

    def _parse(self, row: dict[str, Any]) -> Parsed:
        with _alarm(self._timeout_s):
            return self._worker.parse_row(
                row["id"], row["vendor_id"], row["device_id"], row["received_at"], row["content_type"],
                row["headers"], row["body"], row["body_ref"],
            )  # fmt: skip

    def _change(self, parsed: Parsed, before: list[dict[str, Any]]) -> Change:
        after = [o for o in parsed.observations if isinstance(o, PlateRead)]

        def change(kind: Kind, fields: Sequence[str] = (), note: str = "") -> Change:
            return Change(
                payload_id=parsed.payload_id, kind=kind, device=parsed.device.code, before=len(before),
                after=len(after), fields=tuple(fields), note=note,
            )  # fmt: skip

        if parsed.failure is not None:
            return change("failed", note=parsed.failure[2])
        decided = any(read["decided"] for read in before)
        if len(after) < len(before):
            return change("decided" if decided else "lost")
        fields = sorted({f for old, new in zip(before, after, strict=False) for f in _differences(old, new, parsed)})
        if len(after) == len(before) and not fields:
            return change("same")
        if not before:
            return change("new")
        if len(after) > len(before):
            fields = [*fields, "more reads"]
        return change("decided" if decided else "changed", fields)

    def _write(self, compared: Sequence[tuple[Change, Parsed, list[dict[str, Any]]]]) -> None:
        write: list[Parsed] = []
        for change, parsed, before in compared:
            if change.kind in ("changed", "lost"):
                self._void(parsed, before)
            if change.kind in ("new", "changed") or (change.kind == "lost" and change.after):
                write.append(parsed)
        if write:
            self._intake.finish([], write)
        settled = [c.payload_id for c, p, _ in compared if p.failure is None]
        self._connection.execute(_RESOLVE, {"ids": settled, "by": f"replayed by {self._by}"})

    def _void(self, parsed: Parsed, before: list[dict[str, Any]]) -> None:
        self._connection.execute(_VOID, ([read["id"] for read in before],))
        for passage in sorted({read["passage_id"] for read in before if read["passage_id"]}):
            with self._connection.cursor(row_factory=dict_row) as cursor:
                left = cursor.execute(_REMAINING, (passage,)).fetchall()
            if left:
                best = left[0]
                plate = best["plate_number"]
                row = {
                    "id": passage, "plate": plate, "confidence": best["confidence"], "best": best["id"],
                    "reads": len(left), "first": min(r["capture_time"] for r in left),
                    "last": max(r["capture_time"] for r in left), "verdict": best["verdict"],
                    "reason": best["verdict_reason"],
                    "head": None if plate is None else (plate[:3] if len(plate) > 5 else "*"),
                    "tail": None if plate is None else plate[-3:],
                }  # fmt: skip
                self._connection.execute(_SHRINK, row)
                self._connection.execute(_FOLLOW, row)
                continue
            withdrawn = self._connection.execute(_WITHDRAW, {"id": passage, "by": f"replay by {self._by}"}).fetchall()
            for violation, vendor in withdrawn:
                trace = f"p{parsed.payload_id}"
                detail = Jsonb({"passage": passage})
                self._connection.execute(
                    _AUDIT, (vendor, self._by, "violation_withdrawn", "violation", violation, trace, detail)
                )
            self._connection.execute(
                "UPDATE passages SET reads = 0, event_id = NULL, head = NULL, tail = NULL WHERE id = %s", (passage,)
            )
        self._connection.execute(
            _AUDIT,
            (parsed.device.vendor_id, self._by, "payload_replayed", "payload", parsed.payload_id,
             f"p{parsed.payload_id}", Jsonb({"voided_reads": [read["id"] for read in before]})),
        )  # fmt: skip


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Throw ParserHung into the block when it is still at work after this time, and again and again after that.

    The host contains what it throws into a plugin, so that the payload fails like with any other error.
    """

    def ring(number: int, frame: Any) -> None:
        raise ParserHung(f"did not return within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _differences(old: dict[str, Any], new: PlateRead, parsed: Parsed) -> Iterator[str]:
    captured = new.capture_time or parsed.received_at
    pairs = {
        "plate_number": (old["plate_number"], new.plate_number),
        "confidence": (
            None if old["confidence"] is None else round(float(old["confidence"]), 2),
            None if new.confidence is None else round(new.confidence, 2),
        ),
        "capture_time": (old["capture_time"].astimezone(UTC), captured.astimezone(UTC)),
        "direction": (old["direction"], new.direction),
        "lane_no": (old["lane_no"] or "", new.lane_no[:10]),
        "vehicle_type": (old["vehicle_type"] or "", new.vehicle_type[:50]),
        "vehicle_color": (old["vehicle_color"] or "", new.vehicle_color[:30]),
        "vehicle_brand": (old["vehicle_brand"] or "", new.vehicle_brand[:60]),
        "plate_color": (old["plate_color"] or "", new.plate_color[:30]),
        "speed_kmh": (old["speed_kmh"], new.speed_kmh),
        "images": (len(old["images"]), len(new.images)),
    }
    yield from (name for name, (before, after) in pairs.items() if before != after)
