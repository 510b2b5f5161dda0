"""Alarm pictures of cameras that are looked at become rows for the detectors, in the transaction of their payload."""

import contextlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image as Picture

from core.api import FrameCapture, Image
from core.evidence.store import MediaStore
from core.traffic.intake import Intake, Parsed, Rules

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


def jpeg(shade=0):
    out = io.BytesIO()
    Picture.new("RGB", (16, 8), (shade, 10, 10)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def take(database, tmp_path):
    media = MediaStore(tmp_path / "media", segment_bytes=1 << 20)
    with contextlib.closing(media), contextlib.closing(database.raw()) as connection:
        intake = Intake(connection, None, media, Rules())

        def take(*parsed):
            with connection.transaction():
                intake.finish([], parsed)
            return connection.execute(
                "SELECT f.payload_id, f.ordinal, f.device_id, f.event, f.taken_at, f.status, m.ref, m.at_offset, m.size"
                " FROM frames f JOIN media m USING (vendor_id, sha256) ORDER BY f.id"
            ).fetchall(), media

        yield take


def payload(device, *observations, n=1, body=b"", received=NOW):
    return Parsed(payload_id=n, device=device, received_at=received, body=body, ref=f"payload:{n}",
                  observations=observations)  # fmt: skip


def capture(*pictures, at=NOW, **about):
    images = tuple(Image(role="scene", data=one) if isinstance(one, bytes) else one for one in pictures)
    return FrameCapture(event="VMD", capture_time=at, images=images, **about)


def test_every_picture_of_an_alarm_waits_for_a_detector(database, make_device, take):
    camera = make_device(database, detect=True)
    rows, media = take(payload(camera, capture(jpeg(1), jpeg(2)), capture(jpeg(3))))
    assert [(1, 0), (1, 1), (1, 2)] == [row[:2] for row in rows]
    assert {(camera.id, "VMD", NOW, "pending")} == {row[2:6] for row in rows}
    assert [jpeg(1), jpeg(2), jpeg(3)] == [media.read(ref, at, size) for *_, ref, at, size in rows]


def test_a_picture_that_stands_in_the_body_is_not_copied(database, make_device, take):
    body = b"--x\r\n\r\n" + jpeg() + b"\r\n--x--"
    picture = Image(role="scene", data=memoryview(body)[7:-7], offset=7)
    rows, _ = take(payload(make_device(database, detect=True), capture(picture), body=body))
    assert [("payload:1", 7, len(jpeg()))] == [row[6:] for row in rows]


def test_pictures_of_cameras_that_nobody_looks_at_make_no_rows(database, make_device, take):
    assert [] == take(payload(make_device(database), capture(jpeg())))[0]


def test_what_is_no_picture_or_too_large_a_one_makes_no_row(database, make_device, take):
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\x02\0\0\0\0\0\0\0"
    rows, _ = take(payload(make_device(database, detect=True), capture(b"<html>", bomb, Image(role="scene"), jpeg())))
    assert [(1, 0)] == [row[:2] for row in rows]


def test_a_picture_that_is_only_named_waits_to_be_fetched_between_the_others(database, make_device, take):
    camera = make_device(database, detect=True)
    named = Image(role="scene", url="http://192.0.2.1/x.jpg")
    rows, _ = take(payload(camera, capture(jpeg(1), named, jpeg(2))), payload(make_device(database), capture(named)))
    assert [(1, 0), (1, 2)] == [row[:2] for row in rows]
    with database.system() as connection:
        query = "SELECT payload_id, device_id, plate_read_id, ordinal, event, taken_at, url, status FROM image_fetches"
        fetches = connection.exec_driver_sql(query).all()
    assert [(1, camera.id, None, 1, "VMD", NOW, "http://192.0.2.1/x.jpg", "pending")] == fetches


def test_a_payload_that_is_written_again_makes_no_second_row(database, make_device, take):
    camera = make_device(database, detect=True)
    take(payload(camera, capture(jpeg())))
    assert 1 == len(take(payload(camera, capture(jpeg())))[0])


@pytest.mark.parametrize(
    ("camera_says", "about", "taken"),
    [
        (NOW - timedelta(seconds=4), {}, NOW - timedelta(seconds=4)),
        (None, {}, NOW),
        (NOW + timedelta(hours=1), {}, NOW),  # its clock is in the wrong zone
        (NOW - timedelta(hours=3), {"retransmitted": True}, NOW - timedelta(hours=3)),
    ],
)
def test_when_it_was_taken(database, make_device, take, camera_says, about, taken):
    rows, _ = take(payload(make_device(database, detect=True), capture(jpeg(), at=camera_says, **about)))
    assert taken == rows[0][4]
