"""One vehicle, one place, one passage: how reads merge (REQUIREMENTS I7, ARCHITECTURE §7). Pure; no database.

Same device and
- the device's own event id, as far as that can be one vehicle (`same_event`), or
- a plate at most one edit away within the window (30 s by default) of the passage.
A read without a plate merges only by event id. Capture times count, not arrival: a post repeated an hour later is the
same passage.

Event ids are not believed alone: where a device counts its events it counts from anew after a restart, and some relays
put one id on everything. Two clearly different plates under one id are two vehicles: merged, a violation would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from core.domain.cases import SEVERITY, Passage, Verdict
from core.domain.observations import PlateRead, ViolationType
from core.domain.plates import alike, within_one_edit

SAME_EVENT = timedelta(hours=24)
NAMESAKES = 4
"""So many vehicles of a day are kept under one event id; of a device that gives all the same, no more are looked at."""
BODY_ID = "sha256:"
"""Starts the event id that the intake makes of a body that has none."""
LONGEST = timedelta(minutes=30)
"""A passage does not grow beyond this by plate alone: a parked car read every 20 s opens a new one."""


class JudgedRead(msgspec.Struct, kw_only=True):
    """A read with everything known of it before it is written. Times aware UTC.

    opens      it is the first of its passage; alone: and, so far, the only one
    id_reused  its event id was already that of another vehicle
    """

    id: int
    payload_id: int
    ordinal: int
    device_id: int
    vendor_id: int
    read: PlateRead
    capture_time: datetime
    received_at: datetime
    verdict: Verdict
    event_id: str = ""
    images: list[dict[str, Any]] = []
    plate_image: str | None = None
    vehicle_image: str | None = None
    passage_id: int | None = None
    parser: str = ""
    opens: bool = False
    alone: bool = False
    id_reused: bool = False


class OpenPassage(msgspec.Struct, kw_only=True):
    """A passage being built or grown. `new` = not in the database yet, `touched` = to be written."""

    id: int
    device_id: int
    vendor_id: int
    plate_number: str | None
    confidence: float | None
    best_read_id: int
    best_payload_id: int = 0
    reads: int
    first_at: datetime
    last_at: datetime
    event_id: str | None = None
    direction: str = "unknown"
    lane_no: str = ""
    vehicle_type: str = ""
    vehicle_color: str = ""
    plate_color: str = ""
    speed_kmh: float | None = None
    offences: list[str] = []
    verdict: str = "accept"
    verdict_reason: str | None = None
    new: bool = False
    touched: bool = False

    def view(self) -> Passage:
        """As rule plugins see it."""
        return Passage(
            device_id=self.device_id,
            vendor_id=self.vendor_id,
            plate_number=self.plate_number,
            first_at=self.first_at,
            last_at=self.last_at,
            reads=self.reads,
            confidence=self.confidence,
            direction=self.direction,  # type: ignore[arg-type]
            lane_no=self.lane_no,
            vehicle_type=self.vehicle_type,
            vehicle_color=self.vehicle_color,
            plate_color=self.plate_color,
            speed_kmh=self.speed_kmh,
            offences=tuple(ViolationType(o) for o in self.offences),
            verdict=self.verdict,  # type: ignore[arg-type]
        )


def merge(
    reads: Iterable[JudgedRead],
    known: dict[int, list[OpenPassage]],
    *,
    window: timedelta,
    new_id: Callable[[], int],
) -> list[OpenPassage]:
    """Give every read that was not dropped its passage; return the passages that are new or changed.

    known  by device id, the passages that could match; grows in place
    """
    touched: dict[int, OpenPassage] = {}
    for judged in sorted(reads, key=lambda j: (j.capture_time, j.id)):
        if judged.verdict.action == "drop":
            continue
        candidates = known.setdefault(judged.device_id, [])
        passage = find(judged, candidates, window)
        if passage is None:
            passage = _opened(judged, new_id())
            judged.opens = True
            candidates.append(passage)
        else:
            _grow(passage, judged)
        judged.passage_id = passage.id
        touched[passage.id] = passage
    return list(touched.values())


def find(judged: JudgedRead, candidates: list[OpenPassage], window: timedelta) -> OpenPassage | None:
    """The passage a read belongs to: by event id, then the exact plate, then one edit away; nearest in time first."""
    at, event_id = judged.capture_time, judged.event_id
    if event_id and (named := [p for p in candidates if p.event_id == event_id]):
        named = [p for p in named if abs(at - p.first_at) <= SAME_EVENT]
        same = [p for p in named if same_event(judged, p)]
        if same:
            return min(same, key=lambda p: (p.plate_number != judged.read.plate_number, abs(at - p.first_at)))
        judged.id_reused = bool(named)
        if len(named) >= NAMESAKES:
            judged.event_id = ""
    plate = judged.read.plate_number
    if plate is None:
        return None
    best: tuple[bool, timedelta] | None = None
    found = None
    head, tail, short = plate[:3], plate[-3:], len(plate) <= 6
    for passage in candidates:
        other = passage.plate_number
        # one edit leaves the first or the last three characters of a longer plate whole
        if other is None or not (short or other[:3] == head or other[-3:] == tail):
            continue
        if not passage.first_at - window <= at <= passage.last_at + window:
            continue
        if max(at, passage.last_at) - min(at, passage.first_at) > LONGEST:
            continue
        if not within_one_edit(plate, other):
            continue
        distance = max(passage.first_at - at, at - passage.last_at, timedelta())
        rank = (plate != other, distance)
        if best is None or rank < best:
            best, found = rank, passage
    return found


def same_event(judged: JudgedRead, passage: OpenPassage) -> bool:
    """Whether a read with a passage's event id, of the same day, is of its vehicle.

    The same bytes or the same plate: a post that is repeated. What the make calls an UPDATE or LOST of a vehicle it
    follows: its NEW may have been misread. Otherwise only within half an hour, and only where the plates are
    look-alikes or one was not read.
    """
    at, plate = judged.capture_time, judged.read.plate_number
    if (plate is not None and plate == passage.plate_number) or judged.event_id.startswith(BODY_ID):
        return True
    phase = judged.read.phase
    if phase in ("update", "stop") or (phase == "start" and at < passage.first_at):  # its NEW came last
        return True
    has_clock = judged.read.capture_time is not None  # without one a repeated post is as new as it came
    if has_clock and abs(at - passage.first_at) > LONGEST:
        return False
    return plate is None or passage.plate_number is None or alike(plate, passage.plate_number)


def _rank(plate: str | None, verdict: str, confidence: float | None) -> tuple[bool, int, float]:
    return plate is not None, -SEVERITY[verdict], -1.0 if confidence is None else confidence


def _opened(judged: JudgedRead, passage_id: int) -> OpenPassage:
    read = judged.read
    return OpenPassage(
        id=passage_id,
        device_id=judged.device_id,
        vendor_id=judged.vendor_id,
        plate_number=read.plate_number,
        confidence=read.confidence,
        best_read_id=judged.id,
        best_payload_id=judged.payload_id,
        reads=1,
        first_at=judged.capture_time,
        last_at=judged.capture_time,
        event_id=judged.event_id or None,
        direction=read.direction,
        lane_no=read.lane_no,
        vehicle_type=read.vehicle_type,
        vehicle_color=read.vehicle_color,
        plate_color=read.plate_color,
        speed_kmh=read.speed_kmh,
        offences=[o.value for o in read.offences],
        verdict=judged.verdict.action,
        verdict_reason=judged.verdict.reason or None,
        new=True,
        touched=True,
    )


def _grow(passage: OpenPassage, judged: JudgedRead) -> None:
    read = judged.read
    passage.touched = True
    passage.reads += 1
    passage.first_at = min(passage.first_at, judged.capture_time)
    passage.last_at = max(passage.last_at, judged.capture_time)
    passage.event_id = passage.event_id or judged.event_id or None
    passage.offences = sorted({*passage.offences, *(o.value for o in read.offences)})
    if read.speed_kmh is not None:
        passage.speed_kmh = max(read.speed_kmh, passage.speed_kmh or 0.0)
    if passage.direction == "unknown":
        passage.direction = read.direction
    passage.lane_no = passage.lane_no or read.lane_no
    passage.vehicle_type = passage.vehicle_type or read.vehicle_type
    passage.vehicle_color = passage.vehicle_color or read.vehicle_color
    passage.plate_color = passage.plate_color or read.plate_color
    mine = _rank(read.plate_number, judged.verdict.action, read.confidence)
    if mine > _rank(passage.plate_number, passage.verdict, passage.confidence):
        passage.plate_number = read.plate_number
        passage.confidence = read.confidence
        passage.best_read_id = judged.id
        passage.best_payload_id = judged.payload_id
        passage.verdict = judged.verdict.action
        passage.verdict_reason = judged.verdict.reason or None
