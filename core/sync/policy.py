"""How a sink instance is delivered to: its Config's numbers, when to try again, when its breaker opens. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from core.hooks.plugin import SinkConfig

UNSURE_STATUS = frozenset({408, *range(500, 600)} - {501, 503, 505})
"""Answers after which the centre may have stored the violation all the same (a 500 after its commit, a gateway's 504).
503 and 429 mean by their definition that the request was not handled."""


class SinkPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A sink's SinkConfig and the hooks it implements. A Config without these fields gets the defaults."""

    idempotent: bool
    trust_errors: bool
    timeout_s: float
    in_flight: int
    retry_first_s: float
    retry_max_s: float
    settle_s: float
    breaker_failures: int
    breaker_wait_s: float
    breaker_max_s: float
    can_push: bool = False
    can_build: bool = True
    can_look_up: bool = False

    @property
    def lease_s(self) -> float:
        """Longest time an attempt may take: look-up and sending with their connect retries (one and a half times the
        time-out each), and room for the settling."""
        return 3 * self.timeout_s + 30

    def wait_s(self, failures: int, draw: Callable[[float, float], float] = random.uniform) -> float:
        """Wait before the next attempt after `failures` (1 or more) of them: full jitter over a doubling range."""
        longest = min(self.retry_max_s, self.retry_first_s * 2.0 ** min(failures, 40))
        return draw(self.retry_first_s, max(self.retry_first_s, longest))


_FIELDS = tuple(SinkConfig.__struct_fields__)
_DEFAULTS = SinkConfig()


def policy_of(config: Mapping[str, Any], hooks: tuple[str, ...]) -> SinkPolicy:
    """The policy of an instance, from its config as data and its hooks."""
    values = {name: config.get(name, getattr(_DEFAULTS, name)) for name in _FIELDS}
    return SinkPolicy(
        **values,
        can_push="push_sync" in hooks,
        can_build="build_sync" in hooks,
        can_look_up="build_look_up" in hooks,
    )


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """A row of sink_breakers. closed: send · open: wait until probe_at · half_open: one probe is on its way."""

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    last_error: str | None = None


def step_breaker(
    breaker: Breaker,
    policy: SinkPolicy,
    now: datetime,
    *,
    good: int,
    bad: int,
    error: str = "",
    asked_wait_s: float = 0.0,
) -> Breaker:
    """The breaker after a group of answers came in together.

    good  the centre is alive: accepted, refused, or a look-up answered
    bad   failures of the target: not reached, cut off, transient, nonsense; asked_wait_s is its longest Retry-After
    """
    if good:
        return Breaker()
    if not bad:
        return breaker
    failures = breaker.failures + bad
    if breaker.state == "closed" and failures < policy.breaker_failures:
        return Breaker(failures=failures, last_error=error)
    if breaker.state == "open":  # late answers of requests that left before it opened
        return Breaker(
            state="open", failures=failures, opened_at=breaker.opened_at, probe_at=breaker.probe_at, last_error=error
        )
    previous = 0.0
    if breaker.state == "half_open" and breaker.opened_at is not None:
        previous = (now - breaker.opened_at).total_seconds()
    wait = min(policy.breaker_max_s, max(policy.breaker_wait_s, previous))
    return Breaker(
        state="open",
        failures=failures,
        opened_at=breaker.opened_at or now,
        probe_at=now + timedelta(seconds=max(wait, asked_wait_s)),
        last_error=error,
    )
