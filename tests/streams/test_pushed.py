"""Pushed alarm pictures: every row is judged once or put down with its reason, whoever dies meanwhile."""

import hashlib
import io
import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image as Picture
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import OperationalError

from core.domain.frames import Box, Sighting
from core.domain.incidents import IncidentType
from core.evidence.store import MediaStore
from core.evidence.tables import media as media_table
from core.hooks.errors import PluginFailed, PluginQuarantined
from core.incidents.detected import Opened
from core.incidents.tables import frames
from core.streams import pushed as module
from core.streams.book import Book, totals
from core.streams.models import Models
from core.streams.pushed import MAX_ATTEMPTS, PushedFrames, due
from core.testing.bombs import scan_bomb

NOW = datetime.now(UTC)
KNIFE = Sighting(
    label="knife", score=0.8, incident_type=IncidentType.KNIFE, box=Box(x=0.4, y=0.4, width=0.1, height=0.3), model="m"
)


def picture(shade=0, format="JPEG", size=(64, 48)):
    out = io.BytesIO()
    Picture.new("RGB", size, (shade, shade, shade)).save(out, format)
    return out.getvalue()


BRIGHT, DARK = picture(220), picture(5)
BOMB_BEHIND_COMMENTS = b"\xff\xd8" + (b"\xff\xfe\xff\xff" + b"x" * 65533) * 17 + b"\xff\xc0\x00\x11\x08\x75\x30\x75\x30"


class Info:
    id = "uji"
    hooks = ("detect_frames",)


class FakeHost:
    """Sees a knife in bright pictures; `errors` are raised first. bound False: no detector for any camera."""

    def __init__(self):
        self.instances = [Info()]
        self.errors = []
        self.bound = True
        self.shapes = []

    def detectors_for(self, device):
        return ["uji"] if self.bound else []

    def detect_frames(self, instance_id, frames):
        if self.errors:
            raise self.errors.pop(0)
        self.shapes.append([frame.image.shape for frame in frames])
        return [[KNIFE] if frame.image.mean() > 100 else [] for frame in frames]


class FakeReports:
    def __init__(self):
        self.errors = []
        self.opened = []

    def open_detected(self, detected):
        if self.errors:
            raise self.errors.pop(0)
        self.opened.append(detected)
        return Opened(77, created=True)


class House:
    def __init__(self, database, folder, make_device):
        self.database = database
        self.media = MediaStore(folder, segment_bytes=1 << 20)
        self.camera = make_device(database, detect=True)
        self.host, self.reports, self.book = FakeHost(), FakeReports(), Book()
        self.ids = itertools.count(1)
        self.pushed = self.process()

    def process(self, stop=None):
        models = Models(self.host, self.book)
        return PushedFrames(self.database, self.media, models, self.reports, self.book, stop or threading.Event())

    def push(self, *pictures, **columns):
        (*refs,) = self.media.append(pictures)
        with self.database.system() as connection:
            for data, ref in zip(pictures, refs, strict=True):
                digest = hashlib.sha256(data).digest()
                connection.execute(
                    text("INSERT INTO media (vendor_id, sha256, size, mime, ref, at_offset) VALUES"
                         " (:v, :h, :z, 'image/jpeg', :r, 0) ON CONFLICT DO NOTHING"),
                    {"v": self.camera.vendor_id, "h": digest, "z": len(data), "r": ref},
                )  # fmt: skip
                values = {"vendor_id": self.camera.vendor_id, "device_id": self.camera.id, "ordinal": 0,
                          "payload_id": next(self.ids), "sha256": digest, "event": "VMD", "taken_at": NOW}  # fmt: skip
                connection.execute(insert(frames).values({**values, **columns}))

    def rows(self):
        with self.database.system() as connection:
            return connection.execute(select(frames).order_by(frames.c.id)).mappings().all()

    def time_passes(self, **columns):
        """All leases and pauses are over."""
        with self.database.system() as connection:
            past = text("now() - interval '1 minute'")
            connection.execute(update(frames).values(next_attempt_at=past).where(frames.c.status == "pending"))
            connection.execute(update(frames).values(lease_until=past).where(frames.c.status == "leased"))


@pytest.fixture
def house(database, tmp_path, make_device):
    made = House(database, tmp_path / "media", make_device)
    yield made
    made.media.close()


def test_an_alarm_picture_goes_to_review_unconfirmed_with_the_very_bytes_of_the_camera(house):
    house.push(DARK, BRIGHT)
    assert due(house.database)
    assert 2 == house.pushed.drain()
    (handed,) = house.reports.opened
    assert (False, IncidentType.KNIFE, NOW, 2) == (
        handed.is_confirmed, handed.incident_type, handed.at, handed.payload_id
    )  # fmt: skip
    (one,) = handed.frames
    assert BRIGHT == one.original
    assert BRIGHT != one.annotated
    dark, bright = house.rows()
    assert ("done", [], None) == (dark["status"], dark["sightings"], dark["report_id"])
    assert ("done", "knife", 77) == (bright["status"], bright["sightings"][0]["label"], bright["report_id"])
    assert not due(house.database)
    assert 0 == house.pushed.drain()


def test_they_are_looked_at_in_batches_and_counted(house):
    house.push(*(picture(n) for n in range(10)))
    assert 10 == house.pushed.drain()
    assert [8, 2] == [len(shapes) for shapes in house.host.shapes]
    house.book.write(house.database)
    assert 10 == totals(house.database, house.camera.id)["uji"]["frames_detected"]


@pytest.mark.threat("T09")
def test_large_pictures_are_not_all_in_memory_at_once(house, monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 2 * 64 * 48 * 3)
    house.push(*(picture(n) for n in range(5)))
    assert 5 == house.pushed.drain()
    assert [2, 2, 1] == [len(shapes) for shapes in house.host.shapes]
    assert ["done"] * 5 == [row["status"] for row in house.rows()]


@pytest.mark.threat("T09")
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<html>no picture</html>", "expected a JPEG or PNG"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\x02\0\0\0\0\0\0\0", "65536 x 65536 pixels"),
        (b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xdc\xff\xdc\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01", "65500 x 65500"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "cut off"),
        (BRIGHT[: len(BRIGHT) // 4], "cut off"),
        (b"\xff\xd8\xff" + b"\0" * 400, "cut off"),
        (BRIGHT[:-100], "cut off"),
        (picture(220, "PNG")[:60], "cut off"),
        (BOMB_BEHIND_COMMENTS, "header is damaged"),
        (scan_bomb(scans=20_000), "20001 scans"),
    ],
)
def test_bombs_and_damaged_pictures_cost_no_other_picture(house, data, told):
    house.push(data, BRIGHT)
    house.pushed.drain()
    bad, good = house.rows()
    assert "failed" == bad["status"]
    assert told in bad["error"]
    assert ("done", 1) == (good["status"], len(house.reports.opened))


def test_a_process_that_dies_loses_no_picture(house, monkeypatch):
    house.push(BRIGHT)

    class Killed(BaseException):
        pass

    house.host.errors = [Killed()]
    with pytest.raises(Killed):
        house.pushed.drain()
    assert ["leased"] == [row["status"] for row in house.rows()]
    assert 0 == house.process().drain(), "its lease still runs"
    house.time_passes()
    assert 1 == house.process().drain()
    assert ["done"] == [row["status"] for row in house.rows()]
    assert 1 == len(house.reports.opened)


def test_a_process_that_was_too_slow_changes_nothing(house):
    house.push(BRIGHT)

    class Slow(FakeReports):
        def open_detected(self, detected):
            house.time_passes()  # meanwhile another process has taken the row
            slow.reports = None
            assert 1 == house.process().drain()
            return Opened(99, created=False)

    slow = house.process()
    slow._reports = Slow()
    slow.step()
    assert [("done", 77)] == [(row["status"], row["report_id"]) for row in house.rows()]


def test_a_picture_that_ends_its_process_is_given_up_and_taken_alone(house):
    house.push(BRIGHT, DARK)

    class Killed(BaseException):
        pass

    house.host.errors = [Killed()]
    with pytest.raises(Killed):
        house.pushed.drain()  # both were leased together
    for _ in range(MAX_ATTEMPTS - 1):
        house.time_passes()
        house.host.errors = [Killed()]
        with pytest.raises(Killed):
            house.pushed.step()
    house.time_passes()
    house.host.errors = []
    house.pushed.drain()
    assert {"done", "failed"} == {row["status"] for row in house.rows()}
    assert 1 == len(house.host.shapes), "one of the two was looked at, alone"


def test_a_detector_that_fails_is_asked_again_later_and_not_for_ever(house):
    house.push(BRIGHT)
    house.host.errors = [PluginFailed("uji", "detect_frames", "out of memory\0") for _ in range(MAX_ATTEMPTS)]
    house.pushed.drain()
    (row,) = house.rows()
    assert ("pending", 1) == (row["status"], row["attempts"])
    assert "out of memory" in row["error"]
    assert 0 == house.pushed.drain(), "it waits first"
    for _ in range(MAX_ATTEMPTS):
        house.time_passes()
        house.pushed.drain()
    assert ["failed"] == [row["status"] for row in house.rows()]


def test_while_a_detector_is_quarantined_its_pictures_wait(house):
    house.push(BRIGHT)
    house.host.errors = [PluginQuarantined("uji", "detect_frames", "by hand") for _ in range(2 * MAX_ATTEMPTS)]
    while house.host.errors:
        house.time_passes()
        house.pushed.drain()
    assert [("pending", 0)] == [(row["status"], row["attempts"]) for row in house.rows()]
    house.time_passes()
    house.pushed.drain()
    assert 1 == len(house.reports.opened)


def test_a_report_that_cannot_be_written_now_is_written_later(house):
    house.push(BRIGHT)
    house.reports.errors = [OperationalError("x", {}, Exception("gone"))]
    house.pushed.drain()
    assert ["pending"] == [row["status"] for row in house.rows()]
    house.time_passes()
    house.pushed.drain()
    assert (["done"], 1) == ([row["status"] for row in house.rows()], len(house.reports.opened))


def test_pictures_of_cameras_without_a_detector_say_so(house):
    house.push(BRIGHT)
    house.host.bound = False
    house.pushed.drain()
    assert ["no detector is bound to its camera"] == [row["error"] for row in house.rows()]


def test_old_pictures_are_no_news(house):
    house.push(BRIGHT, created_at=NOW - timedelta(hours=25))
    house.pushed.drain()
    (row,) = house.rows()
    assert "more than 24 hours" in row["error"]
    assert [] == house.reports.opened


def test_the_newest_alarm_comes_first(house, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 1)
    house.push(DARK, next_attempt_at=NOW - timedelta(minutes=5))
    house.push(BRIGHT)
    house.pushed.step()
    assert ["pending", "done"] == [row["status"] for row in house.rows()]


def test_a_picture_whose_media_is_gone_says_so(house):
    house.push(BRIGHT)
    with house.database.system() as connection:
        connection.execute(media_table.delete())
    house.pushed.drain()
    assert ["its picture is not in the media store"] == [row["error"] for row in house.rows()]
