"""The board between camera threads and the model: of each camera only its newest frame waits.

Under load a frame that nobody looked at in time is replaced, not queued: what the model sees is always now. How many
were replaced is counted for each camera.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Container

from core.domain.frames import Frame


class NewestFrames:
    """Thread-safe. Cameras are served in turn: the one whose frame has waited longest comes first."""

    def __init__(self) -> None:
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._skipped: Counter[int] = Counter()
        self._came = threading.Condition()

    def put(self, device_id: int, frame: Frame) -> None:
        """Lay down a camera's newest frame; one that still waits is replaced, in its place in the turn, and counted."""
        with self._came:
            if device_id in self._frames:
                self._skipped[device_id] += 1
            self._frames[device_id] = frame
            self._came.notify()

    def take_batch(self, max: int, timeout_s: float = 0.0, first: Container[int] = ()) -> list[Frame]:
        """Up to `max` frames of as many cameras; waits up to `timeout_s` for the first one. [] when none came.

        first  cameras that showed something: where they have a frame it goes with one other camera's at most, so that
               it need not wait for all of them
        """
        with self._came:
            if not self._frames and timeout_s > 0:
                self._came.wait(timeout_s)
            hot = [device_id for device_id in self._frames if device_id in first]
            calm = [device_id for device_id in self._frames if device_id not in first]
            taken = [*hot[: max - 1 if calm else max], *calm[:1]] if hot else calm[:max]
            return [self._frames.pop(device_id) for device_id in taken]

    def take_skipped(self) -> dict[int, int]:
        """Device id -> frames replaced since the last call."""
        with self._came:
            taken, self._skipped = self._skipped, Counter()
        return dict(taken)
