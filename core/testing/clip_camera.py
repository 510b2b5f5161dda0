"""A simulated MJPEG camera that plays the synthetic clip: quiet until `show()`, then a blade comes into the picture.

It speaks what many cameras speak: multipart/x-mixed-replace at /video, one picture at /snapshot.jpg.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLIP = Path(__file__).parent / "clips" / "demo.avi"
QUIET_FRAMES = 20
"""The clip's first two seconds show a table with a cup and nothing else."""


def jpegs_of(clip: Path = CLIP) -> list[bytes]:
    """The frames of a Motion-JPEG AVI file, as they lie in it."""
    data = clip.read_bytes()
    found = []
    at = data.find(b"movi") + 4
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if tag == b"00dc" and size:
            found.append(data[at + 8 : at + 8 + size])
        elif tag in (b"idx1", b"LIST"):
            break
        at += 8 + size + size % 2
    return found


class ClipCamera:
    """Use it with `with`. Port 0 takes a free one."""

    def __init__(self, port: int = 0, *, fps: float = 10.0, clip: Path = CLIP) -> None:
        self._frames = jpegs_of(clip)
        self._step = 1.0 / fps
        self._lock = threading.Lock()
        self._playing_from: float | None = None
        self.watchers = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> ClipCamera:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Of its MJPEG stream."""
        return f"http://127.0.0.1:{self.port}/video"

    @property
    def clip_s(self) -> float:
        """How long the clip is."""
        return len(self._frames) * self._step

    def show(self) -> None:
        """Play the clip once, from now on, for everybody who watches."""
        with self._lock:
            self._playing_from = time.monotonic()

    def frame(self) -> bytes:
        """What it sees at this moment."""
        now = time.monotonic()
        with self._lock:
            if self._playing_from is not None:
                number = int((now - self._playing_from) / self._step)
                if number < len(self._frames):
                    return self._frames[number]
                self._playing_from = None
        return self._frames[int(now / self._step) % QUIET_FRAMES]

    def frames(self) -> Iterator[bytes]:
        """Frames at its own pace until it is closed."""
        self.watchers += 1
        try:
            while not self._ended.wait(self._step):
                yield self.frame()
        finally:
            self.watchers -= 1


def _handler(camera: ClipCamera) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing: the demo's terminal is for people."""

        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                if self.path.startswith("/snapshot"):
                    self._answer("image/jpeg", camera.frame())
                elif self.path.startswith("/video"):
                    self._stream()
                else:
                    self.send_error(404)

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for picture in camera.frames():
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                self.wfile.write(head.encode() + picture + b"\r\n")

    return Handler
