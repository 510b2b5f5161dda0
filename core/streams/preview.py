"""Live preview: the detect process lays down small JPEGs in Redis for the cameras that somebody is watching.

No second connection to the camera, and none at all for a browser: who may see a camera asks our API, which says
"wanted" for a few seconds and hands on what it finds. A still is kept for every camera, renewed once in STILL_S.
"""

from __future__ import annotations

import time
from typing import Any

import redis

WANTED_S = 10
KEPT_S = 60
STILL_S = 10.0
LIVE_FPS = 5.0
WIDTH = 640


def _keys(device_id: int) -> tuple[str, str]:
    return f"tangkapin:preview:wanted:{device_id}", f"tangkapin:preview:frame:{device_id}"


class PreviewWriter:
    """The detect process's side. A Redis that is away costs pictures, never a frame's detection."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._next: dict[int, float] = {}
        self._still_due: dict[int, float] = {}
        self._wanted: dict[int, tuple[float, bool]] = {}

    def show(self, device_id: int, image: Any) -> None:
        """Lay down a frame (BGR) if it is due."""
        now = time.monotonic()
        if now < self._next.get(device_id, 0.0):
            return
        try:
            wanted = self._is_wanted(device_id, now)
            self._next[device_id] = now + (1 / LIVE_FPS if wanted else 1.0)
            if wanted or now >= self._still_due.get(device_id, 0.0):
                self._redis.set(_keys(device_id)[1], small_jpeg(image), ex=KEPT_S)
                self._still_due[device_id] = now + STILL_S
        except redis.RedisError:
            self._next[device_id] = now + 5.0

    def _is_wanted(self, device_id: int, now: float) -> bool:
        asked_at, wanted = self._wanted.get(device_id, (float("-inf"), False))
        if now - asked_at > 1.0:
            wanted = bool(self._redis.exists(_keys(device_id)[0]))
            self._wanted[device_id] = (now, wanted)
        return wanted


class PreviewReader:
    """The API's side."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def want(self, device_id: int) -> None:
        """Somebody watches this camera: frames come live for the next WANTED_S seconds."""
        self._redis.set(_keys(device_id)[0], b"1", ex=WANTED_S)

    def newest(self, device_id: int) -> bytes | None:
        """The newest JPEG; None when no frame came within KEPT_S."""
        found = self._redis.get(_keys(device_id)[1])
        return bytes(found) if isinstance(found, bytes) else None


def small_jpeg(image: Any, *, width: int = WIDTH, quality: int = 75) -> bytes:
    """A JPEG of at most this width."""
    import cv2

    if image.shape[1] > width:
        size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])
