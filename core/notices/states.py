"""What becomes of a delivery: states, retries, fallback. Pure."""

from __future__ import annotations

import random
from enum import StrEnum

MAX_ATTEMPTS = 8
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
FALLBACK_S = 15.0
"""An urgent notice that nobody acknowledged for so long goes to the next channel too."""
CALM_FALLBACK_S = 60.0
"""The same for others."""


class State(StrEnum):
    """waiting: for the channels before it; accepted: the service took it; delivered: the device said so;
    undeliverable: not this way; dead: given up; superseded: not needed any more."""

    WAITING = "waiting"
    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    DEAD = "dead"
    SUPERSEDED = "superseded"


RETRIABLE = (State.DEAD, State.UNDELIVERABLE)
"""What a person may have sent again."""


def wait_s(attempts: int, asked_s: float | None = None, *, draw: float | None = None) -> float:
    """Seconds until the next attempt after `attempts` of them: doubling with full jitter, not before what was asked.

    draw  0..1 instead of chance, for tests
    """
    ceiling = min(MAX_WAIT_S, FIRST_WAIT_S * 2.0 ** max(0, attempts - 1))
    jittered = ceiling * (0.5 + 0.5 * (random.random() if draw is None else draw))  # noqa: S311 - no secret
    return max(jittered, min(asked_s or 0.0, 3600.0))


def positions(channels: list[str], used: set[str]) -> dict[str, int]:
    """channel -> order of fallback; those that were used before (a recall) go out together, before the others."""
    first = [channel for channel in channels if channel in used]
    found = dict.fromkeys(first, 0)
    for channel in channels:
        if channel not in found:
            found[channel] = max(found.values(), default=-1) + 1
    return found
