"""Medians and spreads."""

import pytest

from loadtest.spread import spread


def test_median_and_bounds():
    found = spread([3.0, 1.0, 2.0])
    assert (found.median, found.low, found.high) == (2.0, 1.0, 3.0)
    assert found.relative == 1.0
    assert found.text() == "2.0 (1.0-3.0)"


def test_one_round_shows_no_spread():
    assert spread([1234.5]).text(0) == "1,234"
    assert spread([0.0]).relative == 0


def test_nothing_cannot_be_summarized():
    with pytest.raises(ValueError, match="nothing"):
        spread([])
