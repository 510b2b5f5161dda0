"""Officers' verdicts become the detectors' figures."""

from sqlalchemy import insert

from core.domain.incidents import ReportStatus
from core.incidents.tables import detection_stats
from core.incidents.verdicts import WRONG, verdicts


def figures(town, **how):
    with town.database.system() as connection:
        return [one for one in verdicts(connection, **how) if one.device_id == town.camera]


def detect(town):
    """A new incident of the camera, long after the last one."""
    town.later(3600)
    return town.reports.open_detected(town.detected()).report_id


def test_what_officers_decide_is_counted_for_camera_and_model(town):
    right, sent, begun, wrong, verified_first, duplicate, _ = (detect(town) for _ in range(7))
    town.reports.verify(town.officer, right, ReportStatus.VERIFIED)
    town.reports.assign(town.officer, sent, town.police().id)
    town.reports.verify(town.officer, begun, ReportStatus.VERIFIED)
    town.reports.assign(town.officer, begun, town.police().id)
    town.reports.verify(town.officer, wrong, ReportStatus.REJECTED, reason_code=WRONG[0])
    town.reports.verify(town.officer, verified_first, ReportStatus.VERIFIED)
    town.reports.verify(town.officer, verified_first, ReportStatus.REJECTED, reason_code=WRONG[1])
    town.reports.verify(town.officer, duplicate, ReportStatus.REJECTED, reason_code="duplicate")
    town.report()  # by hand: no detector's

    watched = {"day": town.now.date(), "device_id": town.camera, "model": "", "watched_ms": 30 * 3_600_000}
    with town.database.system() as connection:
        connection.execute(insert(detection_stats).values(vendor_id=town.vendor, **watched))
    (one,) = figures(town)
    assert (town.camera, f"monas-{town.n}") == (one.device_id, one.device)
    assert (town.detected().model, town.detected().model_sha256) == (one.model, one.model_sha256)
    assert (3, 2, 2) == (one.right, one.false_alarms, one.undecided)
    assert (3, 5) == (one.precision.hits, one.precision.n)
    assert (2, 30.0) == (one.false_rate.count, one.false_rate.hours)


def test_models_are_told_apart_and_a_beginning_may_be_named(town):
    detect(town)
    town.later(3600)
    town.reports.open_detected(town.detected(model="yolo@640"))
    assert ["yolo@640", town.detected().model] == sorted((f.model for f in figures(town)), reverse=True)
    assert ["yolo@640"] == [f.model for f in figures(town, since=town.now)]


def test_an_agency_sees_its_own_cameras_only(town):
    detect(town)
    with town.database.tenant([town.elsewhere()]) as connection:
        assert [] == verdicts(connection)
