"""Hints that a plate hangs on two vehicles."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.clones import MIN_DISTANCE_M, Seen, Travel, impossible_travel, may_be_cloned, unlike_vehicles

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SERANG = {"latitude": -6.118, "longitude": 106.164}
CIKUPA = {"latitude": -6.218, "longitude": 106.518}
"""About 41 km from Serang."""


def seen(minutes: float = 0, *, late_s: float = 0, **more: Any) -> Seen:
    at = NOON + timedelta(minutes=minutes)
    return Seen(at=at, received_at=at + timedelta(seconds=late_s), **more)


def travel(one: Seen, other: Seen) -> Travel | None:
    return impossible_travel(one, other, limit_kmh=200)


def test_forty_kilometres_in_five_minutes_are_impossible() -> None:
    found = travel(seen(**SERANG), seen(5, **CIKUPA))
    assert found is not None
    assert (40_700, 457) == (pytest.approx(found.distance_m, abs=300), pytest.approx(found.speed_kmh, abs=5))


def test_the_same_way_in_an_hour_is_a_journey() -> None:
    assert travel(seen(**SERANG), seen(60, **CIKUPA)) is None


def test_the_limit_is_the_callers() -> None:
    assert impossible_travel(seen(**SERANG), seen(5, **CIKUPA), limit_kmh=500) is None


def test_neighbouring_cameras_at_one_moment_say_nothing() -> None:
    near = {"latitude": -6.118, "longitude": 106.181}  # 1.9 km
    assert travel(seen(**SERANG), seen(**near)) is None


def test_a_device_without_position_says_nothing() -> None:
    assert travel(seen(), seen(5, **CIKUPA)) is None
    assert travel(seen(**SERANG), seen(5, latitude=-6.2)) is None


def test_a_clock_that_is_an_hour_ahead_makes_no_travel() -> None:
    ahead = seen(60, late_s=-3600, **CIKUPA)  # in truth at noon: an hour after the other one
    assert travel(seen(-60, **SERANG), seen(0, **CIKUPA)) is None
    assert travel(seen(58, **SERANG), ahead) is None


def test_what_came_hours_later_proves_nothing() -> None:
    assert travel(seen(**SERANG), seen(5, late_s=7200, **CIKUPA)) is None


@pytest.mark.parametrize(
    ("one", "other", "unlike"),
    [
        ("motorcycle", "salooncar", True),
        ("Motor", "truck", True),
        ("two-wheel", "van", True),
        ("car", "largeBus", True),
        ("sedan", "SUVMPV", False),
        ("car", "pickup", False),
        ("pickuptruck", "truck", False),
        ("motor vehicle", "motorcycle", False),
        ("vehicle", "motorcycle", False),
        ("", "motorcycle", False),
    ],
)
def test_only_vehicles_that_no_camera_mixes_up_are_unlike(one: str, other: str, unlike: bool) -> None:
    assert unlike is unlike_vehicles(seen(vehicle_type=one), seen(vehicle_type=other))


@pytest.mark.parametrize(
    ("plate", "may"),
    [("B1234XYZ", True), ("BK88A", True), (None, False), ("TOKO24", False), ("1234", False), ("RI1", False),
     ("QX12A", False)],
)  # fmt: skip
def test_only_civil_plates_are_looked_for(plate: str | None, may: bool) -> None:
    assert may is may_be_cloned(plate)


moments = st.datetimes(timezones=st.just(UTC))
degrees = st.none() | st.floats()
anything = st.builds(
    Seen, at=moments, received_at=moments, latitude=degrees, longitude=degrees,
    vehicle_type=st.text(max_size=20) | st.sampled_from(["car", "motorcycle", "bus", "van"]),
)  # fmt: skip
on_earth = st.builds(
    Seen, at=st.just(NOON), received_at=st.just(NOON), latitude=st.floats(-90, 90), longitude=st.floats(-180, 180)
)


@given(anything | on_earth, anything | on_earth, st.floats(0.001, 1e9))
def test_both_ways_round_say_the_same_and_nothing_raises(one: Seen, other: Seen, limit: float) -> None:
    forth, back = impossible_travel(one, other, limit_kmh=limit), impossible_travel(other, one, limit_kmh=limit)
    assert (forth is None) is (back is None)
    if forth and back:
        assert back.distance_m == pytest.approx(forth.distance_m, rel=1e-6)
        assert back.speed_kmh == pytest.approx(forth.speed_kmh, rel=1e-6)
        assert forth.speed_kmh > limit
        assert forth.distance_m >= MIN_DISTANCE_M
    assert unlike_vehicles(one, other) is unlike_vehicles(other, one)


@given(anything | on_earth, moments)
def test_the_same_place_and_vehicle_never_give_a_hint(one: Seen, at: datetime) -> None:
    again = Seen(at=at, received_at=at, latitude=one.latitude, longitude=one.longitude, vehicle_type=one.vehicle_type)
    assert travel(one, again) is None
    assert not unlike_vehicles(one, again)
