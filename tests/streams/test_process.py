"""The detect process with the default detector: a camera that plays the clip, a pushed picture, the books."""

import hashlib
import os
import threading

import cv2
import pytest
from sqlalchemy import insert, select, text

from core.domain.incidents import IncidentType
from core.evidence.store import MediaStore
from core.evidence.tables import media as media_table
from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.incidents.detected import Opened
from core.incidents.tables import frames
from core.secrets import SecretBox
from core.streams.book import totals
from core.streams.cameras import load_cameras
from core.streams.process import DetectProcess
from core.tasks.broker import set_broker
from core.tasks.detection import FrameBell
from core.testing.waiting import until

PATIENCE_S = 60.0


class FakeReports:
    def __init__(self):
        self.opened = []

    def open_detected(self, detected):
        self.opened.append(detected)
        return Opened(len(self.opened), created=True)


@pytest.fixture
def process(database, tmp_path, redis_url):
    """start(load) -> (process, reports); stopped after the test."""
    media = MediaStore(tmp_path / "media", segment_bytes=1 << 20)
    nanodet = Declared(id="weapon_nanodet", use="detectors.weapon_nanodet", config={"threads": 1})
    host = Host.build([nanodet], environ=os.environ)
    stop, ready, running = threading.Event(), threading.Event(), []

    def start(load, **how):
        reports = FakeReports()
        made = DetectProcess(
            database, host, media, reports, load, redis_url, stop, on_ready=ready.set, follow_s=0.2, **how
        )
        thread = threading.Thread(target=made.run)
        thread.start()
        running.append(thread)
        assert ready.wait(PATIENCE_S)
        return made, reports, media

    yield start
    stop.set()
    for thread in running:
        thread.join()
    host.close()
    media.close()


def push(database, media, camera, jpeg):
    (ref,) = media.append([jpeg])
    digest = hashlib.sha256(jpeg).digest()
    with database.system() as connection:
        connection.execute(
            insert(media_table).values(vendor_id=camera.vendor_id, sha256=digest, size=len(jpeg), mime="image/jpeg",
                                       ref=ref, at_offset=0)
        )  # fmt: skip
        connection.execute(
            insert(frames).values(vendor_id=camera.vendor_id, device_id=camera.id, payload_id=1, ordinal=0,
                                  sha256=digest, event="VMD", taken_at=text("now()"))
        )  # fmt: skip


def test_a_blade_in_a_cameras_picture_becomes_an_incident(database, make_device, process, demo_clip, redis_url):
    camera = make_device(
        database, code="toko-1", detect=True, stream_kind="file", stream_url=str(demo_clip),
        settings={"stream": {"fps": 10}, "detection": {"needed": 3, "of": 8}},
    )  # fmt: skip
    pushing = make_device(database, code="pintu-2", detect=True)
    seen, rung = [], []
    _, reports, media = process(
        lambda: load_cameras(database, SecretBox("kunci-untuk-uji-yang-cukup-panjang")),
        show=lambda device_id, image: seen.append(device_id),
        ring=lambda: rung.append(1),
    )

    until(lambda: reports.opened)
    handed = reports.opened[0]
    assert (camera.id, IncidentType.KNIFE, True) == (handed.device.id, handed.incident_type, handed.is_confirmed)
    assert ("nanodet-g@416", 64) == (handed.model, len(handed.model_sha256))
    assert handed.positive >= 3
    assert rung
    assert {camera.id} == set(seen)

    reports.opened.clear()
    capture = cv2.VideoCapture(str(demo_clip))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 30)
    push(database, media, pushing, cv2.imencode(".jpg", capture.read()[1])[1].tobytes())
    FrameBell(set_broker(redis_url)).send()
    until(lambda: any(handed.device.id == pushing.id for handed in reports.opened))
    assert {False} == {handed.is_confirmed for handed in reports.opened if handed.device.id == pushing.id}
    with database.system() as connection:
        until(lambda: connection.execute(select(frames.c.status)).scalar_one() == "done")

    until(lambda: totals(database, camera.id).get("weapon_nanodet", {}).get("frames_positive", 0) >= 3)
    book = totals(database, camera.id)
    assert book["weapon_nanodet"]["frames_detected"] <= book[""]["frames_read"]
    assert book[""]["frames_still"] > 0, "the motion gate holds back the clip's still frames"


def test_a_detector_that_the_installation_put_out_is_not_asked_until_it_is_released(database, make_device, process):
    with database.system() as connection:
        connection.execute(text("INSERT INTO plugin_states (instance, state, reason, failures)"
                                " VALUES ('weapon_nanodet', 'quarantined', 'by hand', 1)"))  # fmt: skip
    made, _, _ = process(list)
    assert "quarantined" == made._host.instances[0].state
    with database.system() as connection:
        connection.execute(text("UPDATE plugin_states SET state = 'ready'"))
    until(lambda: made._host.instances[0].state == "ready")


def test_a_detector_whose_gpu_failed_is_written_down_once(database, process):
    def state():
        with database.system() as connection:
            return connection.execute(text("SELECT instance, state, reason, failures FROM plugin_states")).all()

    made, _, _ = process(list)
    detector = made._host._instances["weapon_nanodet"].plugin
    detector._gpu_failed = "OutOfMemoryError"
    worse = [("weapon_nanodet", "ready", "the GPU failed, the CPU looks: OutOfMemoryError", 1)]
    until(lambda: state() == worse)
    made.keep()
    assert worse == state()
    made._host._slow.add("weapon_nanodet")  # as one that is too busy to answer in time
    made.keep()
    assert worse == state()
    made._host._slow.discard("weapon_nanodet")
    detector._gpu_failed = ""
    until(lambda: state() == [("weapon_nanodet", "ready", "", 1)])
