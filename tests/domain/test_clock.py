"""What the house makes of a device's clock (REQUIREMENTS I10)."""

import pytest

from core.domain.clock import judge_skew


def judged(*samples):
    return judge_skew(samples, warn_s=2, hold_s=10)


@pytest.mark.parametrize(
    ("skew", "state"),
    [(0, "ok"), (1.9, "ok"), (-1.9, "ok"), (2, "warn"), (-9.9, "warn"), (10, "hold"), (-400, "hold"),
     (3600, "wrong_zone"), (-3600 - 2, "wrong_zone"), (5.5 * 3600, "wrong_zone"), (3600 + 120, "hold"),
     (8 * 365 * 86400, "hold")],
)  # fmt: skip
def test_a_skew_is_named(skew, state):
    assert state == judged(skew).state


def test_no_sample_is_no_opinion():
    assert "unknown" == judged().state


def test_one_late_post_among_many_does_not_hold_violations():
    assert "ok" == judged(*[-0.8] * 30, -3600.0).state


def test_a_wrong_zone_says_by_how_much():
    assert "wrong time zone: the clock is off by +1:00" == judged(3601).note
    assert "wrong time zone: the clock is off by -5:30" == judged(-19800).note
