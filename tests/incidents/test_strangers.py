"""Every act that names a report, tried by everybody who has nothing to do with it."""

import inspect

import pytest

from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import NotAllowed, NotFound
from core.incidents.service import Reports
from core.incidents.tables import report_evidence, report_messages, track_points
from core.incidents.tracking import TrackInput

POINT = TrackInput(latitude=-6.18, longitude=106.83)
ACTS = {
    "verify": (lambda reports, who, number: reports.verify(who, number, ReportStatus.VERIFIED), {"officer", "admin"}),
    "assign": (lambda reports, who, number: reports.assign(who, number, 1), {"officer", "admin"}),
    "withdraw": (lambda reports, who, number: reports.withdraw(who, number, "salah orang"), {"officer", "admin"}),
    "answer": (lambda reports, who, number: reports.answer(who, number, True), {"police"}),
    "set_status": (lambda reports, who, number: reports.set_status(who, number, TrackingStatus.ARRIVED), {"police"}),
    "track": (lambda reports, who, number: reports.track(who, number, POINT), {"police"}),
    "acknowledge_stop": (lambda reports, who, number: reports.acknowledge_stop(who, number), {"police"}),
    "add_message": (
        lambda reports, who, number: reports.add_message(who, number, "chat", "halo"),
        {"officer", "admin", "police"},
    ),
    "add_evidence": (
        lambda reports, who, number: reports.add_evidence(who, number, b"catatan"),
        {"owner", "officer", "admin", "police"},
    ),
    "export": (lambda reports, who, number: reports.export(who, number, "json"), {"owner", "officer", "admin"}),
}
"""Act -> how it is tried, and the roles that may do it to a report of theirs."""


def test_every_act_on_a_report_is_in_the_table():
    named = {
        name
        for name, method in inspect.getmembers(Reports, inspect.isfunction)
        if not name.startswith("_") and "report_id" in inspect.signature(method).parameters
    }
    assert named == set(ACTS)


@pytest.mark.threat("T18")
@pytest.mark.parametrize("act", ACTS)
def test_a_stranger_is_told_that_there_is_no_such_report_and_leaves_no_trace(town, act):
    report_id, _ = town.sent()
    other = town.elsewhere()
    strangers = {
        "another owner": town.person("owner"),
        "an owner elsewhere": town.person("owner", vendor=other),
        "an officer elsewhere": town.person("officer", vendor=other),
        "police who were not sent": town.police(),
        "police elsewhere": town.person("police", vendor=other),
    }
    before = dict(town.row(report_id)), town.timeline(report_id), town.audited(report_id)
    attempt, roles = ACTS[act]
    for name, who in strangers.items():
        expected = NotFound if who.role in roles else NotAllowed
        with pytest.raises(expected):
            attempt(town.reports, who, report_id)
            pytest.fail(name)
    assert before == (dict(town.row(report_id)), town.timeline(report_id), town.audited(report_id))
    for table in (report_evidence, report_messages, track_points):
        assert [] == town.all(table)


@pytest.mark.threat("T18")
@pytest.mark.parametrize("act", ACTS)
def test_a_number_that_nobody_has_is_answered_like_one_of_others(town, act):
    attempt, roles = ACTS[act]
    people = {"owner": town.owner, "officer": town.officer, "police": town.police()}
    for role in roles & set(people):
        with pytest.raises(NotFound) as refused:
            attempt(town.reports, people[role], 2**40)
        assert (404, "not-found") == (refused.value.status, refused.value.slug)


@pytest.mark.threat("T18")
@pytest.mark.parametrize("act", sorted(set(ACTS) - {"export"}))
def test_a_program_with_a_service_key_does_nothing_to_a_report(town, act):
    report_id = town.report()
    with pytest.raises(NotAllowed):
        ACTS[act][0](town.reports, town.key(), report_id)
