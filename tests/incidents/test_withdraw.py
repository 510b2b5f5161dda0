"""An assignment that is taken back: by an officer, or with the account of the police."""

from datetime import timedelta

import pytest
from sqlalchemy import func, text

from core.accounts.audit import Actor
from core.accounts.service import Accounts
from core.accounts.tables import admins, audit_log
from core.accounts.tables import police as police_table
from core.db import migrate
from core.db.engine import Database
from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import Conflict, Invalid, NotAllowed, NotFound
from core.incidents.service import TrackInput
from core.incidents.tables import assignments, report_events
from core.incidents.waiting import remind
from core.notices.tables import notice_recipients, notices

WHY = "Tidak menjawab"
KEY = "k" * 48


def duty_of(town, police):
    return town.first(police_table, police_table.c.id == police.id)["status"]


def assignment_of(town, report_id, police):
    of_both = (assignments.c.report_id == report_id, assignments.c.police_id == police.id)
    return town.all(assignments, *of_both)[-1]


def facts_of(town, kind):
    return [told["facts"] for told in town.told if told["kind"] == kind]


def test_a_withdrawn_assignment_hands_the_report_back_and_frees_the_police(town):
    report_id, police = town.sent()
    moved = town.reports.withdraw(town.officer, report_id, f"  {WHY} ")
    assert ("verified", "available") == (moved.status, duty_of(town, police))
    row = assignment_of(town, report_id, police)
    assert ("withdrawn", WHY, town.now) == (row["status"], row["withdraw_reason"], row["finished_at"])
    by = [row[name] for name in ("withdrawn_by", "withdrawn_role", "withdrawn_actor_id")]
    assert [town.officer.name, "officer", town.officer.id] == by
    assert row["answered_at"] is None, "nobody answered"
    line = town.all(report_events, report_events.c.report_id == report_id)[-1]
    assert ("withdrawn", "assigned", "verified") == (line["action"], line["from_status"], line["to_status"])
    assert (WHY, police.id, town.officer.id) == (
        line["detail"]["reason"], line["detail"]["police_id"], line["actor_id"]
    )  # fmt: skip
    assert "withdrawn" == town.audited(report_id)[-1]


def test_somebody_else_is_sent_in_one_go_afterwards(town):
    report_id, first = town.sent()
    town.reports.withdraw(town.officer, report_id, WHY)
    _, second = town.sent(report_id)
    assert "assigned" == town.row(report_id)["status"]
    assert ["withdrawn", "offered"] == [assignment_of(town, report_id, who)["status"] for who in (first, second)]


def test_the_police_are_told_to_stop_and_the_owner_that_it_changed(town):
    report_id, police = town.sent()
    town.told.clear()
    town.reports.withdraw(town.officer, report_id, WHY)
    assert ["withdrawn", "incident_update"] == town.kinds()
    assert (police.id, WHY) == tuple(facts_of(town, "withdrawn")[0][name] for name in ("police_id", "reason"))
    assert "verified" == facts_of(town, "incident_update")[0]["status"]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_reason_is_needed_and_short(town, reason):
    report_id, _ = town.sent()
    with pytest.raises(Invalid):
        town.reports.withdraw(town.officer, report_id, reason)
    assert "assigned" == town.row(report_id)["status"]


@pytest.mark.threat("T18")
def test_only_officers_of_the_agency_take_an_assignment_back(town):
    report_id, police = town.sent()
    for who in (town.owner, police):
        with pytest.raises(NotAllowed):
            town.reports.withdraw(who, report_id, WHY)
    with pytest.raises(NotFound):
        town.reports.withdraw(town.person("officer", vendor=town.elsewhere()), report_id, WHY)
    assert "offered" == assignment_of(town, report_id, police)["status"]


def test_the_second_officer_hears_who_was_first(town):
    report_id, police = town.sent()
    colleague = town.person("officer")
    town.reports.withdraw(town.officer, report_id, WHY)
    for whom in (None, police.id):
        with pytest.raises(Conflict) as refused:
            town.reports.withdraw(colleague, report_id, "salah orang", whom)
        assert ("withdrawn", town.officer.name) == (refused.value.reason, refused.value.members["withdrawn_by"])
        assert all(town.officer.name in words and WHY in words for words in refused.value.detail)
    assert 1 == town.timeline(report_id).count("withdrawn")


def test_nothing_is_withdrawn_from_a_report_that_nobody_is_on(town):
    with pytest.raises(Conflict) as refused:
        town.reports.withdraw(town.officer, town.report(), WHY)
    assert "nobody_sent" == refused.value.reason
    with pytest.raises(NotFound):
        town.reports.withdraw(town.officer, town.report(), WHY, town.police().id)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda town, report, police: town.reports.answer(police, report, False, "Ban pecah"), "assignment_over"),
        (
            lambda town, report, police: town.reports.verify(
                town.officer, report, ReportStatus.REJECTED, reason_code="test"
            ),
            "already_rejected",
        ),
        (
            lambda town, report, police: [
                town.reports.set_status(police, report, status)
                for status in (TrackingStatus.ARRIVED, TrackingStatus.COMPLETED)
            ],
            "already_completed",
        ),
    ],
)
def test_what_has_ended_is_not_withdrawn_any_more(town, end, reason):
    report_id, police = town.sent()
    end(town, report_id, police)
    before = assignment_of(town, report_id, police)
    with pytest.raises(Conflict) as refused:
        town.reports.withdraw(town.officer, report_id, WHY, police.id)
    assert reason == refused.value.reason
    assert before == assignment_of(town, report_id, police)


def test_a_withdrawal_after_the_arrival_loses_nothing_of_what_was_done(town):
    report_id, police = town.sent()
    town.later(120)
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    arrived = town.row(report_id)["arrived_at"]
    town.later(900)
    assert "in_progress" == town.reports.withdraw(town.officer, report_id, "Petugas terluka").status
    assert arrived == assignment_of(town, report_id, police)["arrived_at"] == town.row(report_id)["arrived_at"]
    _, second = town.sent(report_id)
    town.reports.set_status(second, report_id, TrackingStatus.ARRIVED)
    town.reports.set_status(second, report_id, TrackingStatus.COMPLETED)
    assert "completed" == town.row(report_id)["status"]


def test_whom_the_officer_did_not_see_is_not_hit(town):
    report_id, first = town.sent()
    town.reports.withdraw(town.person("officer"), report_id, WHY)
    _, second = town.sent(report_id)
    with pytest.raises(Conflict) as refused:
        town.reports.withdraw(town.officer, report_id, WHY, first.id)
    assert "withdrawn" == refused.value.reason
    assert "offered" == assignment_of(town, report_id, second)["status"]


def test_back_up_takes_the_place_of_who_was_withdrawn_and_may_be_withdrawn_too(town):
    report_id, first = town.sent()
    second, third = town.police(), town.police()
    for more in (second, third):
        town.reports.assign(town.officer, report_id, more.id, backup=True)
    assert "assigned" == town.reports.withdraw(town.officer, report_id, WHY, third.id).status
    assert "assigned" == town.reports.withdraw(town.officer, report_id, WHY).status
    found = [assignment_of(town, report_id, who) for who in (first, second, third)]
    assert [("withdrawn", False), ("offered", False), ("withdrawn", True)] == [
        (row["status"], row["is_backup"]) for row in found
    ]
    assert "verified" == town.reports.withdraw(town.officer, report_id, WHY).status


def test_off_duty_police_stay_off_duty(town):
    report_id, police = town.sent()
    town.set(police_table, police.id, status="offline")
    town.reports.withdraw(town.officer, report_id, WHY)
    assert "offline" == duty_of(town, police)


def test_what_the_phone_says_later_is_refused_with_who_and_why(town):
    report_id, police = town.sent()
    at = town.now
    town.later(30)
    town.reports.withdraw(town.officer, report_id, WHY)
    point = TrackInput(latitude=-6.18, longitude=106.82, device_time=at)
    for act in (
        lambda: town.reports.answer(police, report_id, True),
        lambda: town.reports.answer(police, report_id, False, "sibuk"),
        lambda: town.reports.set_status(police, report_id, TrackingStatus.ARRIVED),
        lambda: town.reports.set_status(police, report_id, TrackingStatus.CANCELLED, "mogok"),
        lambda: town.reports.track(police, report_id, point),
        lambda: town.reports.add_message(police, report_id, "backup", "dua orang"),
        lambda: town.reports.add_message(police, report_id, "final", "selesai"),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert "withdrawn" == refused.value.reason
        assert f"Penugasan sudah ditarik oleh {town.officer.name}: {WHY}" in refused.value.detail[0]
    assert "verified" == town.row(report_id)["status"]


def test_an_emergency_and_what_was_taken_at_the_scene_are_heard_until_the_stop_is_acknowledged(town, picture):
    report_id, police = town.sent()
    town.reports.withdraw(town.officer, report_id, WHY)
    town.reports.add_message(police, report_id, "emergency", "diserang")
    assert town.reports.add_evidence(police, report_id, picture()).created
    town.reports.acknowledge_stop(police, report_id)
    for act in (
        lambda: town.reports.add_message(police, report_id, "chat", "halo"),
        lambda: town.reports.add_evidence(police, report_id, picture(9)),
    ):
        with pytest.raises(NotFound):
            act()


def test_the_stop_is_acknowledged_once_however_often_it_is_said(town):
    report_id, police = town.sent()
    town.reports.withdraw(town.officer, report_id, WHY)
    first = town.reports.acknowledge_stop(police, report_id)
    town.later(20)
    assert first == town.reports.acknowledge_stop(police, report_id)
    assert 1 == town.timeline(report_id).count("stop_acknowledged")


def test_who_is_sent_there_again_has_nothing_to_stop(town):
    report_id, police = town.sent()
    town.reports.withdraw(town.officer, report_id, WHY)
    town.reports.assign(town.officer, report_id, police.id)
    with pytest.raises(Conflict) as refused:
        town.reports.acknowledge_stop(police, report_id)
    assert "not_recalled" == refused.value.reason
    town.reports.set_status(police, report_id, TrackingStatus.ON_THE_WAY)
    assert "on_the_way" == assignment_of(town, report_id, police)["status"]


@pytest.mark.parametrize("before", ["offered", "arrived"])
@pytest.mark.parametrize("other", ["accept", "decline", "arrive", "complete", "reject", "withdraw"])
def test_a_withdrawal_and_another_act_at_the_same_moment_have_one_winner(town, race, other, before):
    report_id, police = town.sent()
    if before == "arrived":
        town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    colleague = town.person("officer")
    acts = {
        "accept": lambda: town.reports.answer(police, report_id, True),
        "decline": lambda: town.reports.answer(police, report_id, False, "sibuk"),
        "arrive": lambda: town.reports.set_status(police, report_id, TrackingStatus.ARRIVED),
        "complete": lambda: town.reports.set_status(police, report_id, TrackingStatus.COMPLETED),
        "reject": lambda: town.reports.verify(colleague, report_id, ReportStatus.REJECTED, reason_code="test"),
        "withdraw": lambda: town.reports.withdraw(colleague, report_id, "salah orang"),
    }
    mine, others = race(lambda: town.reports.withdraw(town.officer, report_id, WHY), acts[other])
    status = assignment_of(town, report_id, police)["status"]
    if isinstance(mine, Conflict):
        ended = {"decline": "declined", "complete": "completed", "reject": "recalled", "withdraw": "withdrawn"}
        assert (ended[other], False) == (status, isinstance(others, Exception))
    else:
        assert "withdrawn" == status
        assert getattr(others, "reason", "") in ("", "withdrawn", "not_arrived", "already_answered")
    open_again = "in_progress" if town.row(report_id)["started_at"] is not None else "verified"
    closed = "rejected" if other == "reject" else {"completed": "completed"}.get(status, open_again)
    assert (closed, "available") == (town.row(report_id)["status"], duty_of(town, police))


# -- the account of the police ends ------------------------------------------------------------------------------------


@pytest.fixture
def office(town):
    """(accounts, the admin who acts)"""
    number = town.add(admins, username=f"admin-{town.n}", full_name="Bu Ratna", password_hash="-")
    return Accounts(town.database, KEY, town.reports.release), Actor("admin", number, "Bu Ratna")


def test_disabling_an_account_takes_its_police_off_the_report_in_the_same_act(town, office):
    accounts, admin = office
    report_id, police = town.sent()
    town.told.clear()
    accounts.set_active(police.username, False, by=admin)
    row = assignment_of(town, report_id, police)
    assert ("withdrawn", "Bu Ratna", "admin") == (row["status"], row["withdrawn_by"], row["withdrawn_role"])
    assert "Akun petugas dinonaktifkan" == row["withdraw_reason"]
    assert "verified" == town.row(report_id)["status"]
    assert ["withdrawn", "incident_update", "vacated"] == town.kinds()
    assert "account_disabled" == facts_of(town, "vacated")[0]["reason_code"]
    log = [row["action"] for row in town.all(audit_log, audit_log.c.actor_name == "Bu Ratna")]
    assert ["report_withdrawn", "user_disabled"] == log
    _, other = town.sent(report_id)
    assert "offered" == assignment_of(town, report_id, other)["status"]


def test_another_role_takes_police_off_the_report_too(town, office):
    accounts, admin = office
    report_id, police = town.sent()
    accounts.set_role(police.username, "officer", by=admin)
    row = assignment_of(town, report_id, police)
    assert ("withdrawn", "Petugas mendapat peran lain") == (row["status"], row["withdraw_reason"])
    assert ["role_changed"] == [facts["reason_code"] for facts in facts_of(town, "vacated")]


def test_nobody_is_called_where_back_up_goes_on_or_nothing_was_under_way(town, office):
    accounts, admin = office
    report_id, first = town.sent()
    second, idle = town.police(), town.police()
    town.reports.assign(town.officer, report_id, second.id, backup=True)
    for gone in (first, idle):
        accounts.set_active(gone.username, False, by=admin)
    assert [] == facts_of(town, "vacated")
    assert ("assigned", False) == (town.row(report_id)["status"], assignment_of(town, report_id, second)["is_backup"])


def test_enabling_an_account_or_disabling_an_officer_touches_no_report(town, office):
    accounts, admin = office
    report_id, police = town.sent()
    accounts.set_active(police.username, True, by=admin)
    accounts.set_active(town.officer.username, False, by=admin)
    assert "offered" == assignment_of(town, report_id, police)["status"]


def test_the_operator_at_the_console_is_the_named_actor(town):
    report_id, police = town.sent()
    accounts = Accounts(town.database, KEY, town.reports.release)
    accounts.set_active(police.username, False, by=Actor("cli", None, "tni"))
    row = assignment_of(town, report_id, police)
    assert ("tni", "cli", None) == (row["withdrawn_by"], row["withdrawn_role"], row["withdrawn_actor_id"])


def test_observers_hear_of_it_after_the_commit(town, office):
    _, admin = office
    heard = []

    class Host:
        def observe_event(self, event, vendor_code):
            heard.append((event.name, town.row(event.object_id)["status"], vendor_code))

    reports = town.service()
    reports._host = Host()
    _, police = town.sent()
    Accounts(town.database, KEY, reports.release).set_active(police.username, False, by=admin)
    assert [("report_withdrawn", "verified", town.code)] == heard


@pytest.mark.parametrize("act", ["assign", "arrive", "reject"])
def test_an_account_that_ends_at_the_same_moment_leaves_nothing_open(town, race, office, act):
    accounts, admin = office
    for _ in range(3):
        report_id, police = (town.report(), town.police()) if act == "assign" else town.sent()
        acts = {
            "assign": lambda r=report_id, p=police: town.reports.assign(town.officer, r, p.id),
            "arrive": lambda r=report_id, p=police: town.reports.set_status(p, r, TrackingStatus.ARRIVED),
            "reject": lambda r=report_id: town.reports.verify(
                town.officer, r, ReportStatus.REJECTED, reason_code="test"
            ),
        }
        ended, _ = race(lambda p=police: accounts.set_active(p.username, False, by=admin), acts[act])
        assert ended is None
        found = town.all(assignments, assignments.c.police_id == police.id)
        assert {"withdrawn", "recalled"} >= {row["status"] for row in found}


def test_the_schema_before_knows_it_as_given_up_with_the_reason(town, fresh_database, make_vendor):
    with fresh_database() as url:
        database = Database(url)
        town = type(town)(database, make_vendor)
        report_id, _ = town.sent()
        town.reports.withdraw(town.officer, report_id, WHY)
        while migrate.current(url) >= "0011":
            migrate.downgrade(url)
        query = text("SELECT status, decline_reason FROM assignments")
        with database.system() as connection:
            assert [("cancelled", WHY)] == [tuple(row) for row in connection.execute(query)]
        database.dispose()


# -- nobody answers ----------------------------------------------------------------------------------------------------


def test_who_sent_police_that_do_not_answer_is_told_once(town):
    silent, _ = town.sent()
    answered, other = town.sent()
    town.reports.answer(other, answered, True)
    late = assignments.update().where(assignments.c.vendor_id == town.vendor)
    with town.database.system() as connection:
        connection.execute(late.values(assigned_at=func.now() - timedelta(seconds=200)))
    town.sent()
    for _ in range(2):
        remind(town.database, 180.0)
    found = town.all(notices, notices.c.kind == "unanswered")
    assert [silent] == [row["report_id"] for row in found]
    people = town.all(notice_recipients, notice_recipients.c.notice_id == found[0]["id"])
    assert {("officer", town.officer.id), ("dashboard", 0)} == {(row["role"], row["person_id"]) for row in people}
    assert f"Belum diterima: laporan {silent}" == found[0]["texts"]["id"]["title"]


@pytest.mark.parametrize(("age_s", "after_s"), [(200, 0.0), (2 * 3600, 180.0)])
def test_nobody_is_reminded_where_that_is_off_or_what_waits_is_old(town, age_s, after_s):
    town.sent()
    late = assignments.update().where(assignments.c.vendor_id == town.vendor)
    with town.database.system() as connection:
        connection.execute(late.values(assigned_at=func.now() - timedelta(seconds=age_s)))
    remind(town.database, after_s)
    assert [] == town.all(notices, notices.c.kind == "unanswered")
