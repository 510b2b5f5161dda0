"""The media store keeps bytes exactly, across batches, segments and processes."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.evidence.store import BLOCK, MediaMissing, MediaStore


@pytest.fixture
def store(tmp_path):
    opened = MediaStore(tmp_path, segment_bytes=1 << 20, read_payload=lambda i: b"payload %d" % i)
    yield opened
    opened.close()


def test_what_goes_in_comes_out(store):
    blobs = [b"a", b"", os.urandom(BLOCK), os.urandom(700_001)]

    refs = store.append(blobs)

    assert blobs == [store.read(r) for r in refs]


def test_a_part_of_a_stored_body_is_read_by_offset(store):
    (ref,) = store.append([b"0123456789"])

    assert b"345" == store.read(ref, 3, 3)
    assert b"89" == store.read(ref, 8, 99)


def test_a_batch_larger_than_a_segment_is_kept_too(store):
    big = os.urandom(9 << 20)
    first, second = store.append([big, b"next"])

    assert big == store.read(first)
    assert b"next" == store.read(second)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.lists(st.binary(max_size=9000), max_size=4), max_size=4))
def test_batches_never_overwrite_each_other(store, batches):
    kept = [(ref, blob) for batch in batches for ref, blob in zip(store.append(batch), batch, strict=True)]

    assert all(store.read(ref) == blob for ref, blob in kept)


def test_another_process_reads_what_this_one_wrote(store, tmp_path):
    (ref,) = store.append([b"evidence"])

    assert b"evidence" == MediaStore(tmp_path).read(ref)


def test_a_small_body_is_read_from_its_row(store):
    assert b"load" == store.read("payload:7", 3, 4)


@pytest.mark.parametrize("ref", ["seg:nothing:0:4", "seg:../../etc/passwd:0:4", "seg:.x:0:1", "ftp:x"])
def test_a_reference_to_nothing_is_an_error(store, ref):
    with pytest.raises(MediaMissing):
        store.read(ref)


def test_bytes_missing_at_the_end_of_a_segment_are_an_error(store, tmp_path):
    (ref,) = store.append([b"x" * 5000])
    store.close()
    segment = next((tmp_path / "segments").iterdir())
    os.truncate(segment, 100)

    with pytest.raises(MediaMissing, match="ends before"):
        store.read(ref)
