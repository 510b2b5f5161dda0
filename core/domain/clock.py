"""Clock skew of a device: the median of its last 50 capture-minus-receive differences, and what to make of it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec

KEPT = 50
_QUARTER_S = 900.0
_ZONE_TOLERANCE_S = 60.0
_FARTHEST_ZONE_S = 26 * 3600.0

SkewState = Literal["unknown", "ok", "warn", "hold", "wrong_zone"]


class Skew(msgspec.Struct, frozen=True):
    """seconds > 0: the device's clock is ahead. `note` is for people; "" when there is nothing to say."""

    seconds: float | None
    state: SkewState
    note: str = ""


def judge_skew(samples: Sequence[float], *, warn_s: float, hold_s: float) -> Skew:
    """Judge a device's clock. Violations are held back in the states hold and wrong_zone.

    A median near a whole number of quarter hours is named for what it is: a wrong time zone.
    """
    if not samples:
        return Skew(None, "unknown")
    middle = float(median(samples))
    size = abs(middle)
    if size < warn_s:
        return Skew(middle, "ok")
    if size < hold_s:
        return Skew(middle, "warn", f"the clock is {size:.1f} s {'ahead' if middle > 0 else 'behind'}")
    quarters = round(middle / _QUARTER_S)
    if quarters and size <= _FARTHEST_ZONE_S and abs(middle - quarters * _QUARTER_S) <= _ZONE_TOLERANCE_S:
        hours, minutes = divmod(abs(quarters) * 15, 60)
        sign = "+" if quarters > 0 else "-"
        return Skew(middle, "wrong_zone", f"wrong time zone: the clock is off by {sign}{hours}:{minutes:02d}")
    return Skew(middle, "hold", f"the clock is {_span(size)} {'ahead' if middle > 0 else 'behind'}")


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"
