"""What an owner may type in as a camera's address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.stream_urls import StreamUrlRefused, read_stream_url


def test_credentials_are_split_off_and_decoded():
    found = read_stream_url("rtsp://admin:p%40ss@192.168.1.20:8554/Streaming/Channels/101?x=1")

    assert ("admin", "p@ss") == found.login
    assert "rtsp://192.168.1.20:8554/Streaming/Channels/101?x=1" == found.shown
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    ("url", "port"), [("rtsp://cam.example/a", 554), ("http://cam.example/a", 80), ("https://cam.example:8443/a", 8443)]
)
def test_ports_follow_the_scheme(url, port):
    assert port == read_stream_url(url).port


def test_the_host_can_be_replaced_by_the_pinned_address():
    assert "rtsp://[2001:db8::7]:8554/live" == read_stream_url("rtsp://cam.example:8554/live").at("2001:db8::7")


@pytest.mark.threat("T14")
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "/etc/passwd", "concat:a|b", "concat:http://a|file:///etc/passwd", "subfile,,start,0,:a",
        "rtsp:concat:/etc/passwd", "http:///nohost", "rtsp://", "gopher://a/", "rtsp://a b/", "http://2130706433/",
        "http://0x7f000001/", "http://127.1/", "http://a..b/", "rtsp://cam:0/", "http://cam/\nx", "data:text/plain,x",
        "rtmp://a/b", "http://a\\@b/", "http://0177.0.0.1/x.0x7f", "",
    ],
)  # fmt: skip
def test_whatever_is_no_plain_camera_address_is_refused(url):
    with pytest.raises(StreamUrlRefused):
        read_stream_url(url)


def test_a_refusal_never_repeats_the_password():
    with pytest.raises(StreamUrlRefused) as refused:
        read_stream_url("ftp://admin:rahasia@cam/")
    assert "rahasia" not in str(refused.value)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        found = read_stream_url(text)
    except StreamUrlRefused:
        return
    assert found.shown == read_stream_url(found.shown).shown
