"""What it takes until a weapon is reported, as tables."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.frames import Box, Sighting
from core.domain.incidents import IncidentType
from core.incidents.confirm import Confirmer, DetectionRules, Look, counting, inside, single, why_not

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HD = (1280, 720)
KNIFE, GUN = IncidentType.KNIFE, IncidentType.GUN


def seen(score=0.6, kind=KNIFE, box=(0.4, 0.4, 0.1, 0.2)):
    x, y, width, height = box
    return Sighting(
        label="x", score=score, incident_type=kind, box=Box(x=x, y=y, width=width, height=height), model="m"
    )


def look(n, *sightings, step_s=0.2):
    return Look(at=AT + timedelta(seconds=n * step_s), frame=n, size=HD, sightings=sightings)


def play(rules, shown, step_s=0.2):
    """Frames as text, "k" with a knife, "." without; the numbers of the frames at which something was reported."""
    confirmer = Confirmer(rules)
    found = {}
    for n, frame in enumerate(shown):
        for finding in confirmer.look(look(n, *([seen()] if frame == "k" else []), step_s=step_s)):
            found[n] = finding
    return found


@pytest.mark.parametrize(
    ("shown", "reported"),
    [
        ("kkkkk", [4]),
        ("kkkk....", []),
        ("k.k.k.k.k.k.k.k.", []),  # never 5 of 8
        ("kk.k.kk.", [6]),
        ("kkkk....kkkkk", [12]),
        ("........", []),
        ("", []),
    ],
)
def test_five_of_eight_frames_make_a_report(shown, reported):
    assert reported == list(play(DetectionRules(), shown))


@pytest.mark.parametrize(("needed", "of", "shown", "reported"), [
    (1, 1, ".k", [1]),
    (3, 3, "kk.kkk", [5]),
    (2, 10, "k........k", [9]),
])  # fmt: skip
def test_how_many_of_how_many_is_the_cameras_own(needed, of, shown, reported):
    assert reported == list(play(DetectionRules(needed=needed, of=of), shown))


def test_a_report_names_the_frames_that_show_it_and_what_it_rests_on():
    (finding,) = play(DetectionRules(), "k.kk.kk").values()
    assert [0, 2, 3, 5, 6] == [one.frame for one in finding.looks]
    assert (7, 5, True, False) == (finding.looked_at, finding.positive, finding.is_confirmed, finding.is_repeat)


def test_a_frame_without_a_weapon_keeps_no_picture():
    confirmer = Confirmer(DetectionRules())
    confirmer.look(look(0))
    confirmer.look(look(1, seen()))
    assert [None, 1] == [kept.frame for kept, _ in confirmer._looks]


def test_old_frames_no_longer_count():
    assert [] == list(play(DetectionRules(window_s=3), "kkkkk", step_s=1.0))
    assert [4] == list(play(DetectionRules(window_s=4), "kkkkk", step_s=1.0))


def test_a_frame_that_comes_late_is_left_out():
    confirmer = Confirmer(DetectionRules(needed=2))
    assert [] == confirmer.look(look(5, seen()))
    assert [] == confirmer.look(look(4, seen()))
    assert confirmer.look(look(6, seen()))


def test_within_the_cooldown_frames_are_added_and_no_second_report_opens():
    found = play(DetectionRules(cooldown_s=10, repeat_s=1), "k" * 30)  # five a second, without a break
    assert False is found[4].is_repeat
    assert [9, 14, 19, 24, 29] == [n for n, finding in found.items() if finding.is_repeat]
    assert [5, 6, 7, 8, 9] == [one.frame for one in found[9].looks], "only frames that were not handed on yet"


@pytest.mark.parametrize(("pause_s", "is_repeat"), [(9, True), (11, False)])
def test_after_the_cooldown_it_is_another_incident(pause_s, is_repeat):
    confirmer = Confirmer(DetectionRules(cooldown_s=10, repeat_s=0, needed=1))
    assert confirmer.look(look(0, seen()))
    (finding,) = confirmer.look(look(pause_s, seen(), step_s=1.0))
    assert is_repeat is finding.is_repeat


def test_a_weapon_that_stays_in_sight_stays_one_incident():
    found = play(DetectionRules(cooldown_s=2, repeat_s=1), "k" * 100)
    assert 1 == sum(not finding.is_repeat for finding in found.values())


def test_kinds_are_counted_apart():
    confirmer = Confirmer(DetectionRules(needed=3, of=4))
    found = [confirmer.look(look(n, seen(kind=KNIFE if n % 2 else GUN))) for n in range(6)]
    assert [[]] * 6 == found
    confirmer = Confirmer(DetectionRules(needed=2, of=2))
    confirmer.look(look(0, seen(kind=KNIFE), seen(kind=GUN)))
    assert {KNIFE, GUN} == {f.incident_type for f in confirmer.look(look(1, seen(kind=KNIFE), seen(kind=GUN)))}


def test_an_alarm_picture_alone_is_reported_unconfirmed():
    (finding,) = single(DetectionRules(), look(0, seen(0.5), seen(0.9), seen(kind=None)))
    assert (KNIFE, False, 0.9, 1) == (finding.incident_type, finding.is_confirmed, finding.best.score, finding.positive)
    assert [] == single(DetectionRules(), look(0, seen(0.2)))


SQUARE = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))


@pytest.mark.parametrize(
    ("rules", "sighting", "why"),
    [
        ({}, seen(), ""),
        ({}, seen(0.39), "score"),
        ({"score": 0.7}, seen(0.69), "score"),
        ({"scores": {"knife": 0.7}}, seen(0.69), "score"),
        ({"scores": {"gun": 0.7}}, seen(0.69), ""),
        ({}, seen(box=(0.5, 0.5, 0.001, 0.01)), "size"),
        ({}, seen(box=(0.0, 0.0, 0.9, 0.9)), "size"),
        ({}, seen(box=(0.5, 0.5, 0.0, 0.3)), "size"),
        ({}, seen(box=(0.1, 0.5, 0.8, 0.02)), "aspect"),
        ({}, seen(float("nan")), "score"),
        ({}, seen(box=(0.5, 0.5, float("nan"), 0.1)), "size"),
        ({"max_aspect": 100}, seen(box=(0.1, 0.5, 0.8, 0.02)), ""),
        ({"zones": [SQUARE]}, seen(box=(0.1, 0.1, 0.1, 0.2)), ""),
        ({"zones": [SQUARE]}, seen(box=(0.6, 0.1, 0.1, 0.2)), "zone"),
        ({"zones": [SQUARE]}, seen(box=(0.4, 0.1, 0.3, 0.2)), "zone"),  # it reaches in; its middle lies outside
        ({"masks": [SQUARE]}, seen(box=(0.1, 0.1, 0.1, 0.2)), "mask"),
        ({"masks": [SQUARE]}, seen(box=(0.6, 0.1, 0.1, 0.2)), ""),
    ],
)
def test_what_speaks_against_a_sighting(rules, sighting, why):
    assert why == why_not(msgspec.convert(rules, DetectionRules), HD, sighting)


def test_people_are_context_and_never_reported():
    assert [] == counting(DetectionRules(), HD, [seen(0.99, kind=None)])


@pytest.mark.parametrize(("point", "is_inside"), [
    ((0.2, 0.2), True), ((0.9, 0.2), False), ((0.2, 0.9), False), ((0.75, 0.75), False), ((0.2, 0.75), False),
])  # fmt: skip
def test_inside_a_polygon_that_is_not_convex(point, is_inside):
    corner = ((0, 0), (1, 0), (1, 0.1), (0.4, 0.1), (0.4, 0.6), (0, 0.6))
    assert is_inside is inside(point, corner)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"needed": 9}, "needed .9. must not be above of .8."),
        ({"score": 40}, "<= 1.0"),
        ({"treshold": 0.4}, "unknown field"),
        ({"zones": [[[0, 0], [1, 1]]]}, "length >= 3"),
        ({"zones": [[[0, 0], [1, 1], [0, 200]]]}, "<= 1.0"),
    ],
)
def test_wrong_settings_are_named(settings, told):
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(settings, DetectionRules)


def test_the_rules_can_be_shown_as_json():
    rules = DetectionRules(scores={KNIFE: 0.5}, zones=(SQUARE,))
    assert rules == msgspec.json.decode(msgspec.json.encode(rules.shown()), type=DetectionRules)


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(st.integers(0, 300), numbers, st.tuples(*[numbers] * 4)), max_size=30))
def test_no_order_of_frames_and_no_box_breaks_it(frames):
    confirmer = Confirmer(DetectionRules(needed=2, of=3, zones=(SQUARE,)))
    for n, score, box in frames:
        for finding in confirmer.look(look(n, seen(score, box=box))):
            assert finding.looks
            assert finding.positive <= finding.looked_at <= 3
