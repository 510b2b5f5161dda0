"""Endless multipart answers, however the device cuts and counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import MalformedPayload
from core.domain.part_stream import PartStream

MIXED = "multipart/x-mixed-replace; boundary=myboundary"
PICTURE = b"\xff\xd8" + b"gambar --myboundary di tengah" * 3 + b"\xff\xd9"


def part(data, kind="text/plain", length=None, newline=b"\r\n", dashes=b"--myboundary"):
    counted = b"" if length is None else b"Content-Length: %d" % length + newline
    return dashes + newline + b"Content-Type: " + kind.encode() + newline + counted + newline + data + newline


def read(body, content_type=MIXED, step=None):
    stream = PartStream(content_type)
    found = []
    for at in range(0, len(body), step or len(body) or 1):
        found += stream.feed(body[at : at + (step or len(body))])
    return [p.data for p in found], [p.data for p in stream.flush()]


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize("off", [None, 0, -2, -1, 1, 2])
def test_a_wrong_length_is_corrected_by_the_delimiter(newline, off):
    length = None if off is None else (0 if off == 0 else len(b"Code=VideoMotion") + off)
    body = part(b"Code=VideoMotion", length=length, newline=newline) + part(b"Heartbeat", newline=newline)

    assert ([b"Code=VideoMotion"], [b"Heartbeat"]) == read(body)


def test_a_picture_is_handed_on_as_soon_as_its_last_byte_is_there():
    head = part(PICTURE, "image/jpeg", length=len(PICTURE)).removesuffix(b"\r\n")
    stream = PartStream(MIXED)

    assert [] == stream.feed(head[:-1])
    assert [PICTURE] == [p.data for p in stream.feed(head[-1:])]


def test_the_delimiter_inside_a_counted_picture_does_not_cut_it():
    body = part(PICTURE, "image/jpeg", length=len(PICTURE)) * 2

    assert ([PICTURE, PICTURE], []) == read(body)


def test_a_silent_device_s_last_text_is_flushed_and_a_picture_cut_in_the_middle_is_not():
    assert ([], [b"Code=x"]) == read(part(b"Code=x"))
    assert ([], []) == read(part(PICTURE[:20], "image/jpeg"))


def test_doubled_delimiters_and_a_preamble_are_passed_over():
    body = b"preamble\r\n--myboundary\r\n" + part(b"eins") + part(b"zwei")

    assert ([b"eins"], [b"zwei"]) == read(body)


@pytest.mark.parametrize("declared", ["myboundary", "--myboundary", '"--myboundary"', "", "anders"])
def test_the_boundary_may_be_declared_with_dashes_or_wrongly_or_not_at_all(declared):
    content_type = f"multipart/mixed; boundary={declared}" if declared else "multipart/mixed"
    found, flushed = read(part(b"eins") + part(b"zwei"), content_type)

    assert [b"eins", b"zwei"] == found + flushed


@given(st.integers(1, 40))
def test_chunks_may_be_cut_anywhere(step):
    body = part(b"eins", length=4) + part(PICTURE, "image/jpeg", length=len(PICTURE)) + part(b"drei") + part(b"")

    assert [b"eins", PICTURE, b"drei"] == read(body, step=step)[0]


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_are_read_or_refused(body, step):
    try:
        read(body, step=step)
    except MalformedPayload as error:
        assert str(error)


def test_a_part_that_never_ends_is_refused():
    stream = PartStream(MIXED, max_part=1000)
    stream.feed(part(b"x")[:-2])
    with pytest.raises(MalformedPayload):
        for _ in range(100):
            stream.feed(b"x" * 100)
