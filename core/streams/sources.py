"""Where pulled frames come from: RTSP, MJPEG over HTTP, snapshot polling, video files. One reader for each camera.

A reader yields decoded frames until its camera is lost; who reads it starts a new one with back-off. cv2 is imported
when the first picture is decoded. FFmpeg's protocols are cut down to what a kind needs, by process-wide options that
are set under a lock while a capture is opened.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from core.domain.errors import MalformedPayload
from core.domain.images import MAX_SCANS, count_scans, measure
from core.domain.part_stream import PartStream
from core.domain.stream_urls import StreamUrl
from core.outbound import Policy
from core.streams.http import HttpLoop, StreamLost
from core.streams.rtsp_guard import RtspGuard

StreamKind = Literal["rtsp", "mjpeg", "snapshot", "file"]
MAX_PICTURE = 12 * 1024 * 1024
MAX_PIXELS = 40_000_000
OPEN_TIMEOUT_MS = 8_000
READ_TIMEOUT_MS = 8_000
PICTURE_S = 15.0
"""A stream that goes on for so long without a picture that can be read is lost, whatever it sends."""
_FFMPEG = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_OPTIONS = {
    "rtsp": "rtsp_transport;tcp|protocol_whitelist;rtsp,rtp,tcp|max_delay;500000|analyzeduration;1000000",
    "file": "protocol_whitelist;file",
}
_opening = threading.Lock()


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera's reader is to do.

    url      None for files
    path     of a video file, from the operator's configuration only
    fps      frames handed on a second at most; the others are read and dropped unseen
    policy   the addresses that were approved for this device
    """

    kind: StreamKind
    fps: float = 5.0
    url: StreamUrl | None = None
    path: Path | None = None
    policy: Policy | None = None
    loop_file: bool = True


def frames_of(plan: StreamPlan, http: HttpLoop, stop: threading.Event) -> Iterator[Any]:
    """Decoded frames (BGR, uint8, height x width x 3) until `stop` is set. Raises StreamLost with why it ended."""
    reader: Callable[[StreamPlan, HttpLoop, threading.Event], Iterator[Any]] = _READERS[plan.kind]
    return reader(plan, http, stop)


def decode(data: bytes) -> Any:
    """A picture's pixels. Raises MalformedPayload for what is no picture, cut off, or would keep the decoder busy:
    more than MAX_PIXELS or MAX_SCANS."""
    import cv2
    import numpy

    size = measure(data)
    if size is None:
        raise MalformedPayload("expected a JPEG or PNG picture")
    if not (size.width and size.height):  # hidden behind a megabyte of headers it may be of any size
        raise MalformedPayload("the picture's header is damaged or cut off")
    if size.width * size.height > MAX_PIXELS:
        raise MalformedPayload(f"the picture has {size.width} x {size.height} pixels, at most {MAX_PIXELS} are decoded")
    if (scans := count_scans(data)) > MAX_SCANS:
        raise MalformedPayload(f"the picture has {scans} scans, at most {MAX_SCANS} are decoded")
    image = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise MalformedPayload("the picture is cut off or damaged")
    return image


class _Pace:
    """Lets through at most `fps` a second."""

    def __init__(self, fps: float) -> None:
        self._step = 1.0 / fps
        self._next = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now + 0.002 < self._next:
            return False
        self._next = max(self._next + self._step, now)
        return True


def _video(plan: StreamPlan, http: HttpLoop, stop: threading.Event) -> Iterator[Any]:
    assert plan.url is not None and plan.policy is not None
    with RtspGuard(plan.url, plan.policy) as guard:
        login = ""
        if plan.url.login:
            login = ":".join(quote(part, safe="") for part in plan.url.login) + "@"
        address = f"rtsp://{login}127.0.0.1:{guard.port}{plan.url.target}"
        try:
            capture = _open(address, "rtsp")
        except StreamLost:
            raise StreamLost(guard.reason or f"{plan.url.host}: no picture; is path and login right?") from None
        try:
            pace = _Pace(plan.fps)
            while not stop.is_set():
                if not capture.grab():
                    raise StreamLost(guard.reason or f"{plan.url.host}: the stream ended or went silent")
                if pace.due():
                    read, image = capture.retrieve()
                    if read:
                        yield image
        finally:
            capture.release()


def _file(plan: StreamPlan, http: HttpLoop, stop: threading.Event) -> Iterator[Any]:
    """Played at its own speed, over and over where `loop_file` says so."""
    assert plan.path is not None
    if not plan.path.is_file():
        raise StreamLost(f"there is no file {plan.path.name}")
    pace = _Pace(plan.fps)
    while not stop.is_set():
        capture = _open(str(plan.path), "file")
        try:
            import cv2

            step = 1.0 / (capture.get(cv2.CAP_PROP_FPS) or 10.0)
            while not stop.is_set() and capture.grab():
                if pace.due():
                    read, image = capture.retrieve()
                    if read:
                        yield image
                stop.wait(step)
        finally:
            capture.release()
        if not plan.loop_file:
            return


def _open(address: str, kind: str) -> Any:
    # Their own lines would hold the address with its login.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    import cv2

    with _opening:
        before = os.environ.get(_FFMPEG)
        os.environ[_FFMPEG] = _OPTIONS[kind]
        try:
            capture = cv2.VideoCapture(
                address,
                cv2.CAP_FFMPEG,
                [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS],
            )
        finally:
            if before is None:
                os.environ.pop(_FFMPEG, None)
            else:
                os.environ[_FFMPEG] = before
    if not capture.isOpened():
        capture.release()
        raise StreamLost("the video cannot be opened")
    return capture


def _mjpeg(plan: StreamPlan, http: HttpLoop, stop: threading.Event) -> Iterator[Any]:
    assert plan.url is not None and plan.policy is not None
    pace = _Pace(plan.fps)
    with http.open(plan.url, plan.policy, silent_s=10.0) as stream:
        kind = stream.head.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/"):
            raise StreamLost(f"{plan.url.host}: expected an MJPEG stream (multipart/…), got {kind[:60] or 'no type'!r}")
        parts = PartStream(kind, max_part=MAX_PICTURE)
        patience = max(PICTURE_S, 3 / plan.fps)
        until = time.monotonic() + patience
        for chunk in stream:
            if stop.is_set():
                return
            if time.monotonic() > until:
                raise StreamLost(f"{plan.url.host}: no readable picture within {patience:g} s")
            try:
                # Of several pictures in one chunk the newest is worth decoding.
                pictures = [part.data for part in parts.feed(chunk) if part.is_jpeg]
            except MalformedPayload as error:
                raise StreamLost(f"{plan.url.host}: {error}") from None
            if pictures and pace.due():
                try:
                    image = decode(pictures[-1])
                except MalformedPayload:
                    continue  # one damaged picture is no lost camera
                yield image
                until = time.monotonic() + patience


def _snapshot(plan: StreamPlan, http: HttpLoop, stop: threading.Event) -> Iterator[Any]:
    assert plan.url is not None and plan.policy is not None
    while not stop.is_set():
        begun = time.monotonic()
        _, data = http.fetch(plan.url, plan.policy, timeout_s=8.0, max_bytes=MAX_PICTURE)
        try:
            yield decode(data)
        except MalformedPayload as error:
            raise StreamLost(f"{plan.url.host}: {error}") from None
        stop.wait(max(0.0, 1.0 / plan.fps - (time.monotonic() - begun)))


_READERS: dict[str, Callable[[StreamPlan, HttpLoop, threading.Event], Iterator[Any]]] = {
    "rtsp": _video, "mjpeg": _mjpeg, "snapshot": _snapshot, "file": _file,
}  # fmt: skip
