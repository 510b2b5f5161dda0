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
        number = value if type(value) is float else float(str(value).strip())
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return round(min(100.0, max(0.0, number * 100.0 / scale)), 4)


def percent_of_fraction(value: Any) -> float | None:
    """Percent of a field that is documented as 0..1; None for missing or not a number.

    What lies clearly above 1 can be no fraction and is taken for percent: clamping would make certainty of it.
    """
    number = percent(value)
    return number if number is None or number > 1.5 else percent(value, scale=1)
