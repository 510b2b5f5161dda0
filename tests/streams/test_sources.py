"""Frames of every kind of source, from local cameras; what is not approved is not opened."""

import itertools
import socket
import threading

import pytest

from core.domain.errors import MalformedPayload
from core.domain.stream_urls import read_stream_url
from core.outbound import per_device_images
from core.streams import sources
from core.streams.http import StreamLost
from core.streams.rtsp_guard import RtspGuard, _AnswerWatch
from core.streams.sources import StreamPlan, decode, frames_of


def first(plan, http, stop, n=3):
    found = list(itertools.islice(frames_of(plan, http, stop), n))
    stop.set()
    return [image.shape for image in found]


@pytest.mark.parametrize("kind", ["mjpeg", "snapshot"])
@pytest.mark.parametrize("auth", ["", "basic", "digest"])
def test_http_cameras_give_frames_whatever_their_authentication(kind, auth, make_camera, http, stop):
    assert [(90, 160, 3)] * 3 == first(make_camera(auth=auth).plan(kind), http, stop)


def test_rtsp_gives_frames_over_tcp_with_a_login(rtsp, http, stop):
    assert [(360, 640, 3)] * 3 == first(rtsp.plan(), http, stop)


def test_a_file_is_played_and_played_again(http, stop, demo_clip):
    plan = StreamPlan(kind="file", path=demo_clip, fps=1000.0)

    assert {(400, 600, 3)} == set(first(plan, http, stop, n=5))


@pytest.mark.parametrize("kind", ["mjpeg", "snapshot"])
def test_a_wrong_login_is_named_and_no_password_is_in_the_text(kind, make_camera, http, stop):
    camera = make_camera(auth="digest")
    with pytest.raises(StreamLost, match="HTTP 401: user or password") as lost:
        first(camera.plan(kind, login=False), http, stop)
    assert "rahasia" not in str(lost.value)


def test_rtsp_without_its_login_is_lost_with_a_hint(rtsp, http, stop):
    with pytest.raises(StreamLost, match="is path and login right"):
        first(rtsp.plan(login=False), http, stop)


def test_a_web_page_in_place_of_a_stream_is_named(camera, http, stop):
    with pytest.raises(StreamLost, match="expected an MJPEG stream"):
        first(camera.plan("mjpeg", "/page"), http, stop)


def test_a_stream_of_torn_pictures_is_lost_though_it_goes_on(camera, http, stop, monkeypatch):
    monkeypatch.setattr(sources, "PICTURE_S", 0.3)
    with pytest.raises(StreamLost, match="no readable picture within"):
        first(camera.plan("mjpeg", "/torn"), http, stop)


@pytest.mark.threat("T14")
@pytest.mark.parametrize("kind", ["mjpeg", "snapshot"])
def test_an_address_that_was_not_approved_is_not_opened(kind, camera, http, stop):
    with pytest.raises(StreamLost, match="not allowed"):
        first(camera.plan(kind, allow=("192.0.2.0/24",)), http, stop)
    assert [] == camera.asked


@pytest.mark.threat("T14")
def test_rtsp_to_an_address_that_was_not_approved_is_not_opened(http, stop):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = read_stream_url(f"rtsp://localhost:{listener.getsockname()[1]}/x")
        plan = StreamPlan(kind="rtsp", url=url, policy=per_device_images(["192.0.2.1"]))
        with pytest.raises(StreamLost, match="not approved"):
            first(plan, http, stop)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.threat("T14")
@pytest.mark.parametrize("kind", ["mjpeg", "snapshot"])
def test_a_redirect_is_not_followed(kind, camera, http, stop):
    with pytest.raises(StreamLost, match="HTTP 302: redirected"):
        first(camera.plan(kind, "/away"), http, stop)


@pytest.mark.threat("T14")
def test_an_rtsp_redirect_is_not_followed(http, stop):
    with socket.create_server(("127.0.0.1", 0)) as camera, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)

        def answer():
            connection, _ = camera.accept()
            with connection:
                connection.recv(4096)
                target = f"rtsp://127.0.0.1:{elsewhere.getsockname()[1]}/x"
                connection.sendall(f"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: {target}\r\n\r\n".encode())
                connection.recv(4096)

        threading.Thread(target=answer, daemon=True).start()
        url = read_stream_url(f"rtsp://127.0.0.1:{camera.getsockname()[1]}/x")
        with pytest.raises(StreamLost, match="redirected elsewhere"):
            first(StreamPlan(kind="rtsp", url=url, policy=per_device_images(["127.0.0.1"])), http, stop)
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_the_watch_follows_packets_and_answers_however_they_are_cut():
    ok = b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nRTSP/"
    packet = b"$\x00\x00\x12RTSP/1.0 302 inside"[: 4 + 18]
    stream = ok + packet + ok
    for step in range(1, len(stream)):
        watch = _AnswerWatch()
        assert all(watch.passes(stream[at : at + step]) for at in range(0, len(stream), step))
    watch = _AnswerWatch()
    assert watch.passes(stream)
    assert not watch.passes(b"RTSP/1.0 302 Moved\r\n")


def test_a_name_that_leads_to_one_bad_address_is_refused_whole(monkeypatch):
    infos = [(socket.AF_INET, 1, 6, "", (address, 554)) for address in ("198.51.100.7", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: infos)
    with pytest.raises(StreamLost, match=r"127\.0\.0\.1"):
        RtspGuard(read_stream_url("rtsp://kamera.example/x"), per_device_images(["198.51.100.7"]))


@pytest.mark.threat("T09")
def test_a_picture_bomb_ends_a_snapshot_camera_with_a_reason_and_nothing_is_decoded(camera, http, stop):
    with pytest.raises(StreamLost, match="65536 x 65536 pixels"):
        first(camera.plan("snapshot", "/bomb"), http, stop)


@pytest.mark.threat("T09")
@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0" + b"\0" * 50, b"GIF89a", b"<html>"])
def test_what_is_no_whole_picture_is_refused(data):
    with pytest.raises(MalformedPayload):
        decode(data)
