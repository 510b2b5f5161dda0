"""From observations to plate reads, passages and violations: one batch, a handful of statements, one commit.

The caller (the parse stage, or replay) holds the transaction: it has claimed the inbox rows in it, and a crash at any
point gives them back.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import msgspec
import psycopg
import structlog

from core.db.pgwire import teach
from core.domain.cases import CaseDraft, Passage, Verdict
from core.domain.images import measure
from core.domain.observations import Device, FrameCapture, Image, Observation, PlateRead
from core.evidence.store import MediaStore
from core.safe_json import clean_text
from core.traffic import intake_sql as sql
from core.traffic.clocks import Clocks, Look
from core.traffic.intake_rows import Draft, as_json, look_up_columns, passage_row, read_columns, violation_columns
from core.traffic.passages import JudgedRead, OpenPassage, merge

log = structlog.get_logger(__name__)

MAX_PIXELS = 40_000_000
MAX_OBSERVATIONS = 1000
PLANS_LAST_S = 5.0
REUSED = "reused_id"
"""Outcome under which a read is counted whose event id was already another vehicle's: it is kept, on its own."""
_passages = msgspec.json.Decoder(list[OpenPassage])
_NOTHING_ASIDE = dict.fromkeys(("media", "fetches", "frames", "quarantine", "counts", "health"), "[]")


class Judges(Protocol):
    """What the intake needs of core.hooks.host.Host."""

    def judge_read(self, read: PlateRead, device: Device) -> tuple[Verdict, list[Any]]: ...
    def classify_passage(self, passage: Passage, device: Device) -> tuple[list[CaseDraft], list[Any]]: ...


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The settings the intake works by."""

    passage_window_s: float = 30.0
    skew_warn_s: float = 2.0
    skew_hold_s: float = 10.0
    validation_days: float = 3.0


class Parsed(msgspec.Struct, kw_only=True):
    """What came of one payload.

    device       whose event it is (for an NVR the camera behind it); None when the device is unknown by now
    body, ref    the stored body and how the media store names it
    verbatim     offsets of pictures count in the stored body (no Content-Encoding was undone)
    failure      (kind, plugin, reason, detail) for the quarantine
    unsupported  event name, counted
    """

    payload_id: int
    device: Device
    received_at: datetime
    body: bytes = b""
    ref: str = ""
    verbatim: bool = True
    observations: Sequence[Observation] = ()
    devices: Sequence[Device] = ()
    failure: tuple[str, str, str, str] | None = None
    unsupported: str = ""
    parser: str = ""


class Summary(msgspec.Struct):
    """What a batch came to."""

    payloads: int = 0
    reads: int = 0
    dropped: int = 0
    passages: int = 0
    violations: int = 0
    quarantined: int = 0
    opened: list[int] = []


class Batch:
    """Rows under construction for one finish."""

    def __init__(self) -> None:
        self.judged: list[tuple[JudgedRead, Device]] = []
        self.media: dict[tuple[int, str], dict[str, Any]] = {}
        self.new_blobs: list[tuple[dict[str, Any], bytes]] = []
        self.fetches: list[tuple[JudgedRead, str, str]] = []
        self.frames: list[dict[str, Any]] = []
        self.frame_fetches: list[dict[str, Any]] = []
        self.ordinals: Counter[int] = Counter()
        self.quarantine: dict[int, dict[str, Any]] = {}
        self.counts: Counter[tuple[date, int, str, str, int]] = Counter()
        self.problems: Counter[tuple[int, int]] = Counter()
        self.samples: dict[int, list[float]] = {}


class Intake:
    """Writes batches over one psycopg connection. Not for several threads.

    health_every_s  what a device's clock says is written at most so often while it says the same; settle() writes what
                    was put off
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        judges: Judges,
        media: MediaStore,
        rules: Rules,
        watch: Callable[[int], None] = lambda payload_id: None,
        *,
        health_every_s: float = 0.0,
    ) -> None:
        self._connection = connection
        teach(connection)
        self._judges = judges
        self._media = media
        self._rules = rules
        self._watch = watch
        self._window = timedelta(seconds=rules.passage_window_s)
        self._clocks = Clocks(
            connection, warn_s=rules.skew_warn_s, hold_s=rules.skew_hold_s, every_s=health_every_s
        )  # fmt: skip
        self._planned = time.monotonic()

    def write(self, batches: Sequence[int], parsed: Sequence[Parsed]) -> Summary:
        """As finish(), at two round trips less: anything wrong with one row is raised, and the transaction lost."""
        return self._write(batches, parsed)

    def settle(self) -> None:
        """Write what is known of clocks and not written yet, in a transaction of its own."""
        health = self._clocks.owed()
        if health:
            self._connection.execute(sql.ASIDE, {**_NOTHING_ASIDE, "health": as_json(health)}, prepare=True)

    def finish(self, batches: Sequence[int], parsed: Sequence[Parsed]) -> Summary:
        """Write everything and delete the inbox rows, inside the caller's transaction.

        A row that cannot be written for its content costs nobody else: the payloads are halved until it stands alone,
        and that one goes to quarantine. Raises psycopg.OperationalError, psycopg.InterfaceError and OSError: the
        storage is away, no payload is to blame.
        """
        try:
            with self._connection.transaction():
                return self._write(batches, parsed)
        except Exception as error:
            if not parsed or storage_is_away(error):
                raise
            if len(parsed) == 1:
                one = parsed[0]
                told = (str(error).splitlines() or [""])[0][:200]
                log.error("event_not_written", payload=one.payload_id, error=f"{type(error).__name__}: {told}")
                reason = f"this event cannot be written: {type(error).__name__}: {told}"
                refused = Parsed(
                    payload_id=one.payload_id,
                    device=one.device,
                    received_at=one.received_at,
                    failure=("rejected", one.parser or "core", reason, ""),
                )
                with self._connection.transaction():
                    return self._write(batches, [refused])
            middle = len(parsed) // 2
            summary = self.finish([], parsed[:middle])
            rest = self.finish(batches, parsed[middle:])
            for field in ("payloads", "reads", "dropped", "passages", "violations", "quarantined"):
                setattr(summary, field, getattr(summary, field) + getattr(rest, field))
            summary.opened = summary.opened + rest.opened
            return summary

    def _write(self, batches: Sequence[int], parsed: Sequence[Parsed]) -> Summary:
        batch = Batch()
        for item in parsed:
            self._take(item, batch)
        self._store_pictures(batch)
        judged = [j for j, _ in batch.judged]
        devices = {d.id: d for _, d in batch.judged}
        touched: list[OpenPassage] = []
        if judged:
            read_ids, passage_ids = self._ids(len(judged), devices)
            for j, new in zip(judged, read_ids, strict=True):
                j.id = new
            known = self._find(judged)
            free = iter(passage_ids)
            touched = merge(judged, known, window=self._window, new_id=lambda: next(free))
            self._count_reused(batch)
        for j in judged:
            # A re-post is as old as its vehicle is long gone: only what opens a passage tells of the clock.
            if j.opens and j.read.capture_time is not None and not j.read.retransmitted:
                late = (j.capture_time - j.received_at).total_seconds()
                batch.samples.setdefault(j.device_id, []).append(late)
        looks = self._clocks.look(devices, batch.samples)
        drafts = self._drafts(touched, devices, looks, batch)
        alone = {p.id for p in touched if p.new and p.reads == 1}
        for j in judged:
            j.alone = j.passage_id in alone
        rows = self._connection.execute(
            sql.FINISH,
            {
                "batches": list(batches),
                **read_columns(judged),
                "passages": as_json([passage_row(p) for p in touched if p.id not in alone]),
                **violation_columns(drafts),
            },
            prepare=True,
        ).fetchall()
        self._write_aside(batch, looks)
        self._clocks.keep(looks)
        opened = [row[0] for row in rows if row[1]]
        return Summary(
            payloads=len(parsed),
            reads=len(judged),
            dropped=sum(j.verdict.action == "drop" for j in judged),
            passages=sum(p.new for p in touched),
            violations=len(opened),
            quarantined=len(batch.quarantine),
            opened=opened,
        )

    # -- one payload --------------------------------------------------------------------------------------------

    def _take(self, item: Parsed, batch: Batch) -> None:
        day = item.received_at.astimezone(UTC).date()
        if item.failure is not None:
            kind, plugin, reason, detail = item.failure
            batch.quarantine[item.payload_id] = {
                "v": item.device.vendor_id, "d": item.device.id, "pl": item.payload_id, "pg": plugin[:60], "k": kind,
                "re": clean_text(reason)[:2000], "de": clean_text(detail)[:8000],
            }  # fmt: skip
            batch.problems[item.device.id, item.device.vendor_id] += 1
            return
        if item.unsupported:
            event = clean_text(item.unsupported)[:80]
            batch.counts[day, item.device.id, "unsupported", event, item.device.vendor_id] += 1
            return
        if len(item.observations) > MAX_OBSERVATIONS:
            batch.counts[day, item.device.id, "dropped", "too_many_in_one_payload", item.device.vendor_id] += (
                len(item.observations) - MAX_OBSERVATIONS
            )
        for ordinal, observation in enumerate(item.observations[:MAX_OBSERVATIONS]):
            device = item.devices[ordinal] if item.devices else item.device
            if not isinstance(observation, PlateRead):
                kind = type(observation).__name__.lower()
                event = clean_text(observation.event)[:80]
                batch.counts[day, device.id, kind.replace("framecapture", "frame"), event, device.vendor_id] += 1
                if device.detect and isinstance(observation, FrameCapture):
                    self._frames(item, observation, device, event, batch)
                continue
            judged = self._judge(item, ordinal, observation, device, batch)
            if judged.verdict.action == "drop":
                batch.counts[day, device.id, "dropped", judged.verdict.reason[:80], device.vendor_id] += 1

    def _judge(self, item: Parsed, ordinal: int, read: PlateRead, device: Device, batch: Batch) -> JudgedRead:
        self._watch(item.payload_id)
        verdict, _ = self._judges.judge_read(read, device)
        self._watch(0)
        captured = read.capture_time or item.received_at
        event_id = read.event_id
        if not event_id and (read.capture_time is None or read.plate_number is None):
            # nothing to tell a re-post by but the bytes themselves
            event_id = "sha256:" + hashlib.sha256(item.body).hexdigest()[:32] + f":{ordinal}"
        judged = JudgedRead(
            id=0,
            payload_id=item.payload_id,
            ordinal=ordinal,
            device_id=device.id,
            vendor_id=device.vendor_id,
            read=read,
            capture_time=captured,
            received_at=item.received_at,
            verdict=verdict,
            event_id=clean_text(event_id)[:200],
            parser=item.parser,
            images=[],
        )
        for image in read.images:
            self._picture(image, item, judged, batch)
        judged.plate_image = _first(judged.images, "plate")
        judged.vehicle_image = _first(judged.images, "vehicle") or _first(judged.images, "scene")
        batch.judged.append((judged, device))
        return judged

    def _picture(self, image: Image, item: Parsed, judged: JudgedRead, batch: Batch) -> None:
        """Bind a picture to its read. An image error never costs the event: it is noted beside the others."""
        if image.data is None:
            if image.url:
                url = clean_text(image.url)[:2000]
                judged.images.append({"role": image.role, "url": url, "state": "pending"})
                batch.fetches.append((judged, image.role, url))
            return
        judged.images.append({"role": image.role, **self._keep(image, image.data, item, judged.vendor_id, batch)})

    def _keep(
        self, image: Image, data: bytes | memoryview, item: Parsed, vendor_id: int, batch: Batch
    ) -> dict[str, Any]:
        """Put a picture among the vendor's media; what is shown of it ("state" instead of a hash: it is none)."""
        info = measure(data)
        if info is None or info.width * info.height > MAX_PIXELS:
            state = "not a JPEG or PNG" if info is None else f"over {MAX_PIXELS // 1_000_000} megapixels"
            return {"state": "dropped", "why": state, "bytes": len(data)}
        digest = hashlib.sha256(data).hexdigest()
        key = (vendor_id, digest)
        if key not in batch.media:
            row = {"v": vendor_id, "h": digest, "z": len(data), "mi": info.mime, "rf": item.ref,
                   "a": image.offset or 0, "pl": item.payload_id}  # fmt: skip
            batch.media[key] = row
            if image.offset is None or not item.verbatim or not item.ref:
                batch.new_blobs.append((row, bytes(data)))
        return {"sha256": digest, "bytes": len(data), "mime": info.mime, "width": info.width, "height": info.height}

    def _frames(self, item: Parsed, capture: FrameCapture, device: Device, event: str, batch: Batch) -> None:
        """Rows for the detectors: the pictures of an alarm, in the order of the payload.

        A live picture was taken when it came, whatever the camera's clock says: else one alarm would be many.
        """
        taken = capture.capture_time or item.received_at
        skew = abs((taken - item.received_at).total_seconds())
        if skew > self._rules.skew_hold_s and not capture.retransmitted:
            taken = item.received_at
        for image in capture.images:
            row = {"v": device.vendor_id, "d": device.id, "pl": item.payload_id, "o": batch.ordinals[item.payload_id],
                   "ev": event, "t": taken}  # fmt: skip
            if image.data is not None:
                kept = self._keep(image, image.data, item, device.vendor_id, batch)
                if "sha256" not in kept:
                    continue
                batch.frames.append(row | {"h": kept["sha256"]})
            elif image.url:
                batch.frame_fetches.append(row | {"ro": image.role, "u": clean_text(image.url)[:2000]})
            else:
                continue
            batch.ordinals[item.payload_id] += 1

    def _store_pictures(self, batch: Batch) -> None:
        if batch.new_blobs:
            refs = self._media.append([data for _, data in batch.new_blobs])
            for (row, _), ref in zip(batch.new_blobs, refs, strict=True):
                row["rf"], row["a"] = ref, 0

    # -- passages and violations --------------------------------------------------------------------------------

    def _ids(self, n: int, devices: Iterable[int]) -> tuple[list[int], list[int]]:
        row = self._connection.execute(sql.IDS_AND_LOCKS, {"n": n, "devices": sorted(devices)}, prepare=True).fetchone()
        assert row is not None
        return row[0], row[1]

    def _find(self, judged: Sequence[JudgedRead]) -> dict[int, list[OpenPassage]]:
        columns = look_up_columns(judged, self._window)
        if columns is None:
            return {}
        now = time.monotonic()
        if now - self._planned > PLANS_LAST_S:
            # a plan made on an empty table takes the wrong index for ever; made for each batch it costs a millisecond
            self._connection.execute("DISCARD PLANS")
            self._planned = now
        row = self._connection.execute(sql.FIND_PASSAGES, columns, prepare=True).fetchone()
        assert row is not None
        known: dict[int, list[OpenPassage]] = {}
        for passage in {p.id: p for p in _passages.decode(row[0])}.values():
            known.setdefault(passage.device_id, []).append(passage)
        for passages in known.values():
            passages.sort(key=lambda p: p.id)
        return known

    def _count_reused(self, batch: Batch) -> None:
        for j, device in batch.judged:
            if j.id_reused:
                batch.counts[j.received_at.astimezone(UTC).date(), device.id, REUSED, "", device.vendor_id] += 1
                log.warning("event_id_reused", device=device.code, event_id=j.event_id, payload=j.payload_id)

    def _drafts(
        self, touched: Sequence[OpenPassage], devices: dict[int, Device], looks: dict[int, Look], batch: Batch
    ) -> list[Draft]:
        rows = []
        received = {j.id: (j.received_at, j.payload_id) for j, _ in batch.judged}
        first = {j.passage_id: j for j, _ in reversed(batch.judged)}
        for passage in touched:
            device = devices[passage.device_id]
            self._watch(first[passage.id].payload_id)
            drafts, failures = self._judges.classify_passage(passage.view(), device)
            self._watch(0)
            for failure in failures:
                log.error("rule_failed", passage=passage.id, failure=str(failure)[:300])
                batch.problems[device.id, device.vendor_id] += 1
            if not drafts:
                continue
            skew = looks[device.id].skew
            held = skew.state in ("hold", "wrong_zone")
            attention = [passage.verdict_reason or "review"] if passage.verdict == "review" else []
            if skew.state == "warn":
                attention.append("clock_skew")
            at, payload_id = received.get(passage.best_read_id, (None, 0))
            if at is None:
                newest = first[passage.id]
                at, payload_id = newest.received_at, newest.payload_id
            start = at if held else min(at, passage.first_at)
            due = start + timedelta(days=self._rules.validation_days)
            note = skew.note if held else None
            rows += [
                Draft(passage, d.violation_type.value, d.detail, device.id, payload_id, due, attention, held, note)
                for d in drafts
            ]
        return rows

    def _write_aside(self, batch: Batch, looks: dict[int, Look]) -> None:
        vendor_of = {d.id: d.vendor_id for _, d in batch.judged} | dict(batch.problems.keys())
        problems = {d: n for (d, _), n in batch.problems.items()}
        health = self._clocks.due(looks, batch.samples, problems, vendor_of)
        if not (
            batch.media
            or batch.fetches
            or batch.frames
            or batch.frame_fetches
            or batch.quarantine
            or batch.counts
            or health
        ):
            return
        counts = [
            {"dy": day, "d": device, "ou": outcome, "ev": event, "v": vendor, "n": n}
            for (day, device, outcome, event, vendor), n in sorted(batch.counts.items())
        ]
        self._connection.execute(
            sql.ASIDE,
            {
                "media": as_json([batch.media[k] for k in sorted(batch.media)]),
                "fetches": as_json(
                    [
                        {"v": j.vendor_id, "d": j.device_id, "pl": j.payload_id, "r": j.id, "ro": role, "u": url}
                        for j, role, url in batch.fetches
                    ]
                    + batch.frame_fetches
                ),
                "frames": as_json(batch.frames),
                "quarantine": as_json(list(batch.quarantine.values())),
                "counts": as_json(counts),
                "health": as_json(health),
            },
            prepare=True,
        )


def storage_is_away(error: Exception) -> bool:
    """Whether no payload is to blame.

    Class 54 (a program limit exceeded) is an OperationalError too, but of the content's making.
    """
    if isinstance(error, psycopg.OperationalError):
        return not (error.sqlstate or "").startswith("54")
    return isinstance(error, psycopg.InterfaceError | OSError)


def _first(images: list[dict[str, Any]], role: str) -> str | None:
    return next((i["sha256"] for i in images if i["role"] == role and "sha256" in i), None)
