"""Python's garbage collector in processes that handle an event in microseconds."""

from __future__ import annotations

import gc


def rest_the_collector() -> None:
    """Leave what is loaded alone, and look for circles once in a batch: an event makes many objects, no circle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)
