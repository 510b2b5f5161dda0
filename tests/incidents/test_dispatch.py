import pytest

from core.accounts.tables import police as police_table
from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import Conflict, Invalid, NotAllowed, NotFound
from core.incidents.tables import assignments


def status_of(town, police):
    return town.first(police_table, police_table.c.id == police.id)["status"]


def test_assigning_counts_as_the_human_check_and_makes_the_police_busy(town):
    report_id, police = town.sent()
    row = town.row(report_id)
    assert ("assigned", town.officer.name) == (row["status"], row["verified_by"])
    assert "busy" == status_of(town, police)
    assert ("assigned", police.id) == (town.told[-1]["kind"], town.told[-1]["facts"]["police_id"])


def test_a_report_is_assigned_once(town):
    report_id, _ = town.sent()
    with pytest.raises(Conflict) as refused:
        town.reports.assign(town.officer, report_id, town.police().id)
    assert ("already_assigned", "assigned") == (refused.value.reason, refused.value.state)


def test_who_is_on_another_report_is_not_sent(town):
    _, police = town.sent()
    with pytest.raises(Conflict) as refused:
        town.reports.assign(town.officer, town.report(), police.id)
    assert "police_busy" == refused.value.reason


def test_busy_is_told_by_the_assignment_even_when_the_phone_says_available(town):
    _, police = town.sent()
    town.set(police_table, police.id, status="available")
    with pytest.raises(Conflict) as refused:
        town.reports.assign(town.officer, town.report(), police.id)
    assert "police_busy" == refused.value.reason


def test_an_account_that_is_switched_off_is_not_sent(town):
    report_id, police = town.report(), town.police(is_active=False)
    with pytest.raises(Conflict) as refused:
        town.reports.assign(town.officer, report_id, police.id)
    assert "police_inactive" == refused.value.reason
    assert "new" == town.row(report_id)["status"]


@pytest.mark.threat("T17")
def test_police_of_another_agency_cannot_be_sent(town):
    stranger = town.person("police", vendor=town.elsewhere(), status="available")
    with pytest.raises(NotFound):
        town.reports.assign(town.officer, town.report(), stranger.id)


@pytest.mark.threat("T18")
def test_an_owner_or_a_police_officer_assigns_nobody(town):
    report_id, police = town.report(), town.police()
    for who in (town.owner, police):
        with pytest.raises(NotAllowed):
            town.reports.assign(who, report_id, police.id)


def test_declining_frees_the_police_and_hands_the_report_back(town):
    report_id, police = town.sent()
    town.reports.answer(police, report_id, False, "Ban pecah")
    assert "verified" == town.row(report_id)["status"]
    assert "available" == status_of(town, police)
    row = town.first(assignments, assignments.c.report_id == report_id)
    assert ("declined", "Ban pecah") == (row["status"], row["decline_reason"])
    assert (False, "Ban pecah") == (town.told[-1]["facts"]["accept"], town.told[-1]["facts"]["reason"])
    town.reports.assign(town.officer, report_id, town.police().id)
    assert "assigned" == town.row(report_id)["status"]


def test_declining_needs_a_reason(town):
    report_id, police = town.sent()
    with pytest.raises(Invalid):
        town.reports.answer(police, report_id, False, "  ")


def test_an_answer_that_is_sent_twice_is_one(town):
    report_id, police = town.sent()
    town.reports.answer(police, report_id, False, "Ban pecah")
    town.reports.answer(police, report_id, False, "Ban pecah")
    assert 1 == town.timeline(report_id).count("declined")


def test_who_accepted_cannot_decline_any_more_but_may_give_up(town):
    report_id, police = town.sent()
    town.reports.answer(police, report_id, True)
    with pytest.raises(Conflict):
        town.reports.answer(police, report_id, False, "berubah pikiran")
    town.reports.set_status(police, report_id, TrackingStatus.CANCELLED, "Kecelakaan")
    assert "verified" == town.row(report_id)["status"]
    assert "available" == status_of(town, police)


@pytest.mark.threat("T18")
def test_police_who_were_not_sent_know_no_such_report(town):
    report_id, _ = town.sent()
    stranger = town.police()
    for act in (
        lambda: town.reports.answer(stranger, report_id, True),
        lambda: town.reports.set_status(stranger, report_id, TrackingStatus.ARRIVED),
        lambda: town.reports.acknowledge_stop(stranger, report_id),
        lambda: town.reports.add_message(stranger, report_id, "chat", "halo"),
        lambda: town.reports.add_evidence(stranger, report_id, b"catatan"),
    ):
        with pytest.raises(NotFound):
            act()


def test_back_up_comes_beside_and_takes_over_when_the_first_gives_up(town):
    report_id, first = town.sent()
    second = town.police()
    town.reports.assign(town.officer, report_id, second.id, backup=True)
    town.reports.set_status(first, report_id, TrackingStatus.CANCELLED, "Mogok")
    assert "assigned" == town.row(report_id)["status"]
    row = town.first(assignments, assignments.c.police_id == second.id)
    assert ("offered", False) == (row["status"], row["is_backup"])
    town.reports.set_status(second, report_id, TrackingStatus.ARRIVED)
    assert "in_progress" == town.row(report_id)["status"]


def test_who_comes_after_the_first_had_to_leave_does_not_change_the_response_time(town):
    report_id, first = town.sent()
    town.later(300)
    town.reports.set_status(first, report_id, TrackingStatus.ARRIVED)
    times = [town.row(report_id)[name] for name in ("assigned_at", "arrived_at")]
    town.later(60)
    town.reports.set_status(first, report_id, TrackingStatus.CANCELLED, "Terluka")
    _, second = town.sent(report_id)
    assert "in_progress" == town.row(report_id)["status"]
    town.reports.set_status(second, report_id, TrackingStatus.ARRIVED)
    assert times == [town.row(report_id)[name] for name in ("assigned_at", "arrived_at")]


def test_back_up_needs_somebody_to_back_up(town):
    with pytest.raises(Conflict) as refused:
        town.reports.assign(town.officer, town.report(), town.police().id, backup=True)
    assert "nobody_sent" == refused.value.reason


def test_back_up_that_is_done_does_not_close_the_report(town):
    report_id, first = town.sent()
    second = town.police()
    town.reports.assign(town.officer, report_id, second.id, backup=True)
    for police in (second, first):
        town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    town.reports.set_status(second, report_id, TrackingStatus.COMPLETED)
    assert "in_progress" == town.row(report_id)["status"]
    assert "available" == status_of(town, second)
    town.reports.set_status(first, report_id, TrackingStatus.COMPLETED)
    assert "completed" == town.row(report_id)["status"]


def test_closing_a_report_frees_everybody_on_it(town):
    report_id, first = town.sent()
    second = town.police()
    town.reports.assign(town.officer, report_id, second.id, backup=True)
    town.reports.set_status(first, report_id, TrackingStatus.ARRIVED)
    town.reports.verify(town.officer, report_id, ReportStatus.COMPLETED)
    assert ["available", "available"] == [status_of(town, police) for police in (first, second)]
    assert ["completed", "cancelled"] == [row["status"] for row in town.all(assignments)]


@pytest.mark.threat("T25")
def test_two_officers_who_assign_one_report_at_once_send_one(town, race):
    for _ in range(4):
        report_id, one, other = town.report(), town.police(), town.police()
        colleague = town.person("officer")
        found = race(
            lambda r=report_id, p=one: town.reports.assign(town.officer, r, p.id),
            lambda r=report_id, p=other, c=colleague: town.reports.assign(c, r, p.id),
        )
        lost = [answer for answer in found if isinstance(answer, Conflict)]
        assert ["already_assigned"] == [answer.reason for answer in lost]
        assert 1 == len(town.all(assignments, assignments.c.report_id == report_id))
        assert ["available", "busy"] == sorted(status_of(town, police) for police in (one, other))


def test_two_reports_that_want_one_police_officer_at_once_share_none(town, race):
    for _ in range(4):
        first, second, police = town.report(), town.report(), town.police()
        found = race(*(lambda r=r, p=police: town.reports.assign(town.officer, r, p.id) for r in (first, second)))
        assert ["police_busy"] == [answer.reason for answer in found if isinstance(answer, Conflict)]
        assert ["assigned", "new"] == sorted(town.row(r)["status"] for r in (first, second))


def test_an_arrival_and_a_recall_at_once_never_leave_work_on_a_rejected_report(town, race):
    for _ in range(4):
        report_id, police = town.sent()
        race(
            lambda r=report_id, p=police: town.reports.set_status(p, r, TrackingStatus.ARRIVED),
            lambda r=report_id: town.reports.verify(town.officer, r, ReportStatus.REJECTED, reason_code="false_alarm"),
        )
        assert "rejected" == town.row(report_id)["status"]
        assert "recalled" == town.first(assignments, assignments.c.report_id == report_id)["status"]
        assert "available" == status_of(town, police)
