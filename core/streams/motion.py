"""The motion gate: is this frame worth the model's time? A cheap difference at low resolution."""

from __future__ import annotations

from typing import Any

WIDTH = 320


class MotionGate:
    """One camera's gate. Costs about 0.25 ms for a 1080p frame (benchmarks/README.md).

    pixel_step    grey levels (0..255) by which a pixel must differ to count as changed
    share         of changed pixels from which a frame counts as moving
    forced_s      a look every so many seconds even without motion: a person who stands still with a knife moves nothing
    """

    def __init__(self, *, pixel_step: int = 18, share: float = 0.002, forced_s: float = 5.0) -> None:
        self._pixel_step = pixel_step
        self._share = share
        self._forced_s = forced_s
        self._last: Any = None
        self._looked_at = float("-inf")

    def passes(self, image: Any, now_s: float) -> bool:
        """Whether to look at this frame (BGR, uint8); now_s is a monotonic clock. The first frame always passes."""
        import cv2

        height = max(1, round(image.shape[0] * WIDTH / image.shape[1]))
        small = cv2.cvtColor(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_NEAREST), cv2.COLOR_BGR2GRAY)
        before, self._last = self._last, small
        moved = before is None or before.shape != small.shape
        if not moved:
            changed = cv2.countNonZero(cv2.inRange(cv2.absdiff(before, small), self._pixel_step, 255))
            moved = changed >= self._share * small.size
        if moved or now_s - self._looked_at >= self._forced_s:
            self._looked_at = now_s
            return True
        return False
