"""Pictures as bytes: sniffed, measured and decoded without trusting anything that is said of them."""

import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.domain.images import JPEG, MAX_SCANS, PNG, count_scans, decode_base64_image, measure, sniff, split_jpegs
from core.testing.bombs import scan_bomb


def picture(kind="JPEG", size=(40, 24), **how):
    out = io.BytesIO()
    Image.new("RGB", size, (10, 120, 60)).save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "mime"),
    [(picture(), "image/jpeg"), (picture("PNG"), "image/png"), (picture("GIF"), ""), (b"", ""), (b"\xff\xd8", ""),
     (b"<html>", ""), (b"\x89PN", "")],
)  # fmt: skip
def test_a_picture_is_told_by_its_first_bytes(data, mime):
    assert mime == sniff(data) == sniff(memoryview(data))


@given(st.sampled_from(["JPEG", "PNG"]), st.integers(1, 500), st.integers(1, 500), st.booleans())
def test_the_size_is_read_from_the_header(kind, width, height, fancy):
    how = {"progressive": fancy, "exif": b"Exif\x00\x00" + b"x" * 300} if kind == "JPEG" else {}
    info = measure(picture(kind, (width, height), **how))

    assert (f"image/{kind.lower()}", width, height) == (info.mime, info.width, info.height)


@given(st.binary(max_size=200), st.sampled_from([b"", JPEG, PNG, picture()[:60], picture("PNG")[:20]]))
def test_any_bytes_are_measured_or_none(tail, head):
    info = measure(head + tail)

    assert info is None or (info.mime == sniff(head + tail) and info.width >= 0 and info.height >= 0)


@given(st.integers(0, 400))
def test_a_picture_cut_off_has_its_size_or_none(cut):
    data = picture()[:cut]
    info = measure(data)

    assert info is None or (info.width, info.height) in ((0, 0), (40, 24))


@given(st.lists(st.sampled_from([picture(), picture(size=(8, 8)), b"noise"]), max_size=4), st.binary(max_size=20))
def test_pictures_cut_apart_are_the_same_bytes(pieces, tail):
    data = b"".join(pieces) + tail

    assert data == b"".join(split_jpegs(data))


def test_two_pictures_in_one_field_are_two():
    assert [picture(), picture(size=(8, 8))] == split_jpegs(picture() + picture(size=(8, 8)))


WRITTEN = {
    "plain": lambda data: base64.b64encode(data).decode(),
    "bytes": base64.b64encode,
    "lines": lambda data: base64.encodebytes(data).decode().replace("\n", "\r\n"),
    "unpadded": lambda data: base64.b64encode(data).decode().rstrip("="),
    "url-safe": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "data-uri": lambda data: "data:image/jpeg;base64," + base64.b64encode(data).decode(),
    "DATA-URI": lambda data: "DATA:;base64," + base64.b64encode(data).decode(),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
@given(st.binary(min_size=8, max_size=80))
def test_base64_gives_back_every_byte_however_it_is_written(written, rest):
    assert JPEG + rest == decode_base64_image(written(JPEG + rest))


@pytest.mark.parametrize(
    "text", [None, "", b"", "...", "data:image/jpeg;base64,...", "data:image/jpeg", "aGFsbG8=", "????", "é", "=", "A"]
)
def test_what_holds_no_picture_is_none(text):
    assert decode_base64_image(text) is None


@given(st.text(max_size=60) | st.binary(max_size=60) | st.from_regex(r"/9j/[A-Za-z0-9+/=_-]{0,40}", fullmatch=True))
def test_any_text_is_decoded_or_none(text):
    data = decode_base64_image(text)

    assert data is None or sniff(data)


@pytest.mark.parametrize(
    ("data", "scans"),
    [(picture(), 1), (picture(progressive=True), 10), (scan_bomb(64, 300), 301), (picture("PNG") + b"\xff\xda", 0),
     (b"", 0)],
)  # fmt: skip
def test_the_scans_of_a_jpeg_are_counted(data, scans):
    assert scans == count_scans(data) == count_scans(memoryview(data))


def test_no_ordinary_picture_has_too_many_scans():
    out = io.BytesIO()
    Image.effect_noise((1200, 900), 200).convert("RGB").save(out, "JPEG", quality=95, progressive=True)
    assert count_scans(out.getvalue()) * 5 < MAX_SCANS
