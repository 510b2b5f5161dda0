import pytest

from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import Conflict, Invalid, NotAllowed, NotFound
from core.incidents.tables import assignments, reports


def test_the_way_of_the_contract_from_new_to_completed(town):
    report_id = town.report()
    town.reports.verify(town.officer, report_id, ReportStatus.VERIFIED)
    _, police = town.sent(report_id)
    town.reports.answer(police, report_id, True)
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    assert "in_progress" == town.row(report_id)["status"]
    moved = town.reports.set_status(police, report_id, TrackingStatus.COMPLETED)
    assert "completed" == moved.status
    wanted = ["opened", "verified", "assigned", "accepted", "arrived", "completed"]
    assert wanted == town.timeline(report_id)
    assert wanted == town.audited(report_id)
    told = ["incident_opened", "incident_update", "assigned", "assignment_answered", "arrived", "closed"]
    assert told == town.kinds()


def test_the_path_of_the_seed_with_the_check_at_the_end(town):
    report_id, police = town.sent()
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    assert "verified" == town.reports.verify(town.officer, report_id, ReportStatus.VERIFIED).status
    assert "completed" == town.reports.verify(town.officer, report_id, ReportStatus.COMPLETED).status


def test_the_officer_of_a_check_is_named_in_the_row(town):
    report_id = town.report()
    town.reports.verify(town.officer, report_id, ReportStatus.VERIFIED)
    row = town.row(report_id)
    assert (town.officer.name, "officer", town.officer.id) == (
        row["verified_by"], row["verified_role"], row["verified_actor_id"],
    )  # fmt: skip


@pytest.mark.parametrize("to", [ReportStatus.NEW, ReportStatus.ASSIGNED])
def test_nobody_sets_new_or_assigned_by_hand(town, to):
    with pytest.raises(Invalid):
        town.reports.verify(town.officer, town.report(), to)


def test_work_does_not_begin_before_somebody_was_sent(town):
    report_id = town.report()
    town.reports.verify(town.officer, report_id, ReportStatus.VERIFIED)
    with pytest.raises(Conflict) as refused:
        town.reports.verify(town.officer, report_id, ReportStatus.IN_PROGRESS)
    assert ("nobody_sent", "verified", 409) == (refused.value.reason, refused.value.state, refused.value.status)


def test_a_version_that_is_not_the_one_read_is_refused(town):
    report_id = town.report()
    town.reports.verify(town.officer, report_id, ReportStatus.VERIFIED, version=1)
    with pytest.raises(Conflict) as refused:
        town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="test", version=1)
    assert ("version", 2) == (refused.value.reason, refused.value.members["version"])
    assert "verified" == town.row(report_id)["status"]


@pytest.mark.parametrize(
    "reason,note,field", [("", "", "reason_code"), ("bosan", "", "reason_code"), ("other", " ", "note")]
)
def test_a_rejection_needs_a_reason(town, reason, note, field):
    with pytest.raises(Invalid) as refused:
        town.reports.verify(town.officer, town.report(), ReportStatus.REJECTED, reason_code=reason, note=note)
    assert field == refused.value.field


def test_a_recall_stops_the_police_and_frees_them(town):
    report_id, police = town.sent()
    town.reports.answer(police, report_id, True)
    town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="false_alarm")
    assert "rejected" == town.row(report_id)["status"]
    assert town.row(report_id)["recalled_at"] is not None
    assert "recalled" == town.first(assignments)["status"]
    assert "available" == _status(town, police)
    assert "recalled" == town.told[-1]["kind"]
    assert [police.id] == town.told[-1]["facts"]["police_ids"]


@pytest.mark.threat("T18")
@pytest.mark.parametrize("status", TrackingStatus)
def test_nobody_can_work_on_a_recalled_report(town, status):
    report_id, police = town.sent()
    town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="false_alarm")
    with pytest.raises(Conflict) as refused:
        town.reports.set_status(police, report_id, status)
    assert "recalled" == refused.value.reason
    for to in (ReportStatus.IN_PROGRESS, ReportStatus.VERIFIED, ReportStatus.COMPLETED):
        with pytest.raises(Conflict):
            town.reports.verify(town.officer, report_id, to)
    with pytest.raises(Conflict):
        town.reports.assign(town.officer, report_id, town.police().id)
    assert "rejected" == town.row(report_id)["status"]


def test_the_stop_is_acknowledged_once_and_only_after_a_recall(town):
    report_id, police = town.sent()
    with pytest.raises(Conflict):
        town.reports.acknowledge_stop(police, report_id)
    town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="false_alarm")
    first = town.reports.acknowledge_stop(police, report_id)
    town.later(30)
    assert first == town.reports.acknowledge_stop(police, report_id)
    assert 1 == town.timeline(report_id).count("stop_acknowledged")


@pytest.mark.threat("T18")
@pytest.mark.parametrize("role", ["owner", "police"])
def test_only_officers_and_admins_decide(town, role):
    report_id, police = town.sent()
    who = town.owner if role == "owner" else police
    for to in (ReportStatus.VERIFIED, ReportStatus.REJECTED):
        with pytest.raises(NotAllowed):
            town.reports.verify(who, report_id, to, reason_code="test")


@pytest.mark.threat("T17")
def test_a_report_of_another_agency_does_not_exist(town):
    report_id = town.report()
    stranger = town.person("officer", vendor=town.elsewhere())
    with pytest.raises(NotFound):
        town.reports.verify(stranger, report_id, ReportStatus.VERIFIED)
    with pytest.raises(NotFound):
        town.reports.assign(stranger, report_id, town.police().id)
    assert 1 == town.row(report_id)["version"]


def test_an_act_that_fails_to_announce_leaves_nothing(town):
    report_id = town.report()

    def broken(connection, **told):
        raise RuntimeError("no notices")

    with pytest.raises(RuntimeError):
        town.service(announce=broken).verify(town.officer, report_id, ReportStatus.VERIFIED)
    assert "new" == town.row(report_id)["status"]
    assert ["opened"] == town.timeline(report_id)


def test_observers_hear_of_it_after_the_commit_with_the_vendors_code(town):
    class Host:
        def __init__(self):
            self.heard = []

        def observe_event(self, event, vendor_code=""):
            with town.database.system() as connection:
                status = connection.execute(reports.select().where(reports.c.id == event.object_id)).mappings().one()
            self.heard.append((event.name, vendor_code, status["status"]))

    host = Host()
    report_id = town.report()
    reports_of_host = town.service()
    reports_of_host._host = host
    reports_of_host.verify(town.officer, report_id, ReportStatus.VERIFIED)
    assert [("report_verified", town.code, "verified")] == host.heard


def test_audit_rows_name_where_the_request_came_from(town):
    from core.accounts.tables import audit_log

    report_id = town.report()
    town.reports.called_from("10.1.2.3", "trace-1234").verify(town.officer, report_id, ReportStatus.VERIFIED)
    row = town.all(audit_log, audit_log.c.object_id == report_id)[-1]
    assert ("10.1.2.3", "trace-1234", "report_verified") == (row["peer"], row["trace"], row["action"])


def _status(town, police):
    from core.accounts.tables import police as table

    return town.first(table, table.c.id == police.id)["status"]
