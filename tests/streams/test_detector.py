"""Pulled frames: newest wins, batches of all cameras, confirmed ones are handed over with their evidence."""

import threading
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from core.domain.frames import Box, Frame, Sighting
from core.domain.incidents import IncidentType
from core.domain.observations import Device
from core.hooks.errors import PluginFailed
from core.incidents.detected import Opened
from core.incidents.tables import detection_stats
from core.streams import opener as opener_module
from core.streams.book import Book, totals
from core.streams.detector import Detector
from core.streams.models import Models
from core.streams.newest import NewestFrames
from core.streams.opener import Opener

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
KNIFE = Sighting(
    label="knife", score=0.8, incident_type=IncidentType.KNIFE, box=Box(x=0.4, y=0.4, width=0.1, height=0.3),
    model="uji@1", model_sha256="ab" * 32,
)  # fmt: skip
PERSON = Sighting(label="orang ✓", score=0.9, box=Box(x=0.3, y=0.1, width=0.3, height=0.8), model="uji@1")
DARK, BRIGHT = np.zeros((720, 1280, 3), np.uint8), np.full((720, 1280, 3), 200, np.uint8)


def device(n=1, **settings):
    return Device(id=n, code=f"cctv-{n}", maker="generic", vendor_id=1, vendor_code="polda-uji", settings=settings)


class Instance:
    def __init__(self, id):
        self.id = id
        self.hooks = ("detect_frames",)


class FakeHost:
    """Detectors that see a knife in bright frames. `broken` ones fail."""

    def __init__(self, *ids, broken=()):
        self.instances = [Instance(id) for id in ids or ("uji",)]
        self.broken = set(broken)
        self.calls = []

    def detectors_for(self, device):
        return [instance.id for instance in self.instances]

    def detect_frames(self, instance_id, frames):
        self.calls.append((instance_id, [frame.device.id for frame in frames]))
        if instance_id in self.broken:
            raise PluginFailed(instance_id, "detect_frames", "no model")
        return [[KNIFE, PERSON] if frame.image.mean() > 100 else [] for frame in frames]


class FakeReports:
    def __init__(self, *errors):
        self.errors = list(errors)
        self.opened = []

    def open_detected(self, detected):
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        self.opened.append(detected)
        return Opened(len(self.opened), created=len(self.opened) == 1)


class House:
    def __init__(self, host=None, reports=None):
        self.book = Book()
        self.stop = threading.Event()
        self.reports = reports or FakeReports()
        self.rung = []
        self.opener = Opener(self.reports, self.book, self.stop, on_opened=lambda: self.rung.append(1))
        self.host = host or FakeHost()
        self.detector = Detector(Models(self.host, self.book), self.opener, self.book)

    def play(self, images, camera=None):
        """Frames of the last second or so, looked at one by one; what was opened."""
        camera = camera or device()
        begun = datetime.now(UTC) - timedelta(seconds=0.1 * len(images))
        for n, image in enumerate(images):
            self.detector.on_frame(camera, image, begun + timedelta(seconds=0.1 * n))
            self.detector.step()
        self.stop.set()
        self.opener.run()
        return self.reports.opened


def frame(n, camera=1):
    return Frame(device=device(camera), image=DARK, taken_at=AT, sequence=n)


def test_of_each_camera_only_the_newest_frame_waits_and_the_others_are_counted():
    board = NewestFrames()
    for n in range(5):
        board.put(1, frame(n))
    board.put(2, frame(9, camera=2))
    assert [4, 9] == [one.sequence for one in board.take_batch(8)]
    assert ({1: 4}, {}) == (board.take_skipped(), board.take_skipped())
    assert [] == board.take_batch(8)


def test_a_busy_camera_does_not_push_itself_before_the_others():
    board = NewestFrames()
    for camera in (1, 2, 3):
        board.put(camera, frame(camera, camera))
    board.put(1, frame(10, 1))
    assert [[10, 2], [3]] == [[one.sequence for one in board.take_batch(2)] for _ in range(2)]


@pytest.mark.parametrize(
    ("first", "batches"),
    [({3}, [[3, 1], [2, 4]]), ({2, 4}, [[2, 4, 1], [3]]), ({1, 2, 3, 4}, [[1, 2, 3], [4]]), ({9}, [[1, 2, 3], [4]])],
)
def test_a_camera_that_showed_something_need_not_wait_for_all_the_others_nor_keeps_them_out(first, batches):
    board = NewestFrames()
    for camera in (1, 2, 3, 4):
        board.put(camera, frame(camera, camera))
    assert batches == [[one.sequence for one in board.take_batch(3, first=first)] for _ in range(2)]


def test_the_camera_with_a_weapon_is_looked_at_with_one_other_at_a_time():
    house = House(FakeHost())
    for pictures in ({1: DARK, 2: BRIGHT, 3: DARK, 4: DARK}, {1: DARK, 2: BRIGHT, 3: DARK, 4: DARK}):
        for n, picture in pictures.items():
            house.detector.on_frame(device(n), picture, datetime.now(UTC))
        house.detector.step()
    assert [("uji", [1, 2, 3, 4]), ("uji", [2, 1])] == house.host.calls


def test_who_waits_for_a_frame_is_woken_by_it():
    board = NewestFrames()
    threading.Timer(0.05, board.put, (1, frame(7))).start()
    assert [7] == [one.sequence for one in board.take_batch(8, timeout_s=20)]


def test_frames_of_all_cameras_go_through_a_detector_together():
    house = House(FakeHost("satu", "dua"))
    for n in (1, 2, 3):
        house.detector.on_frame(device(n), DARK, datetime.now(UTC))
    assert 3 == house.detector.step()
    assert [("satu", [1, 2, 3]), ("dua", [1, 2, 3])] == house.host.calls


def test_a_confirmed_weapon_is_handed_over_with_its_evidence():
    (handed,) = House().play([BRIGHT, DARK, BRIGHT, BRIGHT, DARK, BRIGHT, BRIGHT])
    assert (IncidentType.KNIFE, True, 0.8, 7, 5) == (
        handed.incident_type, handed.is_confirmed, handed.best_score, handed.looked_at, handed.positive
    )  # fmt: skip
    assert ("uji@1", "ab" * 32) == (handed.model, handed.model_sha256)
    assert (5, 8, 0.4) == (handed.thresholds["needed"], handed.thresholds["of"], handed.thresholds["score"])
    assert 5 == len(handed.frames)
    assert sorted(one.taken_at for one in handed.frames) == [one.taken_at for one in handed.frames]
    for one in handed.frames:
        assert (KNIFE, PERSON) == one.sightings
        original, annotated = (
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (one.original, one.annotated)
        )
        assert np.abs(original.astype(int) - BRIGHT).max() < 3, "the original has nothing drawn on it"
        assert original.shape == annotated.shape
        blue, green, red = annotated[round(0.55 * 720), round(0.4 * 1280)]  # the left side of the knife's box
        assert red > 150 > max(blue, green)


def test_a_camera_that_shows_something_is_looked_at_closely():
    house, closely = House(), []
    house.detector._look_closely = lambda device_id, seconds: closely.append(device_id)
    house.play([DARK, BRIGHT, DARK], device(7))
    assert [7] == closely


def test_single_sightings_open_nothing():
    assert [] == House().play([BRIGHT, DARK, DARK] * 8)


def test_a_cameras_own_settings_hold_and_mistakes_in_them_fall_back_to_the_defaults():
    assert 1 == len(House().play([BRIGHT], device(detection={"needed": 1, "of": 1})))
    assert [] == House().play([BRIGHT] * 8, device(detection={"score": 0.9}))
    assert 1 == len(House().play([BRIGHT] * 5, device(detection={"needed": 99})))


def test_frames_that_waited_too_long_are_counted_and_not_looked_at(database, make_device):
    house, camera = House(), make_device(database)
    house.detector.on_frame(camera, BRIGHT, datetime.now(UTC) - timedelta(seconds=60))
    assert 0 == house.detector.step()
    assert [] == house.host.calls
    house.book.write(database)
    assert 1 == totals(database, camera.id)[""]["frames_skipped"]


def test_the_book_says_what_was_looked_at_what_was_skipped_and_what_came_of_it(database, make_device):
    house, camera = House(FakeHost("baik", "rusak", broken=["rusak"])), make_device(database)
    house.detector.on_frame(camera, DARK, datetime.now(UTC))
    house.play([DARK] + [BRIGHT] * 6, camera)
    house.detector.count_skipped()
    for _ in range(2):
        house.book.write(database)
    with database.system() as connection:
        rows = {row["model"]: row for row in connection.execute(select(detection_stats)).mappings()}
    assert {"", "baik"} == set(rows), "a detector that fails looked at nothing"
    assert (7, 6) == (rows["baik"]["frames_detected"], rows["baik"]["frames_positive"])
    assert (1, 1) == (rows[""]["frames_skipped"], rows[""]["reports"])
    assert 0 < rows["baik"]["latency_us"] < 60_000_000
    assert camera.vendor_id == rows[""]["vendor_id"]


def test_counts_survive_a_database_that_is_away(database, make_device):
    class Away:
        def system(self):
            raise OperationalError("x", {}, Exception("gone"))

    book, camera = Book(), make_device(database)
    book.count(camera, frames_read=3)
    with pytest.raises(OperationalError):
        book.write(Away())
    book.count(camera, frames_read=2)
    book.write(database)
    assert 5 == totals(database, camera.id)[""]["frames_read"]


def test_frames_that_every_detector_failed_on_are_counted_as_skipped(database, make_device):
    house, camera = House(FakeHost("rusak", broken=["rusak"])), make_device(database)
    house.detector.on_frame(camera, BRIGHT, datetime.now(UTC))
    assert 0 == house.detector.step()
    house.book.write(database)
    assert 1 == totals(database, camera.id)[""]["frames_skipped"]


def test_one_broken_detector_takes_nothing_from_the_other():
    assert 1 == len(House(FakeHost("rusak", "baik", broken=["rusak"])).play([BRIGHT] * 5))


def test_a_database_that_is_away_loses_no_incident(monkeypatch):
    monkeypatch.setattr(opener_module, "LONGEST_PAUSE_S", 0.01)
    gone = OperationalError("x", {}, Exception("gone"))
    house = House(reports=FakeReports(gone, OSError("disk"), gone))
    opened = threading.Event()
    house.opener._on_opened = opened.set
    house.opener.start()
    for n in range(5):
        house.detector.on_frame(device(), BRIGHT, datetime.now(UTC) + timedelta(seconds=n * 0.01))
        house.detector.step()
    assert opened.wait(20)
    house.stop.set()
    house.opener.join(10)
    assert 1 == len(house.reports.opened)


def test_an_incident_that_cannot_be_written_stops_no_other():
    house = House(reports=FakeReports(ValueError("odd")))
    house.detector.on_frame(device(2, detection={"needed": 1}), BRIGHT, datetime.now(UTC))
    house.detector.step()
    house.play([BRIGHT], device(1, detection={"needed": 1}))
    assert [1] == [handed.device.id for handed in house.reports.opened]
    assert [1] == house.rung


def test_a_detector_that_cannot_start_is_told_and_the_process_goes_on():
    house = House(FakeHost("baik", "rusak", broken=["rusak"]))
    (told,) = Models(house.host, house.book).warm_up()
    assert "rusak" in told
    assert [("baik", [0]), ("rusak", [0])] == house.host.calls
