"""Medians, spreads and percentiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.spread import percentile, spread

numbers = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


def test_median_and_bounds():
    found = spread([3.0, 1.0, 2.0])
    assert (found.median, found.low, found.high) == (2.0, 1.0, 3.0)
    assert found.relative == 1.0
    assert found.text() == "2.0 (1.0-3.0)"


def test_one_round_shows_no_spread():
    assert spread([1234.5]).text(0) == "1,234"
    assert spread([0.0]).relative == 0


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_percentiles_by_nearest_rank(share, value):
    assert percentile(list(range(100, 0, -1)), share) == value


@given(numbers, st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_holds_its_share(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


@pytest.mark.parametrize("summarize", [spread, lambda values: percentile(values, 0.5)])
def test_nothing_cannot_be_summarized(summarize):
    with pytest.raises(ValueError, match="nothing"):
        summarize([])
