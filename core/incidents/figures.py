"""Rates with their uncertainty: 95 % intervals for shares (Wilson) and for counts over time (exact Poisson)."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

Z = 1.959963984540054
TAIL = 0.025


class Share(msgspec.Struct, frozen=True):
    """`hits` of `n`, with the interval that the true share lies in; value is None when n is 0."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share, 0..1."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval; the whole of 0..1 when n is 0."""
        if not self.n:
            return 0.0, 1.0
        p, n, z2 = self.hits / self.n, self.n, Z * Z
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        shown = "-" if self.value is None else f"{self.value:.2f}"
        return f"{shown} ({self.hits}/{self.n}, 95 % {low:.2f} to {high:.2f})"


class Rate(msgspec.Struct, frozen=True):
    """`count` events in `hours`."""

    count: int
    hours: float

    @property
    def value(self) -> float | None:
        """Events an hour; None when nothing was watched."""
        return self.count / self.hours if self.hours > 0 else None

    @property
    def interval(self) -> tuple[float, float]:
        """The exact interval of a Poisson count, an hour; 0 to infinity when nothing was watched."""
        if self.hours <= 0:
            return 0.0, math.inf
        k = self.count
        low = 0.0 if k == 0 else _solve(lambda mean: 1 - _at_most(k - 1, mean), TAIL, k)
        high = _solve(lambda mean: 1 - _at_most(k, mean), 1 - TAIL, k)
        return low / self.hours, high / self.hours

    def __str__(self) -> str:
        low, high = self.interval
        shown = "-" if self.value is None else f"{self.value:.2f}"
        return f"{shown} an hour ({self.count} in {self.hours:.2f} h, 95 % {low:.2f} to {high:.2f})"


def _at_most(k: int, mean: float) -> float:
    """P(X <= k) of a Poisson variable."""
    if mean <= 0:
        return 1.0
    return min(1.0, math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1)))


def _solve(rising: Callable[[float], float], target: float, k: int) -> float:
    """The mean at which a rising function reaches the target, by bisection."""
    low, high = 0.0, 10.0 + k + 10.0 * math.sqrt(k + 1)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2
