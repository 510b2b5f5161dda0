"""Local cameras: an HTTP one (MJPEG, snapshot, event stream, with Basic or Digest) and an RTSP one from GStreamer."""

import hashlib
import io
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import core.testing
from core.domain.stream_urls import read_stream_url
from core.outbound import per_device_images
from core.streams.http import HttpLoop
from core.streams.sources import StreamPlan

RTSP_SERVER = Path(core.testing.__file__).parent / "rtsp_server.py"
USER, PASSWORD = "admin", "rahasia"


def jpeg(n=0, size=(160, 90)):
    image = Image.new("RGB", size, (40, 60, 80))
    ImageDraw.Draw(image).rectangle((n % 100, 10, n % 100 + 30, 60), fill=(230, 230, 200))
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


class HttpCamera:
    """One camera. `auth`: "", "basic" or "digest". stop() makes it die, start() brings it back on the same port."""

    def __init__(self, auth=""):
        self.auth = auth
        self.asked = []
        self.parts = []
        self.port = 0
        self.server = None
        self.ended = threading.Event()
        self.start()

    def start(self):
        self.ended = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="/mjpeg", login=True):
        who = f"{USER}:{PASSWORD}@" if self.auth and login else ""
        return read_stream_url(f"http://{who}127.0.0.1:{self.port}{path}")

    def plan(self, kind="mjpeg", path=None, allow=("127.0.0.1",), **how):
        url = self.url(path or {"mjpeg": "/mjpeg", "snapshot": "/snap"}[kind], how.pop("login", True))
        return StreamPlan(kind=kind, url=url, policy=per_device_images(allow), **{"fps": 50.0, **how})


def _handler(camera):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            camera.asked.append(self.path)
            if not self._admitted():
                return
            try:
                self._answer()
            except OSError:
                pass

        def _admitted(self):
            given = self.headers.get("Authorization", "")
            if camera.auth == "basic" and given == "Basic YWRtaW46cmFoYXNpYQ==":
                return True
            if camera.auth == "digest" and given.startswith("Digest ") and self._digest(given):
                return True
            if not camera.auth:
                return True
            challenge = 'Basic realm="cam"' if camera.auth == "basic" else 'Digest realm="cam", nonce="abc", qop="auth"'
            self.send_response(401)
            self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False

        def _digest(self, given):
            f = dict(re.findall(r'(\w+)="?([^",]+)"?', given))

            def md5(text):
                return hashlib.md5(text.encode()).hexdigest()

            ha1, ha2 = md5(f"{USER}:cam:{PASSWORD}"), md5(f"GET:{f['uri']}")
            return f["response"] == md5(f"{ha1}:abc:{f['nc']}:{f['cnonce']}:auth:{ha2}")

        def _answer(self):
            if self.path.startswith("/snap"):
                self._send("image/jpeg", jpeg(len(camera.asked)))
            elif self.path.startswith("/page"):
                self._send("text/html", b"<h1>login</h1>")
            elif self.path.startswith("/bomb"):
                self._send("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\x02\0\0\0\0\0\0\0")
            elif self.path.startswith("/away"):
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:1/secret")
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path.startswith(("/ISAPI/Event/", "/cgi-bin/")):
                self._stream("multipart/mixed; boundary=boundary", b"--boundary", camera.parts)
            else:
                self._stream("multipart/x-mixed-replace; boundary=frame", b"--frame", None)

        def _send(self, kind, body):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, kind, delimiter, parts):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            sent = 0
            while not camera.ended.is_set():
                if parts is None:
                    what = [("image/jpeg", jpeg(sent * 5)[: 500 if self.path == "/torn" else None])]
                else:
                    what = parts[sent:]
                for part_kind, data in what:
                    head = f"Content-Type: {part_kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                    self.wfile.write(delimiter + b"\r\n" + head + data + b"\r\n")
                    sent += 1
                time.sleep(0.02)

    return Handler


@pytest.fixture
def camera():
    made = HttpCamera()
    yield made
    made.stop()


@pytest.fixture
def make_camera():
    made = []

    def make(**how):
        made.append(HttpCamera(**how))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def http():
    loop = HttpLoop()
    yield loop
    loop.close()


@pytest.fixture
def stop():
    event = threading.Event()
    yield event
    event.set()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class RtspCamera:
    def __init__(self):
        self.port = free_port()
        self.process = None
        self.start()

    def start(self):
        python = shutil.which("python3", path="/usr/bin") or "/usr/bin/python3"
        environ = {**os.environ, "PYTHONPATH": ""}
        self.process = subprocess.Popen(
            [python, str(RTSP_SERVER), str(self.port), USER, PASSWORD],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ,
        )  # fmt: skip
        said = self.process.stdout.readline()
        assert said == b"ready\n", (
            "the RTSP server for the tests does not start: install the Debian packages gir1.2-gst-rtsp-server-1.0 "
            "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly python3-gi "
            f"(`make packages` does it as root): {self.process.stderr.read().decode()[-500:]}"
        )

    def stop(self):
        self.process.kill()
        self.process.wait()

    def plan(self, login=True, path="/live", allow=("127.0.0.1",)):
        who = f"{USER}:{PASSWORD}@" if login else ""
        url = read_stream_url(f"rtsp://{who}127.0.0.1:{self.port}{path}")
        return StreamPlan(kind="rtsp", url=url, policy=per_device_images(allow), fps=50.0)


@pytest.fixture(scope="module")
def rtsp():
    made = RtspCamera()
    yield made
    made.stop()
