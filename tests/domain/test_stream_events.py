"""Parts of an event stream become payloads: which pictures belong to which text, and when an event is complete."""

from contextlib import contextmanager

import pytest

from core.domain.errors import Transient
from core.domain.multipart import split_parts
from core.domain.observations import Device
from core.domain.stream_events import stream_payloads
from core.domain.streams import StreamHead

DEVICE = Device(id=1, code="cam", maker="uji", vendor_id=1, vendor_code="polda-uji")
PICTURE = b"\xff\xd8" + b"x" * 40 + b"--boundary di dalam" + b"\xff\xd9"


def part(data, kind):
    head = f"--boundary\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def read(*chunks, content_type="multipart/mixed; boundary=boundary", path="/events?all=1"):
    class Connection:
        head = StreamHead(status=200, headers={"content-type": content_type})

        def __iter__(self):
            return iter(chunks)

    @contextmanager
    def connect(asked, *, method, silent_s):
        assert (path, "GET") == (asked, method)
        yield Connection()

    return list(stream_payloads(connect, DEVICE, path))


TEXT = part(b"<a/>", "application/xml")
OTHER = part(b"<b/>", "application/xml")
IMAGE = part(PICTURE, "image/jpeg")


def bodies(found):
    return [
        [bytes(p.data) for p in split_parts(one.body, one.content_type)]
        if one.content_type.startswith("multipart/")
        else [one.body]
        for one in found
    ]


def test_pictures_belong_to_the_text_before_them():
    found = read(TEXT + IMAGE + IMAGE + OTHER)

    assert [[b"<a/>", PICTURE, PICTURE], [b"<b/>"]] == bodies(found)
    assert ["application/xml", "/events", "all=1"] == [found[1].content_type, found[1].path, found[1].query]


def test_an_event_is_handed_on_when_the_device_is_silent_and_not_while_a_picture_is_on_its_way():
    assert [[b"<a/>", PICTURE]] == bodies(read(TEXT + IMAGE[:70], b"", b"", b"", IMAGE[70:], b"", b""))
    assert [[b"<a/>"], [b"<b/>"]] == bodies(read(TEXT, b"", b"", OTHER))


@pytest.mark.parametrize("step", [1, 7, 64])
def test_however_the_bytes_are_cut(step):
    body = TEXT + IMAGE + OTHER
    chunks = [body[at : at + step] for at in range(0, len(body), step)]
    assert [[b"<a/>", PICTURE], [b"<b/>"]] == bodies(read(*chunks))


def test_what_is_no_stream_is_named():
    with pytest.raises(Transient, match="expected a multipart stream from /events, got 'text/html'"):
        read(b"<h1>login</h1>", content_type="text/html")
