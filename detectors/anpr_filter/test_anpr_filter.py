"""The filter's verdicts, as a table; and what holds for every read."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api import PlateRead, PluginContext, normalise_plate, read_indonesian_plate
from core.testing.fixtures import device
from detectors.anpr_filter.plugin import Plugin

REASONS = {"no_plate", "confidence_missing", "confidence_below_review", "confidence_below_accept", "official_plate",
           "homoglyph", "region_unknown", "plate_grammar", "other_region"}  # fmt: skip


def judge(plate, confidence=95.0, *, config=None, settings=None, maker="generic", vendor_code="polda-banten"):
    plugin = Plugin(msgspec.convert(config or {}, Plugin.Config), PluginContext(instance="anpr_filter"))
    read = PlateRead(event="plate", plate_number=normalise_plate(plate), plate_raw=plate or "", confidence=confidence)
    where = device(maker, vendor_code=vendor_code, settings={"anpr_filter": settings} if settings else {})
    verdict = plugin.judge_read(read, where)
    return (verdict.action, verdict.reason), verdict.detail


@pytest.mark.parametrize(
    ("plate", "confidence", "verdict"),
    [
        ("B 1234 XYZ", 95, ("accept", "")), ("A 1 B", 80, ("accept", "")),
        ("DK 9999 ABC", 100, ("accept", "other_region")),
        ("B 7", 95, ("accept", "")),
        ("B 1234 XYZ", 79.99, ("review", "confidence_below_accept")),
        ("B 1234 XYZ", 30, ("review", "confidence_below_accept")),
        ("B 1234 XYZ", 29.99, ("drop", "confidence_below_review")),
        ("B 1234 XYZ", 0, ("drop", "confidence_below_review")),
        ("B 1234 XYZ", None, ("review", "confidence_missing")),
        (None, 95, ("review", "no_plate")), ("unknown", 10, ("review", "no_plate")),
        ("--", None, ("review", "no_plate")),
        ("RI 1", 95, ("review", "official_plate")), ("CD 12 01", 95, ("review", "official_plate")),
        ("1234-00", 95, ("review", "official_plate")), ("5678-VII", 95, ("review", "official_plate")),
        ("RI 1", 5, ("drop", "confidence_below_review")),
        ("B 1Z34 XYZ", 95, ("review", "homoglyph")), ("BI234XYZ", 95, ("review", "homoglyph")),
        ("8 1234 XYZ", 95, ("review", "homoglyph")),
        ("QX 1234 AB", 95, ("review", "region_unknown")),
        ("B 0123 XY", 95, ("review", "plate_grammar")), ("B 12399 XY", 95, ("review", "plate_grammar")),
        ("粤B888H9", 95, ("review", "plate_grammar")), ("XYZW", 95, ("review", "plate_grammar")),
    ],
)  # fmt: skip
def test_a_read_gets_the_strictest_verdict(plate, confidence, verdict):
    assert verdict == judge(plate, confidence)[0]


def test_a_suggestion_stands_in_the_detail():
    assert "may be B1234XYZ" in judge("B1Z34XYZ")[1]


def test_a_foreign_region_is_only_mentioned():
    assert ("accept", "other_region") == judge("DK 12 AB")[0]
    assert ("accept", "") == judge("DK 12 AB", vendor_code="polda-bali")[0]
    assert ("accept", "") == judge("A 12 AB")[0]


def test_each_region_that_exists_is_at_home_with_some_polda():
    at_home = {region for regions in Plugin.Config().regions.values() for region in regions}
    letters = [chr(c) for c in range(ord("A"), ord("Z") + 1)]
    plates = [read_indonesian_plate(f"{head}1A") for head in [*letters, *(a + b for a in letters for b in letters)]]
    assert at_home == {plate.region for plate in plates if plate.kind == "civil" and plate.known_region}


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        ({"default": {"accept": 50}}, ("accept", "")),
        ({"default": {"accept": 50}, "makers": {"generic": {"accept": 90}}}, ("review", "confidence_below_accept")),
        ({"makers": {"dahua": {"accept": 10, "review": 0}}}, ("review", "confidence_below_accept")),
    ],
)
def test_thresholds_go_by_maker(config, verdict):
    assert verdict == judge("B1A", 60, config=config)[0]


def test_a_device_sets_its_own_thresholds_and_keeps_the_rest():
    config = {"makers": {"generic": {"accept": 90, "no_plate": "drop"}}}

    assert ("accept", "") == judge("B1A", 60, config=config, settings={"accept": 60})[0]
    assert ("drop", "no_plate") == judge(None, config=config, settings={"accept": 60})[0]


@pytest.mark.parametrize("settings", [{"acept": 60}, {"accept": "many"}, {"accept": 10, "review": 20}, "strict"])
def test_settings_that_cannot_be_used_send_the_read_to_a_person(settings):
    verdict, detail = judge("B1A", settings=settings)

    assert ("review", "bad_settings") == verdict
    assert "generic-uji" in detail


@pytest.mark.parametrize("key", ["no_plate", "no_confidence", "grammar"])
@pytest.mark.parametrize("action", ["accept", "review", "drop"])
def test_what_no_threshold_decides_is_configured(key, action):
    reads = {"no_plate": (None, 95), "no_confidence": ("B1A", None), "grammar": ("B0A", 95)}

    assert action == judge(*reads[key], config={"default": {key: action}})[0][0]


def test_a_review_threshold_above_accept_is_refused():
    with pytest.raises(msgspec.ValidationError, match="must not be above accept"):
        msgspec.convert({"default": {"accept": 40, "review": 60}}, Plugin.Config)


@given(
    st.none() | st.text(max_size=12) | st.from_regex(r"[A-Z0-9]{0,9}", fullmatch=True), st.none() | st.floats(0, 100)
)
def test_every_read_gets_a_verdict_with_a_known_reason(plate, confidence):
    (action, reason), detail = judge(plate, confidence)

    assert (action == "accept") == (reason == "")
    assert action == "accept" or (reason in REASONS and detail)


@given(st.from_regex(r"[ABDEFT][1-9][0-9]{0,3}[A-Z]{0,3}", fullmatch=True), st.floats(0, 100), st.floats(0, 100))
def test_more_confidence_never_makes_a_verdict_stricter(plate, one, other):
    order = ("drop", "review", "accept")
    low, high = sorted((one, other))

    assert order.index(judge(plate, low)[0][0]) <= order.index(judge(plate, high)[0][0])
