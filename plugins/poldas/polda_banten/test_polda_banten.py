"""Purposes and claims, for each of the violation types."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from core.api import Passage, PluginContext, ViolationType
from core.testing.contract_rules import RulesContract
from core.testing.fixtures import device
from plugins.poldas.polda_banten.plugin import Plugin

AT = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
ALL = list(ViolationType)


def drafts(*, purposes=(), offences=(), plate="A1234BC", config=None, **passage):
    plugin = Plugin(msgspec.convert(config or {}, Plugin.Config), PluginContext(instance="polda_banten"))
    seen = Passage(device_id=1, vendor_id=1, plate_number=plate, first_at=AT, last_at=AT, offences=offences, **passage)
    return plugin.classify_passage(seen, device("generic", purposes=purposes))


def kinds(**how):
    return [draft.violation_type for draft in drafts(**how)]


@pytest.mark.parametrize("kind", ALL)
def test_a_claim_counts_at_a_camera_installed_for_it(kind):
    assert [kind] == kinds(purposes=(kind.value,), offences=(kind,))
    assert [] == kinds(purposes=(kind.value,))
    assert [] == kinds(purposes=(), offences=(kind,))


@pytest.mark.parametrize("kind", ALL)
def test_a_camera_that_posts_only_what_it_caught_makes_every_passage_a_case(kind):
    config = {"every_passage": [kind.value]}

    assert [kind] == kinds(purposes=(kind.value,), config=config)
    assert [] == kinds(purposes=("parking",), config=config)


@pytest.mark.parametrize("kind", ALL)
def test_a_claim_beyond_the_purpose_counts_where_it_is_configured(kind):
    assert [kind] == kinds(offences=(kind,), config={"beyond_purpose": "draft"})


def test_types_that_are_not_claimable_are_ignored():
    config = {"claimed": ["helm"], "beyond_purpose": "draft"}

    assert [ViolationType.HELM] == kinds(offences=(ViolationType.PONSEL, ViolationType.HELM), config=config)


def test_one_passage_may_be_several_violations_once_each():
    offences = (ViolationType.PONSEL, ViolationType.SABUK_KESELAMATAN, ViolationType.PONSEL)

    assert {ViolationType.SABUK_KESELAMATAN, ViolationType.PONSEL} == set(
        kinds(purposes=("ponsel", "sabuk_keselamatan"), offences=offences)
    )
    assert 2 == len(kinds(purposes=("ponsel", "sabuk_keselamatan"), offences=offences))


def test_a_passage_without_a_plate_is_judged_only_where_it_is_configured():
    how = {"purposes": ("lampu_merah",), "offences": (ViolationType.LAMPU_MERAH,), "plate": None}

    assert [] == kinds(**how)
    assert [] == kinds(**how, config={"every_passage": ["lampu_merah"]})
    assert [ViolationType.LAMPU_MERAH] == kinds(**how, config={"without_plate": True})


def test_the_detail_says_on_what_grounds():
    (claimed,) = drafts(purposes=("lampu_merah",), offences=(ViolationType.LAMPU_MERAH,), lane_no="2")
    (every,) = drafts(purposes=("lampu_merah",), config={"every_passage": ["lampu_merah"]})

    assert {"ground": "claimed", "purposes": ["lampu_merah"], "claimed": True, "lane_no": "2"} == claimed.detail
    assert {"ground": "every_passage", "purposes": ["lampu_merah"], "claimed": False} == every.detail


def test_an_unknown_type_in_the_config_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"every_passage": ["lampu_biru"]}, Plugin.Config)


def test_the_example_deployment_is_a_config_of_this_plugin():
    example = tomllib.loads((Path(__file__).parent / "plugins.toml").read_text())
    table = example["plugin"]["polda_banten"]

    assert "plugins.poldas.polda_banten" == table["use"]
    assert (ViolationType.LAMPU_MERAH,) == msgspec.convert(table["config"], Plugin.Config).every_passage


class TestContract(RulesContract):
    use = "plugins.poldas.polda_banten"
