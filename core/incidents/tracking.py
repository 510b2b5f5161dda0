"""The way of the police: positions with distance and ETA, and what their phone says of the way."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import func, insert, or_, select, update

from core.accounts.principal import Principal
from core.accounts.tables import police
from core.domain.geo import distance_m, is_position
from core.domain.incidents import TrackingStatus
from core.incidents.acting import STOPPED, Act, Moved, clean, refusal_of, require_role
from core.incidents.dispatch import hand_back
from core.incidents.errors import Conflict, Invalid, NotFound
from core.incidents.reading import NEARBY_M
from core.incidents.states import OPEN, AssignmentEvent, AssignmentRefusal, AssignmentState, Event, State, state_of
from core.incidents.tables import report_events, track_points

MAX_SPEED_MPS = 200 / 3.6
"""Faster than this between two points nobody drives: a jump."""
AGREE = 2
"""So many flagged points in a row that fit each other and the next: it was the one before them that was wrong."""
MAX_ACCURACY_M = 1000.0
"""A position that is less certain is kept and flagged: nothing rests on it."""
WINDOW = timedelta(minutes=3)
"""What "recent speed" looks back on."""
SLOW_MPS = 1.0
USUAL_MPS = 30 / 3.6
"""Taken for the ETA while the recent speed is unknown or a standstill: city traffic."""
CLOCK = timedelta(seconds=60)
"""How far a phone's clock may be ahead; what says otherwise gets the time of arrival here."""
TELL_EVERY_S = 10
"""At most one notice of a way in this time."""
_EVENTS = {
    TrackingStatus.ON_THE_WAY: AssignmentEvent.SET_OFF,
    TrackingStatus.ARRIVED: AssignmentEvent.ARRIVE,
    TrackingStatus.COMPLETED: AssignmentEvent.COMPLETE,
    TrackingStatus.CANCELLED: AssignmentEvent.CANCEL,
}


class TrackInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A position as the phone sends it. device_time: aware, None = now; client_id: the phone's own, "" = none."""

    latitude: float
    longitude: float
    status: TrackingStatus = TrackingStatus.ON_THE_WAY
    accuracy_m: float | None = None
    device_time: datetime | None = None
    description: str = ""
    client_id: str = ""


class TrackPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stored position. distance_m: to the incident; eta_s: until there; created False: it was sent before."""

    id: int
    report_id: int
    client_id: str
    latitude: float
    longitude: float
    accuracy_m: float | None
    device_time: datetime
    received_at: datetime
    status: str
    description: str
    distance_m: float | None
    speed_mps: float | None
    eta_s: float | None
    is_nearby: bool
    is_suspicious: bool
    created: bool


class Fix(msgspec.Struct, frozen=True):
    """A position in time, for the arithmetic."""

    latitude: float
    longitude: float
    at: datetime
    accuracy_m: float = 0.0


def is_impossible(before: Fix | None, now: Fix) -> bool:
    """Whether nobody can have come from `before` to `now` in that time, accuracies granted."""
    if now.accuracy_m > MAX_ACCURACY_M:
        return True
    if before is None:
        return False
    way = distance_m(before.latitude, before.longitude, now.latitude, now.longitude)
    way -= before.accuracy_m + now.accuracy_m
    return way / max(abs((now.at - before.at).total_seconds()), 1.0) > MAX_SPEED_MPS


def sound_way(before: Sequence[tuple[Fix, bool]], now: Fix) -> list[Fix] | None:
    """The fixes that `now` can be trusted with, oldest first, without what lies before a jump; None when it is a jump.

    before  oldest first, with whether each was flagged. A first position from far away (the phone's last known one)
            does not flag the whole way: further points that fit each other are believed.
    """
    last = max((i for i, (_, flagged) in enumerate(before) if not flagged), default=-1)
    sound = [fix for fix, flagged in before if not flagged]
    if is_impossible(sound[-1] if sound else None, now):
        sound = [fix for fix, _ in before[last + 1 :]][-AGREE:]
        steps = pairwise([*sound, now])
        if len(sound) < AGREE or any(is_impossible(one, other) for one, other in steps):
            return None
    way = [now]
    for fix in reversed(sound):
        if is_impossible(fix, way[0]):
            break
        way.insert(0, fix)
    return way


def recent_speed(fixes: Sequence[Fix]) -> float | None:
    """Metres a second along the fixes (oldest first) of the last minutes; None with fewer than two."""
    if len(fixes) < 2:
        return None
    recent = [fix for fix in fixes if fixes[-1].at - fix.at <= WINDOW]
    elapsed = (recent[-1].at - recent[0].at).total_seconds()
    if elapsed <= 0:
        return None
    way = sum(
        distance_m(one.latitude, one.longitude, other.latitude, other.longitude) for one, other in pairwise(recent)
    )
    return way / elapsed


def eta_s(distance: float | None, speed_mps: float | None) -> float | None:
    """Seconds until there, as the crow flies."""
    if distance is None:
        return None
    return distance / (speed_mps if speed_mps is not None and speed_mps >= SLOW_MPS else USUAL_MPS)


def set_status(
    act: Act, principal: Principal, report_id: int, status: TrackingStatus, description: str = "", client_id: str = ""
) -> Moved:
    """What the phone says of the way: arrived starts the work, completed closes the report. Repeating changes nothing.

    Raises NotAllowed, NotFound, Conflict (after a recall: reason `recalled`; taken off it: `withdrawn`).
    """
    require_role(principal, "police")
    description = clean("description", description, limit=1000)
    client_id = clean("client_id", client_id, limit=64)
    report = act.lock(report_id, ever=True)
    mine = act.my_assignment(report_id)
    if not (client_id and _was_here(act, report_id, client_id)):
        _advance(act, report, mine, status, description, client_id)
    return act.moved(report_id)


def track(act: Act, principal: Principal, report_id: int, given: TrackInput) -> TrackPoint:
    """Store a position and follow its status. A client_id that was here before answers the stored point.

    Points that waited in the phone may come late: after the arrival they are kept, after the end those from before it.
    Raises as set_status, and Invalid.
    """
    require_role(principal, "police")
    if not is_position(given.latitude, given.longitude):
        raise Invalid("latitude", "expected a latitude of -90 to 90 and a longitude of -180 to 180 degrees")
    if given.accuracy_m is not None and not (math.isfinite(given.accuracy_m) and given.accuracy_m >= 0):
        raise Invalid("accuracy_m", "expected metres of at least 0")
    if given.device_time is not None and given.device_time.tzinfo is None:
        raise Invalid("device_time", "expected a time with its zone")
    description = clean("description", given.description, limit=1000)
    client_id = clean("client_id", given.client_id, limit=64) or uuid.uuid4().hex
    report = act.lock(report_id, ever=True)
    known = _point(act, principal.id, client_id)
    if known is not None:
        if known["report_id"] != report_id:
            raise Conflict("client_id", report["status"])
        return _answer(known, created=False)
    mine = act.my_assignment(report_id)
    at = _time(act, given.device_time, mine["assigned_at"])
    moved = _follow(act, report, mine, given.status, description, client_id, at)
    point = _measure(act, report, mine, given, at)
    row = act.connection.execute(
        insert(track_points)
        .values(
            vendor_id=report["vendor_id"], report_id=report_id, assignment_id=mine["id"], police_id=principal.id,
            client_id=client_id, received_at=act.now, status=given.status.value, description=description, **point,
        )
        .returning(track_points)
    ).mappings().one()  # fmt: skip
    if not point["is_suspicious"]:
        _place(act, principal.id, row)
    if not moved:
        _tell(act, report_id, mine, row)
    return _answer(row, created=True)


def _was_here(act: Act, report_id: int, client_id: str) -> bool:
    """Whether this phone's word was heard before, even when the way went on since."""
    query = select(report_events.c.id).where(
        report_events.c.report_id == report_id, report_events.c.actor_role == "police",
        report_events.c.actor_id == act.actor.id, report_events.c.detail["client_id"].astext == client_id,
    )  # fmt: skip
    return act.connection.execute(query.limit(1)).first() is not None


def _follow(
    act: Act, report: Any, mine: Any, status: TrackingStatus, description: str, client_id: str, at: datetime
) -> bool:
    """Let the point's status act; True when the assignment moved. Late points of a way that went on only stay."""
    if mine["status"] not in OPEN:
        stopped = STOPPED.get(mine["status"])
        if stopped is not None:
            raise refusal_of(stopped, mine, report["status"])
        if mine["status"] == AssignmentState.DECLINED:
            raise NotFound("report", report["id"])
        if at > mine["finished_at"]:
            raise Conflict(AssignmentRefusal.OVER, mine["status"], report_status=report["status"])
        return False
    if mine["status"] == AssignmentState.ARRIVED and status is TrackingStatus.ON_THE_WAY:
        return False
    return _advance(act, report, mine, status, description, client_id)


def _advance(act: Act, report: Any, mine: Any, status: TrackingStatus, description: str, client_id: str) -> bool:
    after = act.move_assignment(mine, _EVENTS[status], report["status"])
    if after is None:
        return False
    told = {"assignment_id": mine["id"], "note": description, "client_id": client_id}
    facts = {"assignment_id": mine["id"], "police_id": mine["police_id"], "police_name": act.actor.name}
    match after:
        case AssignmentState.ON_THE_WAY:
            number = act.write(report, "on_the_way", **told)
            act.tell(report["id"], "tracking_update", str(number), status="on_the_way", **facts)
        case AssignmentState.ARRIVED:
            number = _arrive(act, report, told)
            act.tell(report["id"], "arrived", str(number), **facts)
        case AssignmentState.COMPLETED:
            if mine["is_backup"]:
                act.write(report, "backup_completed", **told)
            else:
                number = act.move(report, Event.COMPLETE, "completed", **told)
                act.tell(report["id"], "closed", str(number), **facts)
        case _:
            number = hand_back(act, report, mine, "cancelled", reason=description)
            act.tell(report["id"], "assignment_answered", str(number), accept=False, reason=description, **facts)
    return True


def _arrive(act: Act, report: Any, told: dict[str, Any]) -> int:
    if state_of(report["status"], started=report["started_at"] is not None) is State.ASSIGNED:
        return act.move(report, Event.START, "arrived", values={"arrived_at": act.now}, **told)
    act.change(report, arrived_at=report["arrived_at"] or act.now)
    return act.write(report, "arrived", **told)


def _time(act: Act, device_time: datetime | None, assigned_at: datetime) -> datetime:
    """The phone's time, unless its clock is plainly wrong: ahead of ours, or before anybody was sent."""
    if device_time is None or device_time > act.now + CLOCK or device_time < assigned_at - CLOCK:
        return act.now
    return device_time


def _measure(act: Act, report: Any, mine: Any, given: TrackInput, at: datetime) -> dict[str, Any]:
    fix = Fix(given.latitude, given.longitude, at, given.accuracy_m or 0.0)
    query = (
        select(track_points)
        .where(
            track_points.c.assignment_id == mine["id"], track_points.c.device_time <= at,
            func.coalesce(track_points.c.accuracy_m, 0) <= MAX_ACCURACY_M,
        )
        .order_by(track_points.c.device_time.desc(), track_points.c.id.desc())
        .limit(60)
    )  # fmt: skip
    before = [
        (Fix(row["latitude"], row["longitude"], row["device_time"], row["accuracy_m"] or 0.0), row["is_suspicious"])
        for row in reversed(act.connection.execute(query).mappings().all())
    ]
    way = sound_way(before, fix)
    distance = speed = None
    if way is not None:
        speed = recent_speed(way)
        if report["latitude"] is not None and report["longitude"] is not None:
            distance = distance_m(fix.latitude, fix.longitude, report["latitude"], report["longitude"])
    return {
        "latitude": fix.latitude, "longitude": fix.longitude, "accuracy_m": given.accuracy_m, "device_time": at,
        "distance_m": distance, "speed_mps": speed, "eta_s": eta_s(distance, speed),
        "is_nearby": distance is not None and distance < NEARBY_M, "is_suspicious": way is None,
    }  # fmt: skip


def _place(act: Act, police_id: int, row: Any) -> None:
    """The police's own position, unless a later one is known (points may come late)."""
    query = update(police).where(
        police.c.id == police_id, or_(police.c.position_at.is_(None), police.c.position_at <= row["device_time"])
    )
    act.connection.execute(query.values(
        latitude=row["latitude"], longitude=row["longitude"], accuracy_m=row["accuracy_m"],
        position_at=row["device_time"],
    ))  # fmt: skip


def _tell(act: Act, report_id: int, mine: Any, row: Any) -> None:
    """One notice a span of time, and one when they come near; the same key twice is told once."""
    if row["is_suspicious"]:
        return
    span = int(act.now.timestamp()) // TELL_EVERY_S
    key = f"track:{mine['id']}:{'nearby' if row['is_nearby'] else span}"
    act.tell(
        report_id, "tracking_update", key, status=row["status"], assignment_id=mine["id"],
        police_id=mine["police_id"], police_name=act.actor.name, latitude=row["latitude"],
        longitude=row["longitude"], distance_m=row["distance_m"], eta_s=row["eta_s"], is_nearby=row["is_nearby"],
    )  # fmt: skip


def _point(act: Act, police_id: int, client_id: str) -> Any:
    query = select(track_points).where(track_points.c.police_id == police_id, track_points.c.client_id == client_id)
    return act.connection.execute(query).mappings().first()


def _answer(row: Any, *, created: bool) -> TrackPoint:
    names = [name for name in TrackPoint.__struct_fields__ if name != "created"]
    return TrackPoint(**{name: row[name] for name in names}, created=created)
