"""A camera's alarm picture all the way by the house's own processes: post, frame, unconfirmed report, people told."""

import cv2
import pytest
from sqlalchemy import update

from core.accounts.audit import Actor
from core.accounts.service import Accounts
from core.accounts.tables import devices
from core.settings import Settings
from core.testing.bombs import scan_bomb
from core.testing.house import VENDOR, House, fresh_database, plugins_toml
from core.testing.local_peer import Say, local_peer

PATIENCE_S = 90.0
NOWHERE = "redis://127.0.0.1:1/0"
PLUGINS = {
    "hikvision": "vendors.hikvision",
    "weapon_nanodet": "detectors.weapon_nanodet",
    "websocket": "notifiers.websocket",
    "acme": "acme",
}
NAMES_A_PICTURE = """
@hookimpl
def parse_payload(self, payload):
    return [FrameCapture(event="VMD", images=(Image(role="scene", url=payload.body.decode()),))]
"""
ALARM = """<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>192.0.2.23</ipAddress><channelID>1</channelID><dateTime>2026-03-02T17:20:00+07:00</dateTime>
<activePostCount>1</activePostCount><eventType>VMD</eventType><eventState>active</eventState>
<eventDescription>VMD alarm</eventDescription></EventNotificationAlert>"""


@pytest.fixture(scope="module")
def pictures():
    """A camera's own web server, where its pictures lie."""
    with local_peer() as peer:
        yield peer


@pytest.fixture(scope="module")
def house(tmp_path_factory, postgres_url, template_url, valkey_url, pictures):
    """Endpoint, parsers, detector and worker; cameras that are looked at, and an officer."""
    folder = tmp_path_factory.mktemp("chain")
    with fresh_database(postgres_url, template_url) as url:
        made = House(folder, url, valkey_url, plugins_toml(PLUGINS))
        made.write_plugin("acme", NAMES_A_PICTURE, maker="acme")
        made.keep_spare("hikvision", 4)
        made.named = [made.camera("acme"), made.camera("acme", image_hosts=(f"127.0.0.1:{pictures.port}",))]
        accounts = Accounts(made.database, Settings(home=folder).signing_key().reveal())
        accounts.add_user(
            "rani", "tiga-ratus-kilogram-beras", role="officer", vendor_code=VENDOR, full_name="Rani", by=Actor("cli")
        )
        with made.database.system() as connection:
            connection.execute(update(devices).values(detect=True))
        try:
            made.start("detect", "work", "parse", "ingest")
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def blade(demo_clip):
    capture = cv2.VideoCapture(str(demo_clip))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 45)
    return cv2.imencode(".jpg", capture.read()[1])[1].tobytes()


def alarm(picture):
    parts = [("application/xml", ALARM.encode()), ("image/jpeg", picture)]
    body = b"".join(
        f"--b\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n"
        for kind, data in parts
    )
    return body + b"--b--\r\n"


def seen(house, picture):
    """Post it as a camera that was not used yet; (camera, its report) once somebody was told."""
    camera = house.spare("hikvision")
    assert 200 == house.send(camera, alarm(picture), "multipart/mixed; boundary=b").status
    return camera, reported(house, camera)


def reported(house, camera):
    """The camera's report, once an officer was told."""
    told = (
        "SELECT r.id FROM reports r JOIN notices n ON n.report_id = r.id WHERE r.device_id = %s"
        " AND n.planned_at IS NOT NULL AND EXISTS (SELECT 1 FROM notice_recipients p JOIN notice_deliveries d"
        " ON d.recipient_id = p.id WHERE p.notice_id = n.id AND p.role = 'officer' AND d.attempts > 0)"
    )
    house.wait_until(lambda: house.rows(told, camera.id), PATIENCE_S, what="an officer is told of a report")
    return house.one(told, camera.id)


def check(house, camera, report):
    frame = "SELECT event, status, report_id FROM frames WHERE device_id = %s"
    house.wait_until(lambda: house.rows(frame, camera.id)[0][1] == "done", PATIENCE_S)
    assert [("VMD", "done", report)] == house.rows(frame, camera.id)
    found = "SELECT incident_type, source, is_confirmed, status FROM reports WHERE device_id = %s"
    assert [("knife", "detection", False, "new")] == house.rows(found, camera.id)
    kept = "SELECT role FROM report_evidence WHERE report_id = %s ORDER BY role"
    assert ["annotated", "frame"] == [row[0] for row in house.rows(kept, report)]
    assert [("weapon_detected",)] == house.rows("SELECT kind FROM notices WHERE report_id = %s", report)


def test_a_pushed_alarm_picture_becomes_an_unconfirmed_report_and_an_officer_is_told(house, blade):
    check(house, *seen(house, blade))


@pytest.mark.threat("T14")
def test_a_picture_that_is_only_named_is_fetched_where_the_camera_may_and_looked_at(house, blade, pictures):
    pictures.answer = lambda got: Say(body=blade)
    forbidden, camera = house.named
    for one in house.named:
        assert 300 > house.send(one, f"{pictures.url}/alarm.jpg".encode(), "text/plain").status
    check(house, camera, reported(house, camera))
    refused = "SELECT error FROM image_fetches WHERE device_id = %s AND status = 'failed'"
    house.wait_until(lambda: house.rows(refused, forbidden.id), PATIENCE_S, what="the other one is refused")
    assert "not allowed" in house.one(refused, forbidden.id)
    assert ["/alarm.jpg"] == [got.path for got in pictures.got]


@pytest.mark.threat("T09")
def test_bombs_and_broken_pictures_cost_the_detector_nothing(house, blade):
    camera = house.spare("hikvision")
    broken = blade[:600] + bytes(len(blade) - 600)
    for bad in (scan_bomb(scans=20_000), blade[:200], broken, blade[: len(blade) // 2]):
        assert 200 == house.send(camera, alarm(bad), "multipart/mixed; boundary=b").status
    ended = "SELECT error FROM frames WHERE device_id = %s AND status IN ('done', 'failed') ORDER BY id"
    house.wait_until(lambda: 4 == len(house.rows(ended, camera.id)), PATIENCE_S, what="all four are through")
    errors = [error for (error,) in house.rows(ended, camera.id)]
    assert ("20001 scans" in errors[0], "cut off" in errors[1]) == (True, True), errors
    assert 1 == house.one("SELECT max(attempts) FROM frames WHERE device_id = %s", camera.id)
    assert not house.ended("detect")
    check(house, *seen(house, blade))


def test_while_redis_is_away_the_sweepers_look(house, blade):
    house.environ["TANGKAPIN_REDIS_URL"] = NOWHERE
    for role in ("detect", "work"):
        house.restart(role)
    check(house, *seen(house, blade))
