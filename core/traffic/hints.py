"""What else is known of a case's plate that speaks against fining its owner. Hints only: nothing is decided here.

Looked up when a person looks, never at intake. Only passages of the case's own vendor count: a Polda must not learn
from a hint where another one's cameras saw a vehicle.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, literal, or_, select, union_all

from core.accounts.tables import devices
from core.domain.clones import Seen, Travel, impossible_travel, may_be_cloned, unlike_vehicles
from core.traffic import queries
from core.traffic.tables import passages, plate_reads, violations
from core.traffic.views import CloneSign, PlateHint, ReasonCode

LOOK_BACK = timedelta(days=7)
"""Before and after the offence."""
NEAREST = 50
"""Passages looked at on either side, those nearest in time: some texts are read a thousand times a day."""
SHOWN = 3
_NOT_ITS_PLATE = (ReasonCode.PLATE_UNREADABLE, ReasonCode.WRONG_VEHICLE)


def plate_hints(connection: Connection, case: Any, *, travel_max_kmh: float) -> list[PlateHint]:
    """Other passages of the plate of a case (a row of queries.violation_select) that one vehicle does not explain.

    The plate is the one the case would be sent with: a correction changes the hints. The fastest journey comes first,
    then other kinds of vehicle, the nearest in time first; at most three.
    """
    plate = case["corrected_plate"] or case["plate_number"]
    if not may_be_cloned(plate):
        return []
    own = connection.execute(_sightings().where(passages.c.id == case["passage_id"])).mappings().first()
    if own is None:
        return []
    at, first = literal(own["first_at"], passages.c.first_at.type), passages.c.first_at  # years after 9999 are SQL's
    others = select(passages.c.id).where(
        passages.c.plate_number == plate,
        passages.c.vendor_id == case["vendor_id"],
        passages.c.id != own["id"],
        passages.c.reads > 0,  # 0: replay found that it was none
    )
    before = others.where(first.between(at - LOOK_BACK, at)).order_by(first.desc()).limit(NEAREST)
    after = others.where(first > at, first <= at + LOOK_BACK).order_by(first).limit(NEAREST)
    near = union_all(*(select(side.subquery()) for side in (before, after)))
    other_plate = exists().where(  # a person looked at that one, and read another plate
        violations.c.passage_id == passages.c.id,
        or_(violations.c.corrected_plate != plate, violations.c.reason_code.in_(_NOT_ITS_PLATE)),
    )
    query = _sightings().where(passages.c.id.in_(near), ~other_plate)
    found = connection.execute(query).mappings().all()
    return _chosen(own, found, travel_max_kmh)


def _chosen(own: RowMapping, found: Iterable[RowMapping], travel_max_kmh: float) -> list[PlateHint]:
    here = _seen(own)
    hints = []
    for row in found:
        there = _seen(row)
        travel = impossible_travel(here, there, limit_kmh=travel_max_kmh)
        # a misread plate brings the kind of its own vehicle along: only what no judge doubted tells
        unlike = row["verdict"] == "accept" and unlike_vehicles(here, there)
        if travel is not None or unlike:
            hints.append(_hint(own, row, travel, unlike=unlike))
    hints.sort(key=lambda hint: (-(hint.speed_kmh or 0), abs(hint.gap_s)))
    return hints[:SHOWN]


def _hint(own: RowMapping, row: RowMapping, travel: Travel | None, *, unlike: bool) -> PlateHint:
    signs: list[CloneSign] = []
    if travel is not None:
        signs.append("impossible_travel")
    if unlike:
        signs.append("unlike_vehicle")
    return PlateHint(
        signs=signs, passage_id=row["id"], device=queries.device_view(row), at=row["capture_time"],
        gap_s=(row["capture_time"] - own["capture_time"]).total_seconds(),
        distance_m=round(travel.distance_m) if travel else None, speed_kmh=round(travel.speed_kmh) if travel else None,
        vehicle_type=row["vehicle_type"], vehicle_color=row["vehicle_color"], confidence=row["confidence"],
        verdict=row["verdict"], picture=queries.best_picture(row["images"]),
    )  # fmt: skip


def _seen(row: RowMapping) -> Seen:
    return Seen(
        at=row["capture_time"], received_at=row["received_at"], latitude=row["latitude"], longitude=row["longitude"],
        vehicle_type=row["vehicle_type"] or "",
    )  # fmt: skip


def _sightings() -> Select[Any]:
    """Passages by their best read: its clock, its pictures, and where the device stands."""
    names = ("id", "first_at", "vehicle_type", "vehicle_color", "confidence", "verdict")
    read = plate_reads.c
    return (
        select(*(passages.c[name] for name in names), read.capture_time, read.received_at, read.images,
               *queries.DEVICE, devices.c.latitude, devices.c.longitude)
        .join(plate_reads, read.id == passages.c.best_read_id)
        .join(devices, devices.c.id == passages.c.device_id)
    )  # fmt: skip
