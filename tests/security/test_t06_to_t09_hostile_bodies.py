"""Hostile bodies, slow ones, bombs and pictures on the real server: all are answered, and none hurts a neighbour."""

import gzip
import hashlib
import socket
import struct
import threading
import zlib

import pytest

from core.domain.multipart import MAX_PARTS
from core.testing.bodies import MULTIPART, alert, form, jpeg, multipart
from core.testing.house import event
from core.xml import MAX_XML

# -- T06 bodies, parts, depth -----------------------------------------------------------------------------------------


@pytest.mark.threat("T06")
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, multipart(*[form(b"p%d" % n, b"x") for n in range(MAX_PARTS + 1)])),
        (MULTIPART, b"--MIME_boundary\r\nX: " + b"h" * 70_000 + b"\r\n\r\ndata\r\n--MIME_boundary--\r\n"),
        (MULTIPART, b"--MIME_boundary\r\n" * 100_000),
        ("multipart/form-data; boundary=" + "b" * 900, b"no delimiter at all"),
        ("application/xml", b"<a>" * 80_000),
        ("application/xml", b"<a " + b" ".join(b'k%d="v"' % n for n in range(20_000)) + b"/>"),
        ("application/xml", alert(inner="<x>" + "y-" * MAX_XML + "</x>")),
        ("application/json", b'{"a":' * 100_000),
        ("application/json", b"[" * 100_000 + b"]" * 100_000),
        ("", b"\x00" * 1_000_000),
        ("", b""),
    ],
    ids=[
        "parts", "part header", "delimiters", "boundary", "depth", "attributes", "long", "objects", "lists", "nul",
        "empty",
    ],
)  # fmt: skip
@pytest.mark.parametrize("maker", ["hikvision", "dahua"])
def test_an_oversized_structure_costs_a_row_in_quarantine_and_nothing_else(house, maker, content_type, body):
    camera = house.spare(maker)

    assert 200 == house.send(camera, body, content_type).status

    reads, kept = house.outcome(camera)
    assert 1 == len(kept) or (maker, reads) == ("dahua", [])
    assert set(kept) <= {"malformed"}
    assert [] == reads


# -- T07 slow bodies --------------------------------------------------------------------------------------------------


@pytest.mark.threat("T07")
def test_fifty_slow_bodies_are_closed_by_our_deadline_and_disturb_nobody(open_house):
    house = open_house(settings={"body_timeout_s": 2})
    camera, other = house.camera("generic"), house.camera("generic")
    house.start("ingest")
    head = f"POST {camera.path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {camera.key}\r\nContent-Length: 1000\r\n\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", house.port), timeout=20) for _ in range(50)]
    for connection in slow:
        connection.sendall(head + b"{")

    drip = threading.Event()

    def dripping():
        while not drip.wait(0.3):
            for connection in slow:
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=dripping)
    thread.start()
    answers = [house.send(other, event()).status for _ in range(20)]
    ends = [read_all(connection) for connection in slow]
    drip.set()
    thread.join()

    assert [200] * 20 == answers
    assert {b"HTTP/1.1 408"} == {end[:12] for end in ends}
    assert 0 == house.count("payloads", camera)


def read_all(connection):
    received = b""
    with connection:
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            pass
    return received


@pytest.mark.threat("T07")
def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(house, serves_others):
    camera = house.spare("generic")
    head = f"POST {camera.path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {camera.key}\r\nContent-Length: 1000\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", house.port), timeout=5) as connection:
        connection.sendall(head + b'{"plate":"B 1 A"')

    serves_others()
    assert 0 == house.count("payloads", camera)


# -- T08 decompression ------------------------------------------------------------------------------------------------


@pytest.mark.threat("T08")
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(bytes(200_000_000), 9)),
        ("deflate", zlib.compress(bytes(100_000_000), 9)),
        ("gzip", gzip.compress(gzip.compress(bytes(50_000_000), 9), 9)),
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b'{"plate":"B 1 A"}')[:-6]),
        ("gzip", b""),
    ],
    ids=["bomb", "deflate bomb", "nested", "rubbish", "cut off", "empty"],
)
def test_a_compressed_bomb_costs_a_row_in_quarantine(house, serves_others, encoding, body):
    camera = house.spare("hikvision")

    answer = house.post(camera.path, body, {**camera.headers, "Content-Encoding": encoding})

    assert 200 == answer.status
    assert ([], ["malformed"]) == house.outcome(camera)
    serves_others()


@pytest.mark.threat("T08")
@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip;q=1", "x"])
def test_encodings_that_nobody_undoes_are_415(house, encoding):
    answer = house.post("/cam/generic/x", b"x", {"Content-Encoding": encoding})

    assert 415 == answer.status


# -- T09 pictures -----------------------------------------------------------------------------------------------------


def png_bomb(side=60_000):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )


def jpeg_claiming(width, height):
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


DROPPED = {
    "png bomb": png_bomb(),
    "jpeg of 65500": jpeg_claiming(65_500, 65_500),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<html><script>alert(1)</script></html>",
    "gif": b"GIF89a" + bytes(40),
    "text": b"no picture",
}
KEPT = {
    "truncated": jpeg((400, 300))[:-200],
    "polyglot": jpeg() + b"<html><script>alert(1)</script></html>",
    "animated": jpeg() + jpeg(),
}


@pytest.mark.threat("T09")
@pytest.mark.parametrize("name", [*DROPPED, *KEPT])
def test_a_hostile_picture_never_costs_the_event_and_its_bytes_stay_untouched(house, name):
    camera = house.spare("hikvision")
    data = (DROPPED | KEPT)[name]
    good = jpeg(color="green")
    body = multipart(
        form(b"anpr.xml", alert()), form(b"vehiclePicture.jpg", good, b"image/jpeg"),
        form(b"licensePlatePicture.jpg", data, b"image/jpeg"),
    )  # fmt: skip

    house.send(camera, body, MULTIPART)

    assert (["B1234XYZ"], []) == house.outcome(camera)
    assert hashlib.sha256(body).digest() == house.one("SELECT sha256 FROM payloads WHERE device_id = %s", camera.id)
    images = house.one("SELECT images FROM plate_reads WHERE device_id = %s", camera.id)
    kept = {image["sha256"] for image in images if "sha256" in image}
    assert hashlib.sha256(good).hexdigest() in kept
    assert (name in KEPT) == (hashlib.sha256(data).hexdigest() in kept or (name == "animated" and len(kept) > 1))
