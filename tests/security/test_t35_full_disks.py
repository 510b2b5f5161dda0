"""A disk that takes no more: who cannot be kept is told 507, what was acknowledged is there, small events go on."""

import contextlib
import errno
import os

import pytest

from core.evidence.store import MediaStore
from core.testing.house import event

LIMIT = 4 * 1024 * 1024


@pytest.mark.threat("T35")
def test_a_full_media_disk_is_507_and_everything_acknowledged_is_there(open_house):
    house = open_house(fsize=LIMIT)
    camera = house.camera("hikvision")
    house.start("ingest")
    bodies = [bytes([65 + n]) * 700_000 for n in range(12)]

    answers = [house.send(camera, body, "application/octet-stream") for body in bodies]

    statuses = [answer.status for answer in answers]
    assert {200, 507} == set(statuses)
    assert ["30"] * statuses.count(507) == [a.headers["retry-after"] for a in answers if a.status == 507]
    kept = house.rows("SELECT body_ref, size FROM payloads WHERE device_id = %s ORDER BY id", camera.id)
    with contextlib.closing(MediaStore(house.home / "media")) as store:
        found = [store.read(ref, 0, size) for ref, size in kept]
    assert found == [body for body, status in zip(bodies, statuses, strict=True) if status == 200]


@pytest.mark.threat("T35")
def test_small_events_are_kept_while_the_media_disk_is_full(open_house):
    house = open_house(fsize=1024 * 1024)
    camera = house.camera("generic")
    house.start("ingest")

    large = house.send(camera, event(note="x" * 2_000_000))
    small = house.send(camera, event())

    assert (507, 200) == (large.status, small.status)
    assert 1 == house.count("payloads", camera)


@pytest.mark.threat("T35")
def test_a_store_that_was_full_goes_on_when_there_is_room_again(tmp_path, monkeypatch):
    full = True
    true_pwrite, true_allocate = os.pwrite, os.posix_fallocate

    def pwrite(fd, data, offset):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return true_pwrite(fd, data, offset)

    def allocate(fd, offset, size):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        true_allocate(fd, offset, size)

    with contextlib.closing(MediaStore(tmp_path, segment_bytes=1 << 20)) as store:
        full = False
        (first,) = store.append([b"before" * 1000])
        full = True
        monkeypatch.setattr(os, "pwrite", pwrite)
        monkeypatch.setattr(os, "posix_fallocate", allocate)
        for blobs in ([b"lost" * 1000], [b"lost" * 1_000_000]):
            with pytest.raises(OSError, match="No space"):
                store.append(blobs)
        full = False
        (last,) = store.append([b"after" * 1000])

        assert b"before" * 1000 == store.read(first)
        assert b"after" * 1000 == store.read(last)
