"""Speeds and directions at their edges."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api import Passage, PluginContext, ViolationType
from core.testing.contract_rules import RulesContract
from core.testing.fixtures import device
from plugins.poldas.polda_jabar.plugin import Plugin, band

AT = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
SPEEDING = ViolationType.BATAS_KECEPATAN
WRONG_WAY = ViolationType.LAWAN_ARAH


def drafts(*, limit=60.0, allowed=None, plate="D1234AB", config=None, **passage):
    plugin = Plugin(msgspec.convert(config or {}, Plugin.Config), PluginContext(instance="polda_jabar"))
    seen = Passage(device_id=1, vendor_id=1, plate_number=plate, first_at=AT, last_at=AT, **passage)
    settings = {"polda_jabar": {"allowed_direction": allowed}} if allowed else {}
    return plugin.classify_passage(seen, device("dahua", speed_limit_kmh=limit, settings=settings))


def kinds(**how):
    return [draft.violation_type for draft in drafts(**how)]


@pytest.mark.parametrize(
    ("speed", "violates"),
    [(None, False), (0, False), (60, False), (64.99, False), (65, False), (65.01, True), (66, True), (180, True)],
)
def test_a_speed_violates_above_limit_and_tolerance(speed, violates):
    assert ([SPEEDING] if violates else []) == kinds(speed_kmh=speed)


@pytest.mark.parametrize(("speed", "violates"), [(60, False), (60.01, True)])
def test_without_tolerance_the_exact_limit_is_still_allowed(speed, violates):
    assert ([SPEEDING] if violates else []) == kinds(speed_kmh=speed, config={"tolerance_kmh": 0})


def test_the_default_limit_serves_devices_without_one():
    assert [] == kinds(limit=None, speed_kmh=200)
    (draft,) = drafts(limit=None, speed_kmh=99, config={"default_limit_kmh": 80})

    assert ("default", 80) == (draft.detail["limit_of"], draft.detail["limit_kmh"])
    assert [] == kinds(limit=100, speed_kmh=99, config={"default_limit_kmh": 80})


def test_the_detail_holds_the_facts():
    (draft,) = drafts(speed_kmh=92)

    assert {"speed_kmh": 92, "limit_kmh": 60, "limit_of": "device", "tolerance_kmh": 5, "over_kmh": 32,
            "band": "20-40"} == draft.detail  # fmt: skip


@pytest.mark.parametrize(
    ("over", "name"),
    [(5.5, "0-10"), (9.99, "0-10"), (10, "10-20"), (20, "20-40"), (39.9, "20-40"), (40, "40+"), (120, "40+")],
)
def test_an_edge_belongs_to_the_band_above_it(over, name):
    assert name == band(over, (10, 20, 40))


def test_without_bands_there_is_one():
    assert "0+" == band(7, ())


def test_an_implausible_speed_is_drafted_and_marked():
    assert drafts(speed_kmh=251)[0].detail["implausible"]
    assert "implausible" not in drafts(speed_kmh=250)[0].detail


@pytest.mark.parametrize(
    ("allowed", "direction", "violates"),
    [("approach", "depart", True), ("approach", "approach", False), ("depart", "approach", True), ("in", "out", True),
     ("out", "in", True), ("in", "in", False), ("in", "depart", False), ("approach", "unknown", False),
     (None, "depart", False), ("north", "depart", False)],
)  # fmt: skip
def test_a_vehicle_against_the_allowed_direction_drives_the_wrong_way(allowed, direction, violates):
    assert ([WRONG_WAY] if violates else []) == kinds(allowed=allowed, direction=direction)


def test_the_wrong_way_is_told_by_its_directions():
    (draft,) = drafts(allowed="approach", direction="depart")

    assert {"direction": "depart", "allowed_direction": "approach"} == draft.detail


def test_a_camera_may_claim_what_it_did_not_measure_for_us():
    claimed = {"limit": None, "offences": (SPEEDING, WRONG_WAY, ViolationType.HELM)}

    assert [SPEEDING, WRONG_WAY] == kinds(**claimed)
    assert [{"claimed": True}] * 2 == [draft.detail for draft in drafts(**claimed)]
    assert [] == kinds(**claimed, config={"claims": False})


def test_a_measurement_stands_against_a_mere_claim():
    assert [] == kinds(speed_kmh=58, offences=(SPEEDING,))
    assert [] == kinds(limit=None, speed_kmh=58, offences=(SPEEDING,), config={"default_limit_kmh": 80})
    assert [SPEEDING] == kinds(limit=None, speed_kmh=58, offences=(SPEEDING,))


def test_a_passage_without_a_plate_is_judged_only_where_it_is_configured():
    assert [] == kinds(plate=None, speed_kmh=92)
    assert [SPEEDING] == kinds(plate=None, speed_kmh=92, config={"without_plate": True})


@pytest.mark.parametrize(
    "config", [{"bands_kmh": [20, 10]}, {"bands_kmh": [10, 10]}, {"tolerance_kmh": -1}, {"default_limit_kmh": 0}]
)
def test_a_config_that_cannot_be_meant_is_refused(config):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(config, Plugin.Config)


@given(st.floats(0, 300), st.floats(5, 150), st.floats(0, 50))
def test_only_more_than_limit_and_tolerance_violates(speed, limit, tolerance):
    violates = bool(drafts(limit=limit, speed_kmh=speed, config={"tolerance_kmh": tolerance}))

    assert (speed > limit + tolerance) == violates


def test_the_example_deployment_is_a_config_of_this_plugin():
    example = tomllib.loads((Path(__file__).parent / "plugins.toml").read_text())
    table = example["plugin"]["polda_jabar"]

    assert "plugins.poldas.polda_jabar" == table["use"]
    assert 80 == msgspec.convert(table["config"], Plugin.Config).default_limit_kmh


class TestContract(RulesContract):
    use = "plugins.poldas.polda_jabar"
