"""Pictures named by URL are fetched behind the inbox and bound to the very read they belong to."""

import hashlib
import io
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image
from sqlalchemy import text

from core.evidence.fetch import ATTEMPTS, fetch_due


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


class Media:
    def __init__(self):
        self.blobs = []

    def append(self, blobs):
        self.blobs += blobs
        return [f"seg:test:{len(self.blobs)}:{len(blob)}" for blob in blobs]


@pytest.fixture
def camera():
    """A camera's picture server: `camera.answer` = (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = self.server.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def due(database, camera):
    """A read that waits for one picture of role "vehicle"; gives its URL."""
    port = camera.server_address[1]
    url = f"http://127.0.0.1:{port}/p.jpg"
    images = f'[{{"role": "plate", "sha256": "aa"}}, {{"role": "vehicle", "url": "{url}", "state": "pending"}}]'
    with database.system() as connection:
        connection.execute(text("INSERT INTO vendors (vendor_code) VALUES ('polda-uji')"))
        connection.execute(
            text("INSERT INTO devices (device_code, vendor_id, maker, image_hosts) "
                 "SELECT 'simpang-5', id, 'acme', ARRAY[:host] FROM vendors"),
            {"host": f"127.0.0.1:{port}"},
        )  # fmt: skip
        connection.execute(
            text("INSERT INTO plate_reads (id, vendor_id, device_id, capture_time, payload_id, time_source, "
                 "received_at, verdict, images) SELECT 1, vendor_id, id, now(), 1, 'receive', now(), 'accept', "
                 "CAST(:images AS jsonb) FROM devices"),
            {"images": images},
        )  # fmt: skip
        connection.execute(
            text("INSERT INTO image_fetches (vendor_id, device_id, payload_id, plate_read_id, role, url) "
                 "SELECT vendor_id, id, 1, 1, 'vehicle', :url FROM devices"),
            {"url": url},
        )  # fmt: skip
    return url


@pytest.fixture
def alarm(database, due):
    """The same picture is an alarm's instead: the second one of payload 1024."""
    with database.system() as connection:
        connection.execute(
            text("UPDATE image_fetches SET plate_read_id = NULL, payload_id = 1024, ordinal = 1, event = 'VMD',"
                 " taken_at = '2026-03-02T10:20:00Z'")
        )  # fmt: skip


@pytest.fixture
def read(database):
    def read():
        with database.system() as connection:
            fetch = connection.execute(text("SELECT * FROM image_fetches")).mappings().one()
            plate_read = connection.execute(text("SELECT * FROM plate_reads")).mappings().one()
        return fetch, plate_read

    return read


def again(database):
    with database.system() as connection:
        connection.execute(text("UPDATE image_fetches SET next_attempt_at = now()"))


def test_a_picture_is_stored_and_bound_to_its_read(database, camera, due, read):
    picture = jpeg()
    camera.answer = (200, picture)
    media = Media()

    assert 1 == fetch_due(database, media)
    assert 0 == fetch_due(database, media)

    fetch, plate_read = read()
    digest = hashlib.sha256(picture)
    assert ([picture], "done", digest.digest()) == (media.blobs, fetch["status"], bytes(fetch["sha256"]))
    assert (None, digest.hexdigest()) == (plate_read["plate_image"], plate_read["vehicle_image"])
    assert {"role": "plate", "sha256": "aa"} == plate_read["images"][0]
    assert {"role": "vehicle", "sha256": digest.hexdigest(), "bytes": len(picture), "mime": "image/jpeg",
            "width": 32, "height": 24, "url": due} == plate_read["images"][1]  # fmt: skip
    with database.system() as connection:
        stored = connection.execute(text("SELECT sha256, size, ref FROM media")).one()
    assert (digest.digest(), len(picture)) == (bytes(stored[0]), stored[1])


def test_a_busy_camera_is_asked_again_later(database, camera, due, read):
    camera.answer = (503, b"")
    assert 1 == fetch_due(database, Media())
    assert 0 == fetch_due(database, Media())  # not yet
    camera.answer = (200, jpeg())
    again(database)

    assert 1 == fetch_due(database, Media())
    assert "done" == read()[0]["status"]


def test_a_picture_that_never_comes_is_given_up_and_noted_and_the_read_stays(database, camera, due, read):
    camera.answer = (503, b"")
    for _ in range(ATTEMPTS):
        again(database)
        fetch_due(database, Media())

    fetch, plate_read = read()
    assert ("failed", "the device answered 503") == (fetch["status"], fetch["error"])
    assert {"role": "vehicle", "url": due, "state": "failed", "why": "the device answered 503"} == (
        plate_read["images"][1]
    )


def test_a_url_outside_the_list_is_given_up_at_once(database, camera, due, read):
    camera.answer = (200, jpeg())
    with database.system() as connection:
        connection.execute(text("UPDATE devices SET image_hosts = '{}'"))

    assert 1 == fetch_due(database, Media())
    fetch, plate_read = read()
    assert "failed" == fetch["status"]
    assert "not allowed" in plate_read["images"][1]["why"]


def test_a_worker_that_died_leaves_its_picture_to_the_next(database, camera, due, read):
    camera.answer = (200, jpeg())
    with database.system() as connection:  # as the claim of a worker that was killed left it
        connection.execute(text("UPDATE image_fetches SET attempts = 1, next_attempt_at = now() + interval '60 s'"))

    assert 0 == fetch_due(database, Media())
    again(database)
    assert 1 == fetch_due(database, Media())
    assert "done" == read()[0]["status"]


FRAMES = text("SELECT payload_id, ordinal, event, taken_at, status, sha256 FROM frames")


def test_an_alarms_picture_waits_for_a_detector_once_it_is_there(database, camera, alarm, read):
    picture = jpeg()
    camera.answer = (200, picture)

    for _ in range(2):  # the second time as by a worker whose first one died before it said so
        assert 1 == fetch_due(database, Media())
        with database.system() as connection:
            frames = connection.execute(FRAMES).all()
            connection.execute(text("UPDATE image_fetches SET status = 'pending', next_attempt_at = now()"))

        digest = hashlib.sha256(picture).digest()
        taken = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
        assert [(1024, 1, "VMD", taken, "pending", digest)] == [(*row[:5], bytes(row[5])) for row in frames]


@pytest.mark.threat("T14")
def test_an_alarms_picture_outside_the_list_or_none_at_all_reaches_no_detector(database, camera, alarm, read):
    camera.answer = (200, jpeg())
    with database.system() as connection:
        connection.execute(text("UPDATE devices SET image_hosts = '{}'"))
    fetch_due(database, Media())
    assert ("failed", True) == (read()[0]["status"], "not allowed" in read()[0]["error"])
    with database.system() as connection:
        assert [] == connection.execute(FRAMES).all()
