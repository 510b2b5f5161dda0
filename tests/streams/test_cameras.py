"""Cameras that die and return, are added and taken away; what the desk says of them."""

import time
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from core.accounts.tables import devices
from core.domain.observations import Device
from core.incidents.cctv import login_context
from core.secrets import SecretBox
from core.streams import cameras as module
from core.streams.cameras import Camera, CameraDesk, StreamSettings, load_cameras

BOX = SecretBox("kunci-untuk-uji-yang-cukup-panjang")


def device(n=1, **fields):
    return Device(id=n, code=f"cctv-{n}", maker="generic", vendor_id=1, vendor_code="polda-uji", **fields)


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.1)


@pytest.fixture
def desk():
    made = []

    def make(load, **how):
        frames = []
        desk = CameraDesk(load, lambda camera, image, at: frames.append((camera.device.code, image.shape)), **how)
        made.append(desk)
        return desk, frames

    yield make
    for one in made:
        one.close()


def test_a_camera_that_dies_and_returns_is_picked_up_again(make_camera, desk, quick):
    server = make_camera()
    made, frames = desk(lambda: [Camera(device=device(), plan=server.plan())])
    made.follow()
    (reader,) = made.readers
    wait_for(lambda: frames)
    assert "online" == reader.state.state
    server.stop()
    wait_for(lambda: reader.state.state == "offline")
    assert reader.state.detail
    frames.clear()
    server.start()
    wait_for(lambda: frames and reader.state.state == "online")
    assert reader.state.reconnects >= 1


def test_several_cameras_are_read_at_once_and_one_that_is_gone_stops_no_other(make_camera, desk, quick):
    one, two = make_camera(), make_camera()
    dead = make_camera()
    dead.stop()
    plans = [one.plan(), dead.plan(), two.plan("snapshot")]
    made, frames = desk(lambda: [Camera(device=device(n), plan=plan) for n, plan in enumerate(plans, 1)])
    made.follow()

    wait_for(lambda: {"cctv-1", "cctv-3"} <= {code for code, _ in frames})
    assert "cctv-2" not in {code for code, _ in frames}
    dead.start()
    wait_for(lambda: "cctv-2" in {code for code, _ in frames})


def test_a_still_picture_passes_the_gate_once_and_then_only_when_it_is_forced(make_camera, desk):
    server = make_camera()
    settings = StreamSettings(share=1.1, forced_s=0.3)
    made, frames = desk(lambda: [Camera(device=device(), plan=server.plan(), settings=settings)])
    made.follow()
    (reader,) = made.readers
    wait_for(lambda: len(frames) >= 2)
    counts = reader.take_counts()
    assert counts.still > 0
    assert counts.read == counts.still + len(frames)


def test_a_camera_that_is_looked_at_closely_hands_on_still_frames_too(make_camera, desk):
    server = make_camera()
    settings = StreamSettings(share=1.0, pixel_step=255, forced_s=600)
    made, frames = desk(lambda: [Camera(device=device(), plan=server.plan(), settings=settings)])
    made.follow()
    (reader,) = made.readers
    wait_for(lambda: frames and reader.take_counts().still)
    assert 1 == len(frames)
    made.look_closely(1, 60)
    made.look_closely(99, 60)  # another's
    wait_for(lambda: len(frames) > 5)


def test_a_camera_that_is_only_watched_is_read_and_not_looked_at(make_camera, desk):
    server = make_camera()
    seen = []
    made, frames = desk(
        lambda: [Camera(device=device(), plan=server.plan(), detect=False)],
        on_any=lambda camera, image, at: seen.append(image.shape),
    )
    made.follow()
    wait_for(lambda: len(seen) > 3)
    assert [] == frames


def test_readers_follow_the_list(make_camera, desk):
    server = make_camera()
    listed = [Camera(device=device(), plan=server.plan())]
    made, _ = desk(lambda: listed)
    made.follow()
    first = made.readers[0]
    made.follow()
    assert first is made.readers[0], "an unchanged camera keeps its connection"
    listed[0] = Camera(device=device(), plan=server.plan("snapshot"))
    made.follow()
    second = made.readers[0]
    assert first is not second
    listed[0] = Camera(device=device(), plan=server.plan("snapshot"), allow=("192.0.2.1",))
    made.follow()
    assert second is not made.readers[0], "a changed approval ends the connection"
    listed.clear()
    made.follow()
    assert [] == made.readers
    first.join(5)
    assert not first.is_alive()


# -- the list, from the database ----------------------------------------------------------------------------------


@pytest.fixture
def add(database, make_vendor):
    vendor_id = make_vendor(database)

    def make(code, **columns):
        values = {"device_code": code, "maker": "generic", "vendor_id": vendor_id, **columns}
        with database.system() as connection:
            return connection.execute(insert(devices).values(**values).returning(devices.c.id)).scalar_one()

    return make


def test_only_approved_addresses_become_plans(database, add):
    add("tanpa-aliran")
    add("menunggu", stream_kind="rtsp", stream_url="rtsp://192.0.2.7/live")
    add("boleh", stream_kind="rtsp", stream_url="rtsp://192.0.2.8/live", stream_allow=["192.0.2.8"], detect=True)
    add("rusak", stream_kind="mjpeg", stream_url="file:///etc/passwd", stream_allow=["192.0.2.9"])
    add("pemeliharaan", stream_kind="mjpeg", stream_url="http://192.0.2.9/", cctv_status="maintenance")
    found = {camera.device.code: camera for camera in load_cameras(database, BOX)}

    assert {"menunggu", "boleh", "rusak"} == set(found)
    assert found["menunggu"].plan is None
    assert "approval" in found["menunggu"].problem
    assert found["rusak"].plan is None
    assert "rtsp, http or https" in found["rusak"].problem
    assert "rtsp://192.0.2.8/live" == found["boleh"].plan.url.shown


def test_the_login_is_sealed_to_its_device_and_never_shown(database, add):
    device_id = add("kunci", stream_kind="rtsp", stream_url="rtsp://192.0.2.8/live", stream_allow=["192.0.2.8"])
    other = add("lain", stream_kind="rtsp", stream_url="rtsp://192.0.2.8/live", stream_allow=["192.0.2.8"])
    sealed = BOX.seal(b"admin:rahasia:dua", login_context(device_id))
    with database.system() as connection:
        connection.execute(update(devices).where(devices.c.id.in_([device_id, other])).values(stream_login=sealed))
    found = {camera.device.id: camera for camera in load_cameras(database, BOX)}

    assert ("admin", "rahasia:dua") == found[device_id].plan.url.login
    assert "rahasia" not in repr(found[device_id])
    assert found[other].plan is None, "a login copied to another row does not open there"


def test_settings_of_a_stream_are_strict(database, add):
    add("cepat", stream_kind="file", stream_url="/tmp/x.avi", settings={"stream": {"fps": 2}})
    add("salah", stream_kind="file", stream_url="/tmp/x.avi", settings={"stream": {"fsp": 2}})
    add("nol", stream_kind="file", stream_url="/tmp/x.avi", settings={"stream": {"fps": 0}})
    found = {camera.device.code: camera for camera in load_cameras(database, BOX)}

    assert (2.0, Path("/tmp/x.avi")) == (found["cepat"].plan.fps, found["cepat"].plan.path)
    assert "fsp" in found["salah"].problem
    assert (None, True) == (found["nol"].plan, "0.05" in found["nol"].problem), "its thread would divide by it"
