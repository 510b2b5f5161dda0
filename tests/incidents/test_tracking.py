from datetime import UTC, datetime, timedelta

import pytest

from core.accounts.tables import police as police_table
from core.domain.geo import distance_m
from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import Conflict, Invalid, NotAllowed
from core.incidents.tables import reports, track_points
from core.incidents.tracking import USUAL_MPS, Fix, TrackInput, eta_s, is_impossible, recent_speed, sound_way

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PER_DEGREE = distance_m(0, 0, 1, 0)


def fix(metres, seconds, accuracy=0.0):
    """A fix on a meridian."""
    return Fix(metres / PER_DEGREE, 0.0, AT + timedelta(seconds=seconds), accuracy)


def point(town, metres_south=0.0, **more):
    """A point so far south of the incident."""
    latitude = -6.175392 - metres_south / PER_DEGREE
    return TrackInput(**{"latitude": latitude, "longitude": 106.827153, "device_time": town.now, **more})


def test_faster_than_anybody_drives_is_impossible():
    assert not is_impossible(fix(0, 0), fix(550, 10))
    assert is_impossible(fix(0, 0), fix(560, 10))


def test_accuracies_are_granted():
    assert not is_impossible(fix(0, 0, 30), fix(600, 10, 30))


def test_a_position_that_may_be_anywhere_is_not_relied_on():
    assert is_impossible(None, fix(0, 0, 1500))
    assert not is_impossible(None, fix(0, 0, 50))


def test_a_first_position_that_was_wrong_does_not_flag_the_whole_way():
    far, here = (fix(50_000, 0), False), [(fix(0, 10), True), (fix(100, 20), True)]
    assert sound_way([far], fix(0, 10)) is None
    assert sound_way([far, here[0]], fix(100, 20)) is None
    assert [fix(0, 10), fix(100, 20), fix(200, 30)] == sound_way([far, *here], fix(200, 30))
    assert [fix(200, 30), fix(300, 40)] == sound_way([far, *here, (fix(200, 30), False)], fix(300, 40))


def test_jumps_that_do_not_fit_each_other_stay_flagged():
    before = [(fix(0, 0), False), (fix(50_000, 10), True), (fix(90_000, 20), True)]
    assert sound_way(before, fix(50_000, 30)) is None
    assert [fix(0, 0), fix(300, 30)] == sound_way(before, fix(300, 30))
    vague = fix(90_100, 30, accuracy=5000)
    assert sound_way([*before, (fix(90_050, 25), True)], vague) is None


def test_the_speed_is_that_of_the_last_minutes():
    assert 10.0 == pytest.approx(recent_speed([fix(-9000, -600), fix(0, 0), fix(600, 60), fix(1200, 120)]))
    assert recent_speed([fix(0, 0)]) is None
    assert recent_speed([fix(0, 0), fix(5, 0)]) is None


def test_the_eta_rests_on_the_speed_and_in_a_standstill_on_the_usual_one():
    assert 100.0 == eta_s(1000, 10.0)
    assert 1000 / USUAL_MPS == eta_s(1000, 0.2) == eta_s(1000, None)
    assert eta_s(None, 10.0) is None


def test_the_distance_shrinks_and_the_last_hundred_metres_are_near(town):
    report_id, police = town.sent()
    seen = []
    for metres in (1500, 1000, 500, 90):
        town.later(60)
        seen.append(town.reports.track(police, report_id, point(town, metres)))
    assert [1500, 1000, 500, 90] == [round(one.distance_m) for one in seen]
    assert [False, False, False, True] == [one.is_nearby for one in seen]
    assert 500 / 60 == pytest.approx(seen[2].speed_mps)
    assert 60.0 == pytest.approx(seen[2].eta_s, rel=0.01)
    assert "on_the_way" == seen[0].status
    row = town.first(police_table, police_table.c.id == police.id)
    assert seen[-1].latitude == row["latitude"]


def test_the_first_point_sets_the_police_on_the_way(town):
    report_id, police = town.sent()
    town.reports.track(police, report_id, point(town, 900))
    assert ["opened", "assigned", "on_the_way"] == town.timeline(report_id)


def test_arrived_by_a_point_starts_the_work_and_completed_closes_it(town):
    report_id, police = town.sent()
    town.reports.track(police, report_id, point(town, 20, status=TrackingStatus.ARRIVED))
    row = town.row(report_id)
    assert ("in_progress", town.now, town.now) == (row["status"], row["arrived_at"], row["started_at"])
    town.later(60)
    town.reports.track(police, report_id, point(town, 20, status=TrackingStatus.COMPLETED))
    assert "completed" == town.row(report_id)["status"]


def test_a_point_that_the_phone_sends_again_is_stored_once(town):
    report_id, police = town.sent()
    first = town.reports.track(police, report_id, point(town, 900, client_id="p-1"))
    again = town.reports.track(police, report_id, point(town, 400, client_id="p-1"))
    assert (True, False) == (first.created, again.created)
    assert (first.id, first.latitude) == (again.id, again.latitude)
    assert 1 == len(town.all(track_points))


def test_a_point_that_was_stored_is_answered_even_after_the_recall(town):
    report_id, police = town.sent()
    first = town.reports.track(police, report_id, point(town, 900, client_id="p-1"))
    town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="false_alarm")
    assert first.id == town.reports.track(police, report_id, point(town, 900, client_id="p-1")).id
    with pytest.raises(Conflict) as refused:
        town.reports.track(police, report_id, point(town, 800, client_id="p-2"))
    assert "recalled" == refused.value.reason


def test_a_client_id_of_another_report_is_refused(town):
    first, police = town.sent()
    town.reports.track(police, first, point(town, 900, client_id="p-1"))
    town.reports.set_status(police, first, TrackingStatus.CANCELLED)
    second = town.report()
    town.reports.assign(town.officer, second, police.id)
    with pytest.raises(Conflict) as refused:
        town.reports.track(police, second, point(town, 900, client_id="p-1"))
    assert "client_id" == refused.value.reason


@pytest.mark.threat("T36")
def test_an_impossible_jump_is_kept_and_flagged_and_nothing_rests_on_it(town):
    report_id, police = town.sent()
    town.reports.track(police, report_id, point(town, 3000))
    town.later(10)
    jumped = town.reports.track(police, report_id, point(town, 10))
    assert (True, False, None, None) == (
        jumped.is_suspicious, jumped.is_nearby, jumped.distance_m, jumped.eta_s,
    )  # fmt: skip
    row = town.first(police_table, police_table.c.id == police.id)
    assert 3000 == pytest.approx(distance_m(row["latitude"], row["longitude"], -6.175392, 106.827153), rel=0.001)
    town.later(50)
    assert not town.reports.track(police, report_id, point(town, 2500)).is_suspicious


def test_points_that_waited_in_the_phone_fall_into_their_place(town):
    report_id, police = town.sent()
    town.later(60)
    sent_late = point(town, 900, client_id="old")
    town.later(60)
    town.reports.track(police, report_id, point(town, 100, status=TrackingStatus.ARRIVED))
    town.later(60)
    late = town.reports.track(police, report_id, sent_late)
    assert (sent_late.device_time, town.now) == (late.device_time, late.received_at)
    assert "in_progress" == town.row(report_id)["status"]
    row = town.first(police_table, police_table.c.id == police.id)
    assert row["position_at"] > late.device_time


def test_after_the_end_only_points_from_before_it_are_taken(town):
    report_id, police = town.sent()
    town.later(60)
    before = point(town, 30, client_id="before")
    town.later(60)
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    town.reports.set_status(police, report_id, TrackingStatus.COMPLETED)
    town.later(60)
    assert town.reports.track(police, report_id, before).created
    with pytest.raises(Conflict) as refused:
        town.reports.track(police, report_id, point(town, 30, client_id="after"))
    assert "assignment_over" == refused.value.reason
    assert "completed" == town.row(report_id)["status"]


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_phone_whose_clock_is_plainly_wrong_gets_our_time(town, hours):
    report_id, police = town.sent()
    town.later(300)
    wrong = town.now + timedelta(hours=hours)
    assert town.now == town.reports.track(police, report_id, point(town, 900, device_time=wrong)).device_time


@pytest.mark.parametrize(
    "more",
    [
        {"latitude": 91.0}, {"longitude": float("nan")}, {"latitude": float("inf")}, {"accuracy_m": -1.0},
        {"accuracy_m": float("nan")}, {"device_time": datetime(2026, 3, 1)}, {"client_id": "x" * 65},
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_the_name_of_the_field(town, more):
    report_id, police = town.sent()
    with pytest.raises(Invalid):
        town.reports.track(police, report_id, point(town, 900, **more))


def test_tracking_is_told_once_in_ten_seconds_and_when_they_come_near(town):
    town.now = town.now.replace(second=0)
    report_id, police = town.sent()
    town.reports.set_status(police, report_id, TrackingStatus.ON_THE_WAY)
    town.told.clear()
    for metres in (130, 115, 95, 80):
        town.later(2)
        town.reports.track(police, report_id, point(town, metres))
    keys = [told["dedup_key"].rpartition(":")[2] for told in town.told]
    assert keys[0] == keys[1]
    assert ["nearby", "nearby"] == keys[2:]
    assert 130 == round(town.told[0]["facts"]["distance_m"])


def test_a_status_that_the_phone_sends_again_changes_nothing(town):
    report_id, police = town.sent()
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED, client_id="s-1")
    version = town.row(report_id)["version"]
    assert version == town.reports.set_status(police, report_id, TrackingStatus.ARRIVED, client_id="s-1").version
    assert 1 == town.timeline(report_id).count("arrived")


def test_a_word_that_comes_again_after_the_way_went_on_is_no_conflict(town):
    report_id, police = town.sent()
    town.reports.set_status(police, report_id, TrackingStatus.ON_THE_WAY, client_id="s-1")
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED, client_id="s-2")
    assert (
        "in_progress" == town.reports.set_status(police, report_id, TrackingStatus.ON_THE_WAY, client_id="s-1").status
    )
    with pytest.raises(Conflict):
        town.reports.set_status(police, report_id, TrackingStatus.ON_THE_WAY, client_id="s-3")


def test_nobody_completes_what_they_did_not_reach(town):
    report_id, police = town.sent()
    with pytest.raises(Conflict) as refused:
        town.reports.set_status(police, report_id, TrackingStatus.COMPLETED)
    assert "not_arrived" == refused.value.reason


@pytest.mark.threat("T18")
def test_officers_and_owners_have_no_position_to_report(town):
    report_id, _ = town.sent()
    for who in (town.officer, town.owner):
        with pytest.raises(NotAllowed):
            town.reports.track(who, report_id, point(town, 10))
        with pytest.raises(NotAllowed):
            town.reports.set_status(who, report_id, TrackingStatus.ARRIVED)


def test_a_report_without_a_position_is_tracked_without_distance(town):
    report_id = town.report()
    town.set(reports, report_id, latitude=None, longitude=None)
    _, police = town.sent(report_id)
    seen = town.reports.track(police, report_id, point(town, 10))
    assert (None, None, False) == (seen.distance_m, seen.eta_s, seen.is_nearby)
