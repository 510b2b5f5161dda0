"""The makes' own event streams, attached to and fed into the inbox: nothing lost, heartbeats stored nowhere."""

import json
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from core.accounts.tables import device_health, devices
from core.domain.multipart import is_multipart, split_parts
from core.domain.observations import Payload
from core.evidence.store import MediaStore
from core.hooks.host import Host
from core.incidents.cctv import login_context
from core.incidents.tables import camera_health
from core.ingest.answers import AnswerTable
from core.ingest.health_book import HealthBook
from core.ingest.tables import payloads
from core.ingest.writer import InboxWriter
from core.secrets import SecretBox
from core.streams import vendor as module
from core.streams.vendor import Inbox, StreamDesk, load_vendor_streams
from core.testing.fixtures import describe, load_http
from core.testing.house import House

BOX = SecretBox("kunci-untuk-uji-yang-cukup-panjang")
VENDORS = Path(__file__).parents[2] / "vendors"
PLUGINS = 'hooks = 1\n[plugin.hikvision]\nuse = "vendors.hikvision"\n[plugin.dahua]\nuse = "vendors.dahua"\n'


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def fixture_parts(maker, name):
    """A stream's parts from a multipart fixture, and what it must come out as."""
    _, _, headers, body = load_http(VENDORS / maker / "fixtures" / f"{name}.http")
    expected = json.loads((VENDORS / maker / "fixtures" / f"{name}.expected.json").read_text())
    content_type = headers.get("content-type", "text/plain")
    if not is_multipart(content_type):
        return [(content_type, body)], expected
    return [(part.content_type or "text/plain", bytes(part.data)) for part in split_parts(body, content_type)], expected


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    path = tmp_path_factory.mktemp("host") / "plugins.toml"
    path.write_text(PLUGINS)
    made = Host.load(path, environ=os.environ)
    yield made
    made.close()


class Streams:
    """The streams process in pieces: a desk over a real inbox, and a way to see what was stored."""

    def __init__(self, database, host, tmp_path, vendor_id):
        self.database, self.host, self.vendor_id = database, host, vendor_id
        self.media = MediaStore(tmp_path / "media")
        self.health = HealthBook(database)
        self.inbox = Inbox(InboxWriter(database, self.media))
        self.desk = StreamDesk(
            lambda: load_vendor_streams(database, BOX), host, AnswerTable(host.answers()), self.inbox.put, self.health
        )

    def close(self):
        self.desk.close()
        self.inbox.close()

    def add(self, code, maker, camera, **columns):
        url = camera.url("", login=False).shown
        values = {"device_code": code, "maker": maker, "vendor_id": self.vendor_id, "stream_kind": "vendor",
                  "stream_url": url, "stream_allow": ["127.0.0.1"], **columns}  # fmt: skip
        with self.database.system() as connection:
            device_id = connection.execute(insert(devices).values(**values).returning(devices.c.id)).scalar_one()
            if camera.auth:
                sealed = BOX.seal(b"admin:rahasia", login_context(device_id))
                connection.execute(devices.update().where(devices.c.id == device_id).values(stream_login=sealed))
        return device_id

    def stored(self):
        with self.database.system() as connection:
            rows = connection.execute(select(payloads).order_by(payloads.c.id)).mappings().all()
        return [(row, row["body"] if row["body"] is not None else self.media.read(row["body_ref"])) for row in rows]

    def read(self, number=0):
        row, body = self.stored()[number]
        (reader,) = self.desk.readers
        return describe(
            self.host.parse_payload(
                Payload(
                    body=body, device=reader.device, received_at=row["received_at"], content_type=row["content_type"]
                )
            )
        )


@pytest.fixture
def streams(database, host, tmp_path, make_vendor, monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.1)
    made = Streams(database, host, tmp_path, make_vendor(database))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("maker", "name", "columns"),
    [
        ("hikvision", "anpr_multipart_three_pictures", {}),
        ("dahua", "snapmanager_two_pictures", {"purposes": ["lampu_merah"]}),
        ("dahua", "eventmanager_crossline_start", {}),
    ],
)
def test_an_event_of_a_stream_is_stored_and_reads_like_a_posted_one(maker, name, columns, make_camera, streams):
    camera = make_camera(auth="digest")
    camera.parts, expected = fixture_parts(maker, name)
    streams.add("kamera", maker, camera, **columns)
    streams.desk.follow()

    wait_for(lambda: streams.stored())
    assert expected == streams.read()
    assert "online" == streams.desk.readers[0].state.state


def test_a_heartbeat_is_noted_and_stored_nowhere(make_camera, streams):
    camera = make_camera()
    _, _, _, heartbeat = load_http(VENDORS / "hikvision" / "fixtures" / "heartbeat_videoloss_inactive.http")
    parts, _ = fixture_parts("hikvision", "anpr_multipart_three_pictures")
    camera.parts = [("application/xml", heartbeat), ("application/xml", heartbeat), *parts]
    device_id = streams.add("kamera", "hikvision", camera)
    streams.desk.follow()

    wait_for(lambda: streams.stored())
    streams.health.flush()
    with streams.database.system() as connection:
        counted = connection.execute(
            select(device_health.c.heartbeats).where(device_health.c.device_id == device_id)
        ).scalar_one()
    assert (2, 1) == (counted, len(streams.stored()))


def test_a_device_that_dies_is_attached_to_again(make_camera, streams):
    camera = make_camera()
    camera.parts, _ = fixture_parts("dahua", "eventmanager_crossline_start")
    streams.add("kamera", "dahua", camera)
    streams.desk.follow()
    wait_for(lambda: len(streams.stored()) == 1)
    camera.stop()
    wait_for(lambda: streams.desk.readers[0].state.state == "offline")
    camera.start()

    wait_for(lambda: len(streams.stored()) == 2)


@pytest.mark.threat("T14")
def test_a_stream_that_nobody_approved_is_not_opened_and_one_that_lost_its_approval_is_closed(make_camera, streams):
    camera = make_camera()
    device_id = streams.add("kamera", "dahua", camera, stream_allow=[])
    streams.desk.follow()
    assert "approval" in streams.desk.readers[0].state.detail
    with streams.database.system() as connection:
        connection.execute(devices.update().where(devices.c.id == device_id).values(stream_allow=["127.0.0.1"]))
    streams.desk.follow()
    wait_for(lambda: camera.asked)
    reader = streams.desk.readers[0]
    with streams.database.system() as connection:
        connection.execute(devices.update().where(devices.c.id == device_id).values(stream_allow=[]))
    streams.desk.follow()
    reader.join(5)

    assert not reader.is_alive()


@pytest.mark.threat("T14")
@pytest.mark.parametrize("path", ["//192.0.2.1/x", "http://192.0.2.1/x", "x"])
def test_a_plugin_cannot_leave_the_devices_own_address(path, make_camera, streams):
    streams.add("kamera", "dahua", make_camera())
    streams.desk.follow()
    with pytest.raises(ValueError, match="begins with one /"):
        streams.desk.readers[0]._connect(path)


def test_a_make_without_a_stream_is_named(make_camera, streams, monkeypatch):
    monkeypatch.setattr(streams.host, "open_stream", lambda device, connect: None)
    streams.add("kamera", "dahua", make_camera())
    streams.desk.follow()
    streams.desk.readers[0].join(5)

    assert "the make dahua has no event stream" == streams.desk.readers[0].state.detail


def test_the_streams_process_carries_an_event_into_the_inbox(
    database_url, valkey_url, tmp_path, make_vendor, make_camera
):
    house = House(tmp_path, database_url, valkey_url, PLUGINS)
    camera = make_camera()
    camera.parts, _ = fixture_parts("hikvision", "anpr_multipart_three_pictures")
    values = {"device_code": "kamera", "maker": "hikvision", "vendor_id": make_vendor(house.database),
              "stream_kind": "vendor", "stream_url": camera.url("").shown, "stream_allow": ["127.0.0.1"]}  # fmt: skip
    with house.database.system() as connection:
        connection.execute(insert(devices).values(**values))
    try:
        house.start("streams")
        wait_for(lambda: rows(house.database, payloads), 30)
        wait_for(lambda: [row["state"] for row in rows(house.database, camera_health)] == ["online"], 10)
    finally:
        house.stop()
        house.database.dispose()


def rows(database, table):
    with database.system() as connection:
        return connection.execute(select(table)).mappings().all()
