"""Camera clocks: every way of writing a time, and the rules that turn it into UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.camera_time import read_epoch, read_moment, read_time
from core.testing.fixtures import device

CAMERA = device("generic")
WALL_CLOCK = device("generic", time_rule="wall_clock")
MOMENT = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2100, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))
OFFSETS = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("2026-03-02T17:20:00+07:00", "offset"), ("2026-03-02T10:20:00Z", "offset"), ("2026-03-02T10:20Z", "offset"),
        ("2026-03-02T17:20:00+0700", "offset"), ("2026-03-02T17:20:00+7:00", "offset"),
        ("2026-03-02T17:20+07", "offset"),
        ("2026-03-02T02:20:00-8:00", "offset"), ("2026-03-02 10:20:00 UTC", "offset"),
        ("20260302T172000+0700", "offset"),
        ("2026-03-02T17:20:00", "wall_clock"), ("2026-03-02 17:20:00", "wall_clock"),
        ("2026/3/2 17:20:00", "wall_clock"),
        ("2026:03:02 17:20:00", "wall_clock"), ("2026-03-02 17-20-00", "wall_clock"), ("20260302172000", "wall_clock"),
        ("20260302T1720000000", "wall_clock"), (" 2026-03-02 17:20 ", "wall_clock"),
    ],
)  # fmt: skip
def test_every_form_is_the_same_moment(text, source):
    assert (MOMENT, source) == (read_time(text, CAMERA).utc, read_time(text, CAMERA).source)


@pytest.mark.parametrize(
    ("fraction", "micros"), [(".5", 500_000), (".123", 123_000), (".123456789", 123_456), (",25", 250_000)]
)
def test_fractions_of_a_second_are_kept(fraction, micros):
    assert MOMENT.replace(microsecond=micros) == read_time(f"2026-03-02T10:20:00{fraction}Z", CAMERA).utc


def test_a_camera_left_at_the_factorys_offset_is_read_by_its_digits():
    time = read_time("2026-03-02T17:20:00+08:00", WALL_CLOCK)

    assert (MOMENT, "wall_clock", "2026-03-02T17:20:00+08:00") == (time.utc, time.source, time.raw)


@pytest.mark.parametrize(
    "text", ["0000-00-00 00:00:00", "2026-13-01T00:00:00", "2026-02-30 10:00:00", "2026-03-02T25:00:00", "yesterday",
             "2026-03-02T10:20:00+99:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1", "٢٠٢٦"],
)  # fmt: skip
def test_an_impossible_time_is_none_and_kept_as_it_was(text):
    time = read_time(text, CAMERA)

    assert (None, "receive", text) == (time.utc, time.source, time.raw)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_time_is_none(text):
    time = read_time(text, CAMERA)

    assert (None, "receive", "") == (time.utc, time.source, time.raw)


def test_an_unknown_zone_costs_the_time_and_not_the_event():
    assert read_time("2026-03-02 17:20:00", device("generic", zone="Mars/Olympus")).utc is None
    assert read_epoch(1772446800, device("generic", zone="Mars/Olympus"), clock="wall").utc is None


@given(MOMENTS, OFFSETS)
def test_iso_with_an_offset_reads_back(moment, offset):
    assert moment == read_time(moment.astimezone(offset).isoformat(), CAMERA).utc


@given(MOMENTS)
def test_digits_without_a_zone_are_the_cameras(moment):
    local = moment.astimezone(timezone(timedelta(hours=7))).replace(tzinfo=None)

    assert moment == read_time(local.isoformat(sep=" "), CAMERA).utc
    assert moment.replace(microsecond=0) == read_time(local.strftime("%Y%m%d%H%M%S"), CAMERA).utc


@given(
    st.text(max_size=40) | st.from_regex(r"[0-9TZ:. +-]{0,34}", fullmatch=True), st.sampled_from([CAMERA, WALL_CLOCK])
)
def test_any_text_is_read_or_none_and_never_raises(text, camera):
    time = read_time(text, camera)

    assert (time.utc is None) == (time.source == "receive")
    assert time.utc is None or time.utc.tzinfo is UTC
    assert text.strip() == time.raw


@pytest.mark.parametrize(
    ("value", "unit"), [(1772446800, "s"), ("1772446800", "s"), (1772446800000, "ms"), (1772446800000000, "us"),
                        (1772446800000000000, "ns"), ("1772446800.0", "s"), (1772446800.0, "s")],
)  # fmt: skip
def test_an_epoch_in_any_unit_is_the_same_moment(value, unit):
    assert (MOMENT, "epoch") == (read_epoch(value, CAMERA, unit=unit).utc, read_epoch(value, CAMERA, unit=unit).source)


def test_an_epoch_of_local_digits_is_read_in_the_cameras_zone():
    time = read_epoch(1772446800 + 7 * 3600, CAMERA, clock="wall")

    assert (MOMENT, "wall_clock") == (time.utc, time.source)


@given(MOMENTS)
def test_epochs_are_exact_to_the_microsecond(moment):
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    assert moment == read_epoch(str(micros), CAMERA, unit="us").utc
    assert moment == read_epoch(micros * 1000, CAMERA, unit="ns").utc


@given(st.none() | st.integers() | st.floats() | st.text(max_size=30), st.sampled_from(["s", "ms", "us", "ns"]),
       st.sampled_from(["utc", "wall"]))  # fmt: skip
def test_any_epoch_is_read_or_none_and_never_raises(value, unit, clock):
    time = read_epoch(value, CAMERA, unit=unit, clock=clock)

    assert (time.utc is None) == (time.source == "receive")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1772446800, (MOMENT, "epoch")), ("1772446800.0", (MOMENT, "epoch")), ("1772446800000", (MOMENT, "epoch")),
        (1772446800000000, (MOMENT, "epoch")), ("1772446800000000000", (MOMENT, "epoch")),
        ("20260302172000", (MOMENT, "wall_clock")), ("20260302172000000", (MOMENT, "wall_clock")),
        ("2026-03-02T10:20:00Z", (MOMENT, "offset")), ("xxx", (None, "receive")), ("", (None, "receive")),
        (None, (None, "receive")), (0, (None, "receive")), (True, (None, "receive")),
    ],
)  # fmt: skip
def test_a_moment_is_read_written_or_counted_in_any_unit(value, expected):
    found = read_moment(value, CAMERA)

    assert expected == (found.utc, found.source)


def test_a_counted_moment_of_local_digits_is_read_in_the_cameras_zone():
    found = read_moment(str((1772446800 + 7 * 3600) * 1000), CAMERA, clock="wall")

    assert (MOMENT, "wall_clock") == (found.utc, found.source)


@given(st.none() | st.integers() | st.floats() | st.from_regex(r"[0-9.]{0,24}", fullmatch=True))
def test_any_moment_is_read_or_none_and_never_raises(value):
    found = read_moment(value, CAMERA)

    assert (found.utc is None) == (found.source == "receive")
