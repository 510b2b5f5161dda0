"""T14: pictures named by URL come from listed hosts only, are pictures, and never cost the event."""

import asyncio
import io
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from core.evidence.fetch import MAX_BYTES, ImageUnavailable, ImageUnusable, fetch_image

pytestmark = pytest.mark.threat("T14")


def jpeg(width=32, height=24):
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


def png_claiming(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))


class Entry:
    def __init__(self, *image_hosts):
        self.image_hosts = image_hosts


@pytest.fixture
def pictures():
    """A camera that serves `pictures.answers[path]` = (status, body); `pictures.url(path)`, `pictures.entry`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = self.server.answers[self.path]
            self.send_response(status)
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers = {}
    server.entry = Entry(f"127.0.0.1:{server.server_address[1]}")
    server.url = lambda path: f"http://127.0.0.1:{server.server_address[1]}{path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(url, entry):
    return asyncio.run(fetch_image(url, entry))


def test_a_picture_from_a_listed_host_is_fetched_whole(pictures):
    picture = jpeg()
    pictures.answers["/p.jpg"] = (200, picture)

    assert picture == fetch(pictures.url("/p.jpg"), pictures.entry)


def test_nothing_is_fetched_without_a_list(pictures):
    pictures.answers["/p.jpg"] = (200, jpeg())

    with pytest.raises(ImageUnusable):
        fetch(pictures.url("/p.jpg"), Entry())


def test_a_list_with_a_mistake_in_it_fetches_nothing(pictures):
    with pytest.raises(ImageUnusable):
        fetch(pictures.url("/p.jpg"), Entry("camera.lan"))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>login</html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"x" * 20, b"\xff\xd8"],
    ids=["empty", "html", "svg", "gif", "stub"],
)
def test_what_is_no_jpeg_or_png_is_refused_whatever_its_type_says(pictures, body):
    pictures.answers["/p.jpg"] = (200, body)

    with pytest.raises(ImageUnusable):
        fetch(pictures.url("/p.jpg"), pictures.entry)


def test_a_picture_over_40_megapixels_is_refused_by_its_header(pictures):
    pictures.answers["/p.png"] = (200, png_claiming(20_000, 20_000))

    with pytest.raises(ImageUnusable, match="megapixels"):
        fetch(pictures.url("/p.png"), pictures.entry)


def test_a_picture_over_10_mb_is_refused(pictures):
    pictures.answers["/p.jpg"] = (200, jpeg() + bytes(MAX_BYTES))

    with pytest.raises(ImageUnusable, match="10 MB"):
        fetch(pictures.url("/p.jpg"), pictures.entry)


@pytest.mark.parametrize(("status", "error"), [(404, ImageUnusable), (401, ImageUnusable), (302, ImageUnusable),
                                               (503, ImageUnavailable), (429, ImageUnavailable)])  # fmt: skip
def test_a_refusal_is_final_and_a_busy_camera_is_asked_again(pictures, status, error):
    pictures.answers["/p.jpg"] = (status, b"")

    with pytest.raises(error):
        fetch(pictures.url("/p.jpg"), pictures.entry)


def test_a_camera_that_is_away_is_asked_again(pictures):
    pictures.server_close()

    with pytest.raises(ImageUnavailable):
        fetch(pictures.url("/p.jpg"), pictures.entry)
