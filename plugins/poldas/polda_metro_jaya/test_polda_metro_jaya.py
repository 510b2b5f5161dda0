"""Odd-even: dates, hours and plates at their edges. Times are written in Jakarta's clock."""

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api import Passage, PluginContext, ViolationType
from core.testing.contract_rules import RulesContract
from core.testing.fixtures import device
from plugins.poldas.polda_metro_jaya.plugin import Plugin

JAKARTA = ZoneInfo("Asia/Jakarta")


def drafts(plate, at, *, config=None, purposes=("ganjil_genap",), zone=JAKARTA, **passage):
    plugin = Plugin(msgspec.convert(config or {}, Plugin.Config), PluginContext(instance="polda_metro_jaya"))
    moment = (
        (datetime.fromisoformat(at) if isinstance(at, str) else at).replace(tzinfo=zone).astimezone(ZoneInfo("UTC"))
    )
    seen = Passage(device_id=1, vendor_id=1, plate_number=plate, first_at=moment, last_at=moment, **passage)
    return plugin.classify_passage(seen, device("generic", purposes=purposes))


@pytest.mark.parametrize(
    ("plate", "at", "violates"),
    [
        # Monday 2 March 2026 is even, Tuesday 3 March is odd
        ("B1231XYZ", "2026-03-02T07:00", True), ("B1232XYZ", "2026-03-02T07:00", False),
        ("B1231XYZ", "2026-03-03T07:00", False), ("B1232XYZ", "2026-03-03T07:00", True),
        ("B1230XYZ", "2026-03-02T07:00", False), ("B1230XYZ", "2026-03-03T07:00", True),
        ("B7", "2026-03-02T07:00", True),
        # the hours: from the first second, until just before the end
        ("B1A", "2026-03-02T05:59:59", False), ("B1A", "2026-03-02T06:00:00", True),
        ("B1A", "2026-03-02T09:59:59.999", True), ("B1A", "2026-03-02T10:00:00", False),
        ("B1A", "2026-03-02T16:00:00", True), ("B1A", "2026-03-02T21:00:00", False),
        # weekends
        ("B1A", "2026-02-28T07:00", False), ("B2A", "2026-03-01T07:00", False),
        # 31 December and 1 January are odd, one after the other; 29 February is odd, the day before is even
        ("B2A", "2026-12-31T07:00", True), ("B2A", "2027-01-01T07:00", True), ("B1A", "2027-01-01T07:00", False),
        ("B2A", "2024-02-29T07:00", True), ("B1A", "2024-02-28T07:00", True),
    ],
)  # fmt: skip
def test_the_last_digit_must_match_the_day(plate, at, violates):
    assert ([ViolationType.GANJIL_GENAP] if violates else []) == [d.violation_type for d in drafts(plate, at)]


@pytest.mark.parametrize("plate", [None, "", "ABC123", "XYZ", "CD1201", "RI1", "123401", "5671VII", "粤B888H9", "B0A"])
def test_no_plate_and_plates_the_rule_does_not_know_are_left_alone(plate):
    assert [] == drafts(plate, "2026-03-02T07:00") + drafts(plate, "2026-03-03T07:00")


def test_the_date_is_jakartas_and_not_utcs():
    # 06:30 on Tuesday the 3rd in Jakarta is 23:30 on the 2nd in UTC
    assert 1 == len(drafts("B2A", "2026-03-02T23:30", zone=ZoneInfo("UTC")))
    assert [] == drafts("B1A", "2026-03-02T23:30", zone=ZoneInfo("UTC"))


def test_the_zone_may_be_another():
    config = {"zone": "Asia/Jayapura"}

    assert [] == drafts("B1A", "2026-03-02T09:00", config=config)  # 11:00 there
    assert 1 == len(drafts("B1A", "2026-03-02T07:00", config=config))


def test_hours_that_end_the_day_end_at_midnight():
    config = {"hours": ["22:00-24:00", "00:00-02:00"]}

    assert 1 == len(drafts("B1A", "2026-03-02T23:59:59", config=config))
    assert [] == drafts("B1A", "2026-03-03T00:00:00", config=config)
    assert 1 == len(drafts("B2A", "2026-03-03T00:00:00", config=config))


def test_holidays_and_weekdays_are_configured():
    assert [] == drafts("B1A", "2026-03-02T07:00", config={"holidays": ["2026-03-02"]})
    assert 1 == len(drafts("B1A", "2026-02-28T07:00", config={"weekdays": [6]}))


@pytest.mark.parametrize(
    "passage", [{"plate_color": "Yellow"}, {"plate_color": "kuning"}, {"vehicle_type": "motorcycle"},
                {"vehicle_type": "TwoWheelVehicle"}, {"vehicle_type": "bus"}],
)  # fmt: skip
def test_exempt_vehicles_are_left_alone(passage):
    assert [] == drafts("B1A", "2026-03-02T07:00", **passage)


def test_only_cameras_installed_for_it_judge_unless_all_shall():
    assert [] == drafts("B1A", "2026-03-02T07:00", purposes=("lampu_merah",))
    assert 1 == len(drafts("B1A", "2026-03-02T07:00", purposes=(), config={"every_device": True}))


def test_the_detail_holds_the_facts():
    (draft,) = drafts("B1231XYZ", "2026-03-02T07:05:09")

    assert {"date": "2026-03-02", "local_time": "07:05:09", "zone": "Asia/Jakarta", "hours": "06:00-10:00",
            "day_is": "even", "last_digit": 1} == draft.detail  # fmt: skip


@pytest.mark.parametrize(
    "config", [{"hours": ["6-10"]}, {"hours": ["10:00-06:00"]}, {"hours": ["06:00"]}, {"zone": "Asia/Nowhere"},
               {"weekdays": [0]}, {"holidays": ["soon"]}, {"hour": ["06:00-10:00"]}],
)  # fmt: skip
def test_a_config_that_cannot_be_meant_is_refused(config):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(config, Plugin.Config)


DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@given(DAYS, st.integers(1, 9999), st.from_regex(r"[A-Z]{0,3}", fullmatch=True))
def test_on_a_day_in_force_exactly_one_of_two_neighbours_may_drive(day, number, series):
    at = datetime.combine(day, datetime.min.time()) + timedelta(hours=8)
    config = {"weekdays": [1, 2, 3, 4, 5, 6, 7]}
    neighbours = (number, number + 1 if number < 9999 else number - 1)

    assert 1 == sum(len(drafts(f"B{n}{series}", at, config=config)) for n in neighbours)


def test_the_example_deployment_is_a_config_of_this_plugin():
    example = tomllib.loads((Path(__file__).parent / "plugins.toml").read_text())
    table = example["plugin"]["polda_metro_jaya"]

    assert "plugins.poldas.polda_metro_jaya" == table["use"]
    assert date(2026, 8, 17) in msgspec.convert(table["config"], Plugin.Config).holidays


class TestContract(RulesContract):
    use = "plugins.poldas.polda_metro_jaya"
