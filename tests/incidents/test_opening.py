import threading
from datetime import timedelta

import msgspec
import pytest

from core.accounts.tables import devices, stations
from core.domain.incidents import IncidentType, ReportStatus
from core.evidence.tables import media
from core.incidents.errors import Invalid, NotAllowed, NotFound
from core.incidents.service import ExternalReport, ManualReport
from core.incidents.tables import report_evidence, reports


def external(town, **more):
    given = {"cctv_id": town.camera, "title": "Pisau", "incident_type": IncidentType.KNIFE}
    return ExternalReport(**{**given, "at": town.now, **more})


def test_a_detection_opens_a_report_with_its_evidence(town):
    detected = town.detected()
    opened = town.reports.open_detected(detected)
    row = town.row(opened.report_id)
    assert opened.created
    assert ("new", "detection", True, 5) == (row["status"], row["source"], row["is_confirmed"], row["frames"])
    assert (town.owner.id, town.camera, town.station) == (row["owner_id"], row["device_id"], row["station_id"])
    assert ("nanodet", "ab" * 32, 0.8) == tuple(row["detection"][n] for n in ("model", "model_sha256", "best_score"))
    frame, annotated = town.all(report_evidence)
    assert ("frame", "annotated") == (frame["role"], annotated["role"])
    assert "knife" == frame["detail"]["sightings"][0]["label"]
    assert bytes(frame["sha256"]).hex() == annotated["detail"]["original"]
    stored = town.first(media, media.c.sha256 == frame["sha256"])
    assert detected.frames[0].original == town.store.read(stored["ref"])
    assert ["weapon_detected"] == town.kinds()


def test_within_the_cooldown_the_frames_go_to_the_open_report(town):
    first = town.reports.open_detected(town.detected(1))
    town.later(40)
    again = town.reports.open_detected(town.detected(20, best_score=0.95))
    assert (first.report_id, False) == (again.report_id, again.created)
    row = town.row(first.report_id)
    assert (10, 0.95, town.now) == (row["frames"], row["detection"]["best_score"], row["last_seen_at"])
    assert 4 == len(town.all(report_evidence))
    assert ["opened", "frames_added"] == town.timeline(first.report_id)
    assert ["weapon_detected"] == town.kinds()


def test_the_cooldown_counts_from_the_last_frame(town):
    first = town.reports.open_detected(town.detected(1))
    for colour in (20, 40):
        town.later(50)
        assert first.report_id == town.reports.open_detected(town.detected(colour)).report_id
    town.later(61)
    assert town.reports.open_detected(town.detected(60)).created


def test_a_look_from_long_before_is_no_part_of_the_open_report(town):
    first = town.reports.open_detected(town.detected(1))
    late = msgspec.structs.replace(town.detected(20), at=town.now - timedelta(hours=3))
    other = town.reports.open_detected(late)
    assert (True, True) == (other.created, first.report_id != other.report_id)


def test_a_closed_report_takes_no_frames(town):
    first = town.reports.open_detected(town.detected(1))
    town.reports.verify(town.officer, first.report_id, ReportStatus.REJECTED, reason_code="test")
    assert town.reports.open_detected(town.detected(20)).created


@pytest.mark.parametrize("reason", ["false_alarm", "not_a_weapon"])
def test_after_a_false_alarm_the_same_thing_is_silent_for_its_quiet_time(town, reason):
    first = town.reports.open_detected(town.detected(1)).report_id
    town.later(300)
    town.reports.verify(town.officer, first, ReportStatus.REJECTED, reason_code=reason)
    for colour in (20, 40):
        town.later(299)
        again = town.reports.open_detected(town.detected(colour))
        assert (first, False, True) == (again.report_id, again.created, again.is_silenced)
    assert ["opened", "recalled", "silenced"] == town.timeline(first)
    assert 2 == len(town.all(report_evidence))
    assert ["weapon_detected", "recalled"] == town.kinds()
    town.later(3)
    assert town.reports.open_detected(town.detected(60)).created


def test_a_pushed_picture_let_go_in_the_quiet_time_opens_nothing_when_it_is_looked_at_again_after_it(town):
    first = town.reports.open_detected(town.detected(1)).report_id
    town.reports.verify(town.officer, first, ReportStatus.REJECTED, reason_code="false_alarm")
    assert town.reports.open_detected(town.detected(20, payload_id=1030)).is_silenced
    town.later(7200)
    again = town.reports.open_detected(town.detected(20, payload_id=1030))
    assert (first, False) == (again.report_id, again.created)
    assert town.reports.open_detected(town.detected(20, payload_id=1031)).created


def test_a_quiet_time_is_of_one_type_and_one_camera(town):
    first = town.reports.open_detected(town.detected(1)).report_id
    town.reports.verify(town.officer, first, ReportStatus.REJECTED, reason_code="false_alarm")
    assert town.reports.open_detected(town.detected(20, incident_type=IncidentType.GUN)).created
    elsewhere = town.add(devices, device_code=f"lain-{town.n}", maker="generic")
    other = msgspec.structs.replace(town.detected().device, id=elsewhere)
    assert town.reports.open_detected(town.detected(40, device=other)).created


def test_a_quiet_time_of_nothing_silences_nothing(town):
    first = town.reports.open_detected(town.detected(1)).report_id
    town.reports.verify(town.officer, first, ReportStatus.REJECTED, reason_code="false_alarm")
    assert town.reports.open_detected(town.detected(20, quiet_s=0.0)).created


def test_an_external_detector_is_never_silenced(town):
    for _ in range(2):
        report = town.reports.open_external(town.key(), external(town))
        town.reports.verify(town.officer, report, ReportStatus.REJECTED, reason_code="false_alarm")
    assert 2 == len(town.all(reports))


def test_another_type_or_camera_is_another_incident(town):
    town.reports.open_detected(town.detected(1))
    assert town.reports.open_detected(town.detected(20, incident_type=IncidentType.OTHER)).created


def test_several_firearms_are_the_same_incident_as_one(town):
    first = town.reports.open_detected(town.detected(1, incident_type=IncidentType.GUN))
    again = town.reports.open_detected(town.detected(20, incident_type=IncidentType.GUNS))
    assert (first.report_id, False) == (again.report_id, again.created)


def test_an_unconfirmed_report_that_is_confirmed_later_is_told_again(town):
    first = town.reports.open_detected(town.detected(1, is_confirmed=False, positive=1))
    assert not town.row(first.report_id)["is_confirmed"]
    town.reports.open_detected(town.detected(20))
    assert town.row(first.report_id)["is_confirmed"]
    assert [False, True] == [told["facts"]["is_confirmed"] for told in town.told]
    assert 2 == len({told["dedup_key"] for told in town.told})


def test_the_same_frames_handed_over_again_are_kept_once(town):
    detected = town.detected(1)
    town.reports.open_detected(detected)
    town.reports.open_detected(detected)
    assert 2 == len(town.all(report_evidence))


def test_a_pushed_picture_that_is_looked_at_again_opens_no_second_report(town):
    detected = town.detected(1, payload_id=77)
    first = town.reports.open_detected(detected)
    town.later(3600)
    again = town.reports.open_detected(detected)
    assert (first.report_id, False) == (again.report_id, again.created)


def test_two_processes_that_see_one_incident_open_one_report(town):
    gate = threading.Barrier(3)
    found = []

    def see(colour):
        gate.wait()
        found.append(town.reports.open_detected(town.detected(colour)))

    threads = [threading.Thread(target=see, args=(colour,)) for colour in (1, 20, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [False, False, True] == sorted(opened.created for opened in found)
    assert 1 == len(town.all(reports))


def test_a_detector_elsewhere_opens_a_report_with_its_picture(town, picture):
    report_id = town.reports.open_external(town.key(), external(town, picture=picture(3)))
    row = town.row(report_id)
    assert ("external", "Jl. Merdeka Utara", town.owner.id) == (row["source"], row["location"], row["owner_id"])
    assert "frame" == town.first(report_evidence)["role"]
    assert ["incident_opened"] == town.kinds()


def test_what_a_detector_elsewhere_sends_again_within_a_minute_is_one_report(town):
    first = town.reports.open_external(town.key(), external(town))
    town.later(30)
    assert first == town.reports.open_external(town.key(), external(town))
    town.later(61)
    assert first != town.reports.open_external(town.key(), external(town))


def test_the_client_id_of_a_detector_elsewhere_holds_for_ever(town):
    first = town.reports.open_external(town.key(), external(town, client_id="a-1"))
    town.later(7200)
    assert first == town.reports.open_external(town.key(), external(town, client_id="a-1"))


def test_a_post_that_joined_an_open_report_joins_it_once_and_opens_nothing_later(town, picture):
    first = town.reports.open_external(town.key(), external(town, client_id="a-1", picture=picture(1)))
    for _ in range(2):
        joined = town.reports.open_external(town.key(), external(town, client_id="a-2", picture=picture(2)))
        assert first == joined
    assert 2 == town.row(first)["frames"]
    town.reports.verify(town.officer, first, ReportStatus.REJECTED, reason_code="test")
    town.later(7200)
    assert first == town.reports.open_external(town.key(), external(town, client_id="a-2", picture=picture(2)))
    assert (1, 2) == (len(town.all(reports)), len(town.all(report_evidence)))
    assert ["opened", "frames_added", "recalled"] == town.timeline(first)


def test_the_same_bytes_without_a_client_id_are_one_picture(town, picture):
    first = town.reports.open_external(town.key(), external(town, picture=picture(1)))
    for colour in (1, 2, 2):
        assert first == town.reports.open_external(town.key(), external(town, picture=picture(colour)))
    assert (2, 2) == (town.row(first)["frames"], len(town.all(report_evidence)))
    assert ["opened", "frames_added"] == town.timeline(first)


def test_a_pushed_picture_that_joined_an_open_report_is_handed_over_once(town):
    first = town.reports.open_detected(town.detected(1, payload_id=1024))
    for _ in range(2):
        assert first.report_id == town.reports.open_detected(town.detected(20, payload_id=1025)).report_id
    assert 10 == town.row(first.report_id)["frames"]
    town.later(7200)
    assert not town.reports.open_detected(town.detected(20, payload_id=1025)).created
    assert ["opened", "frames_added"] == town.timeline(first.report_id)


@pytest.mark.threat("T18")
def test_a_key_for_something_else_opens_nothing(town):
    with pytest.raises(NotAllowed):
        town.reports.open_external(town.key(scope="metrics"), external(town))
    with pytest.raises(NotAllowed):
        town.reports.open_external(town.officer, external(town))
    assert [] == town.all(reports)


@pytest.mark.threat("T17")
def test_a_key_reports_no_camera_of_another_agency(town):
    with pytest.raises(NotFound):
        town.reports.open_external(town.key(vendor=town.elsewhere()), external(town))


def test_a_camera_that_was_switched_off_reports_nothing(town):
    town.set(devices, town.camera, is_active=False)
    with pytest.raises(NotFound):
        town.reports.open_external(town.key(), external(town))


@pytest.mark.threat("T18")
def test_an_owner_names_only_cameras_of_their_own(town):
    stranger = town.person("owner")
    with pytest.raises(NotFound):
        town.reports.open_manual(
            stranger, ManualReport(title="x", location="y", incident_type=IncidentType.GUN, cctv_id=town.camera)
        )


def test_a_report_without_camera_lies_where_its_owner_lives(town):
    report_id = town.report(cctv_id=None)
    row = town.row(report_id)
    assert (-6.175392, 106.827153, None) == (row["latitude"], row["longitude"], row["device_id"])


def test_two_owners_may_use_the_same_client_id(town):
    neighbour = town.person("owner")
    given = ManualReport(title="x", location="y", incident_type=IncidentType.GUN, client_id="1")
    first, second = town.reports.open_manual(town.owner, given), town.reports.open_manual(neighbour, given)
    assert first != second
    assert first == town.reports.open_manual(town.owner, given)


@pytest.mark.threat("T25")
@pytest.mark.parametrize("field", ["status", "verified_by", "owner_id", "vendor_id", "is_confirmed", "version"])
def test_a_report_cannot_be_born_with_fields_that_are_ours(field):
    import msgspec

    body = {"title": "x", "location": "y", "incident_type": "knife", field: "verified"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, ManualReport)


@pytest.mark.threat("T09")
def test_a_picture_that_is_none_or_a_bomb_is_refused(town):
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (100_000).to_bytes(4, "big") * 2
    for data in (b"<svg onload=alert(1)>", bomb, b"\xff\xd8\xff\xe0 cut"):
        with pytest.raises(Invalid):
            town.report(picture=data)
    assert [] == town.all(reports)


def test_the_future_and_a_time_without_zone_are_refused(town):
    for at in (town.now + timedelta(hours=1), town.now.replace(tzinfo=None)):
        with pytest.raises(Invalid):
            town.report(at=at)


def test_the_nearest_station_of_the_same_agency_is_told(town):
    town.add(stations, name="Polsek Menteng", latitude=-6.196, longitude=106.832)
    town.add(stations, name="Pos Monas", latitude=-6.1754, longitude=106.8271, is_active=False)
    other = town.elsewhere()
    town.add(stations, vendor_id=other, name="Pos Lain", latitude=-6.1754, longitude=106.8271)
    assert town.station == town.row(town.report())["station_id"]


def test_nul_characters_of_a_client_are_dropped(town):
    assert "pisau" == town.row(town.report(title="pi\x00sau"))["title"]
