"""Slows programs down that post too often: so many requests a window for each key, in this process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

_KEYS = 10_000


class Brake:
    """Thread-safe. The oldest keys are forgotten beyond a few thousand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, number: int, window_s: float) -> float:
        """Count a request; 0 when it may go on, else the seconds until the next one may (then it is not counted)."""
        now = time.monotonic()
        with self._lock:
            times = self._seen.setdefault(key, deque())
            self._seen.move_to_end(key)
            if len(self._seen) > _KEYS:
                self._seen.popitem(last=False)
            while times and times[0] <= now - window_s:
                times.popleft()
            if len(times) >= number:
                return times[0] + window_s - now
            times.append(now)
            return 0.0
