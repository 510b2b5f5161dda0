"""Confidence scales: decided by the vendor's field, never by the value (1 may be 1 % or 100 %)."""

from __future__ import annotations

import math
from typing import Any


def percent(value: Any, *, scale: float = 100.0) -> float | None:
    """Return 0..100, or None for missing, "-", empty or not a number.

    scale  the field's full value: 100 for percent, 1 for fractions, 999 for Tattile's OCRSCORE.
    Out of range is clamped (Dahua sends 160). Missing never becomes 0.
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return round(min(100.0, max(0.0, number * 100.0 / scale)), 4)
