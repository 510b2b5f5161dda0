"""Confidence scales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.confidence import percent

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())


@pytest.mark.parametrize(
    ("value", "scale", "expected"),
    [(92.5, 100, 92.5), ("88", 100, 88), (" 88 ", 100, 88), (0.5, 1, 50), ("0.725149", 1, 72.5149), (850, 999, 85.0851),
     (160, 100, 100), (-1, 100, 0), (0, 100, 0), (1, 100, 1), (1, 1, 100)],
)  # fmt: skip
def test_a_value_is_scaled_by_its_field(value, scale, expected):
    assert expected == percent(value, scale=scale)


@pytest.mark.parametrize(
    "value", [None, "", "-", "high", True, False, "nan", float("nan"), "inf", float("-inf"), [], {}]
)
def test_what_is_no_number_is_none_and_never_zero(value):
    assert percent(value) is None


@given(ANYTHING, st.sampled_from([1.0, 100.0, 999.0]))
def test_the_result_is_none_or_a_percentage(value, scale):
    result = percent(value, scale=scale)

    assert result is None or 0 <= result <= 100


@given(st.floats(0, 100), st.floats(0, 100))
def test_more_stays_more(one, other):
    low, high = sorted((one, other))

    assert percent(low) <= percent(high)
