"""With the real notices: who is told of what happens to a report."""

import pytest

from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.tracking import TrackInput
from core.notices.service import announce
from core.notices.tables import notice_recipients, notices


@pytest.fixture
def real(town):
    town.reports = town.service(announce=announce)
    return town


def told(town, kind):
    """(role, person) of everyone who was told of the newest notice of a kind."""
    notice = town.all(notices, notices.c.kind == kind)[-1]
    rows = town.all(notice_recipients, notice_recipients.c.notice_id == notice["id"])
    return {(row["role"], row["person_id"]) for row in rows if row["role"] != "dashboard"}


def test_a_detection_is_told_to_the_owner_and_the_station(real):
    real.person("officer", station_id=None)
    real.reports.open_detected(real.detected())
    assert {("owner", real.owner.id), ("officer", real.officer.id)} == told(real, "weapon_detected")


def test_an_assignment_is_told_to_the_police_who_are_sent(real):
    report_id, police = real.sent()
    assert ("police", police.id) in told(real, "assigned")
    backup = real.police()
    real.reports.assign(real.officer, report_id, backup.id, backup=True)
    assert ("police", backup.id) in told(real, "assigned")
    assert ("police", police.id) not in told(real, "assigned")


def test_a_recall_reaches_everybody_who_was_told(real):
    report_id, police = real.sent()
    real.reports.verify(real.officer, report_id, ReportStatus.REJECTED, reason_code="false_alarm")
    assert {("owner", real.owner.id), ("officer", real.officer.id), ("police", police.id)} <= told(real, "recalled")


def test_who_acknowledges_the_stop_has_seen_the_notice_and_nobody_else_has(real):
    report_id, police = real.sent()
    real.reports.verify(real.officer, report_id, ReportStatus.REJECTED, reason_code="false_alarm")
    real.reports.acknowledge_stop(police, report_id)
    recall = real.all(notices, notices.c.kind == "recalled")[-1]
    rows = real.all(notice_recipients, notice_recipients.c.notice_id == recall["id"])
    assert [("police", real.now, real.now)] == [
        (row["role"], row["acknowledged_at"], row["read_at"]) for row in rows if row["acknowledged_at"] is not None
    ]


def test_every_kind_that_happens_has_a_rule_and_words(real):
    report_id, police = real.sent()
    real.reports.answer(police, report_id, True)
    real.reports.track(police, report_id, TrackInput(latitude=-6.18, longitude=106.83, device_time=real.now))
    for kind in ("chat", "backup", "emergency"):
        real.reports.add_message(police, report_id, kind, "halo")
    real.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    real.reports.verify(real.officer, report_id, ReportStatus.VERIFIED)
    real.reports.set_status(police, report_id, TrackingStatus.COMPLETED)
    real.reports.open_detected(real.detected())
    real.sent()
    second, other = real.sent()
    real.reports.set_status(other, second, TrackingStatus.CANCELLED, "mogok")
    real.reports.verify(real.officer, second, ReportStatus.REJECTED, reason_code="test")
    kinds = {row["kind"] for row in real.all(notices)}
    assert {
        "incident_opened", "assigned", "assignment_answered", "tracking_update", "chat_message", "backup_requested",
        "emergency", "arrived", "incident_update", "closed", "weapon_detected", "recalled",
    } == kinds  # fmt: skip


def test_what_a_phone_sends_again_is_told_once(real):
    report_id, police = real.sent()
    for _ in range(2):
        real.reports.answer(police, report_id, True)
        real.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
        real.reports.add_message(police, report_id, "emergency", "", client_id="sos-1")
    counted = [row["kind"] for row in real.all(notices)]
    assert [1, 1, 1] == [counted.count(kind) for kind in ("assignment_answered", "arrived", "emergency")]
