"""What else is known of a case's plate that speaks against fining its owner. Hints only: nothing is decided here.

Looked up when a person looks, never at intake. Only passages of the case's own vendor count: a Polda must not learn
from a hint where another one's cameras saw a vehicle.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Integer,
    RowMapping,
    Select,
    Text,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
)

from core.accounts.tables import devices
from core.domain.clones import Seen, Travel, impossible_travel, may_be_cloned, unlike_vehicles
from core.traffic import queries
from core.traffic.tables import passages, plate_reads, violations
from core.traffic.views import CloneSign, PlateHint, ReasonCode

LOOK_BACK = timedelta(days=7)
"""Before and after the offence."""
NEAREST = 50
"""Passages looked at on either side, those nearest in time: some texts are read a thousand times a day."""
NEAREST_IN_LISTS = 10
SHOWN = 3
_NOT_ITS_PLATE = (ReasonCode.PLATE_UNREADABLE, ReasonCode.WRONG_VEHICLE)


def plate_hints(connection: Connection, case: Any, *, travel_max_kmh: float) -> list[PlateHint]:
    """Other passages of the plate of a case (a row of queries.violation_select) that one vehicle does not explain.

    The plate is the one the case would be sent with: a correction changes the hints. The fastest journey comes first,
    then other kinds of vehicle, the nearest in time first; at most three.
    """
    one = case["passage_id"], case["corrected_plate"] or case["plate_number"]
    return _hints(connection, [one], travel_max_kmh, NEAREST).get(one, [])


def clone_signs(connection: Connection, shown: Iterable[queries.Plated], *, travel_max_kmh: float) -> queries.Signs:
    """What hints say of each passage of a list, in two statements; one without hints is not among the keys.

    A list looks at fewer other passages than the case itself: each of fifty passages of one plate has all the others.
    """
    hints = _hints(connection, shown, travel_max_kmh, NEAREST_IN_LISTS)
    return {one: list(dict.fromkeys(sign for hint in found for sign in hint.signs)) for one, found in hints.items()}


def _hints(
    connection: Connection, shown: Iterable[queries.Plated], travel_max_kmh: float, nearest: int
) -> dict[queries.Plated, list[PlateHint]]:
    wanted = {one for one in shown if may_be_cloned(one[1])}
    owns = _sightings().where(passages.c.id.in_({passage_id for passage_id, _ in wanted}))
    own = {row["id"]: row for row in connection.execute(owns).mappings()} if wanted else {}
    found: dict[queries.Plated, list[RowMapping]] = {one: [] for one in wanted if one[0] in own}
    if not found:
        return {}
    asked = {
        "ids": [passage_id for passage_id, _ in found], "plates": [plate for _, plate in found],
        "vendors": [own[passage_id]["vendor_id"] for passage_id, _ in found],
        "moments": [own[passage_id]["first_at"] for passage_id, _ in found], "nearest": nearest,
    }  # fmt: skip
    for row in connection.execute(_OTHERS, asked).mappings():
        found[row["own_id"], row["own_plate"]].append(row)
    hints = {one: _chosen(own[one[0]], rows, travel_max_kmh) for one, rows in found.items()}
    return {one: chosen for one, chosen in hints.items() if chosen}


def _others() -> Select[Any]:
    """Sightings of the plates on either side of each passage, those nearest in time."""
    given = func.unnest(
        bindparam("ids", type_=ARRAY(BigInteger)), bindparam("plates", type_=ARRAY(Text)),
        bindparam("vendors", type_=ARRAY(BigInteger)), bindparam("moments", type_=ARRAY(passages.c.first_at.type)),
    ).table_valued("id", "plate", "vendor_id", "at").render_derived(name="given")  # fmt: skip
    # years after 9999 are SQL's; worked out before, since row-level security takes no such sum for an index condition
    bounds = (given.c.at - LOOK_BACK).label("since"), (given.c.at + LOOK_BACK).label("until")
    asked = select(*given.c, *bounds).cte("asked").prefix_with("MATERIALIZED")
    first, nearest = passages.c.first_at, bindparam("nearest", type_=Integer)
    others = select(passages.c.id.label("other_id")).where(
        passages.c.plate_number == asked.c.plate,
        passages.c.vendor_id == asked.c.vendor_id,
        passages.c.id != asked.c.id,
        passages.c.reads > 0,  # 0: replay found that it was none
    )
    before = others.where(first.between(asked.c.since, asked.c.at)).order_by(first.desc()).limit(nearest).lateral()
    after = others.where(first > asked.c.at, first <= asked.c.until).order_by(first).limit(nearest).lateral()
    near = union_all(
        *(select(asked.c.id.label("own_id"), asked.c.plate.label("own_plate"), side.c.other_id).join(side, true())
          for side in (before, after))
    ).subquery("near")  # fmt: skip
    other_plate = exists().where(  # a person looked at that one, and read another plate
        violations.c.passage_id == passages.c.id,
        or_(violations.c.corrected_plate != near.c.own_plate, violations.c.reason_code.in_(_NOT_ITS_PLATE)),
    )
    return (
        _sightings().add_columns(near.c.own_id, near.c.own_plate).join(near, near.c.other_id == passages.c.id)
        .where(~other_plate)
    )  # fmt: skip


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
    names = ("id", "vendor_id", "first_at", "vehicle_type", "vehicle_color", "confidence", "verdict")
    read = plate_reads.c
    return (
        select(*(passages.c[name] for name in names), read.capture_time, read.received_at, read.images,
               *queries.DEVICE, devices.c.latitude, devices.c.longitude)
        .join(plate_reads, read.id == passages.c.best_read_id)
        .join(devices, devices.c.id == passages.c.device_id)
    )  # fmt: skip


_OTHERS = _others()
"""Built once: that takes longer than PostgreSQL does."""
