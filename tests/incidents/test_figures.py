"""Intervals against published values."""

import math

import pytest

from core.incidents.figures import Rate, Share


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I: Wilson's score interval without continuity correction
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval(hits, n, low, high):
    assert (low, high) == pytest.approx(Share(hits, n).interval, abs=6e-5)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood's exact limits as tabulated in textbooks (95 %)
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.36, 121.63)],
)
def test_poissons_exact_interval(count, low, high):
    assert (low, high) == pytest.approx(Rate(count, 1.0).interval, abs=6e-3)


def test_a_rate_is_told_for_an_hour():
    low, high = Rate(10, 2.0).interval
    assert (2.40, 9.20) == pytest.approx((low, high), abs=0.01)
    assert "5.00 an hour (10 in 2.00 h, 95 % 2.40 to 9.20)" == str(Rate(10, 2.0))


def test_nothing_seen_is_no_figure():
    assert (None, (0.0, 1.0)) == (Share(0, 0).value, Share(0, 0).interval)
    assert (None, (0.0, math.inf)) == (Rate(0, 0.0).value, Rate(0, 0.0).interval)
    assert "- (0/0, 95 % 0.00 to 1.00)" == str(Share(0, 0))


def test_what_is_shown_names_n():
    assert "0.75 (3/4, 95 % 0.30 to 0.95)" == str(Share(3, 4))


@pytest.mark.parametrize("n", [1, 7, 400])
def test_the_interval_holds_the_value(n):
    for hits in range(n + 1):
        low, high = Share(hits, n).interval
        assert -1e-12 <= low <= hits / n + 1e-12
        assert hits / n - 1e-12 <= high <= 1 + 1e-12
