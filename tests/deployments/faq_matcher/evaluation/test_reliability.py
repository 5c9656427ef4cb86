import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.evaluation.reliability import calibration_bins, expected_calibration_error


def error(confidences, right, bins=15):
    return expected_calibration_error(calibration_bins(np.array(confidences, np.float32), np.array(right), bins))


def test_by_hand():
    # (0, 0.5]: confidence 0.4, none right; (0.5, 1]: confidence 0.8, three in four right.
    confidences, right = [0.3, 0.5, 0.7, 0.8, 0.8, 0.9], [False, False, True, True, True, False]
    lower, upper = calibration_bins(np.array(confidences, np.float32), np.array(right), 2)
    assert (lower.count, upper.count) == (2, 4)
    assert (lower.confidence, lower.accuracy) == (pytest.approx(0.4), 0)
    assert (upper.confidence, upper.accuracy) == (pytest.approx(0.8), 0.75)
    assert error(confidences, right, 2) == pytest.approx(2 / 6 * 0.4 + 4 / 6 * 0.05)


def test_an_upper_bound_belongs_to_its_bin():
    bins = calibration_bins(np.array([0, 0.25, 0.5, 1], np.float32), np.array([False] * 4), 4)
    assert [each.count for each in bins] == [2, 1, 0, 1]
    assert bins[2].confidence is None
    assert bins[2].accuracy is None


def test_a_rounding_above_one_stays_in_the_last_bin():
    assert calibration_bins(np.array([1.0000001], np.float32), np.array([True]))[-1].count == 1


def test_is_small_where_probabilities_are_true():
    generator = np.random.default_rng(1)
    confidences = generator.uniform(size=20_000)
    assert error(confidences, generator.uniform(size=20_000) < confidences) < 0.02


def test_is_large_where_they_are_not():
    generator = np.random.default_rng(1)
    confidences = generator.uniform(size=20_000)
    assert error(confidences, generator.uniform(size=20_000) < confidences / 2) == pytest.approx(0.25, abs=0.02)
    assert error([1.0] * 4, [False] * 4) == 1


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1))
def test_lies_between_zero_and_one_and_bounds_the_mean_difference(asked):
    confidences, right = zip(*asked, strict=True)
    found = error(confidences, right)
    assert 0 <= found <= 1
    # Jensen, over the bins.
    assert found >= abs(np.mean(confidences, dtype=np.float64) - np.mean(right)) - 1e-9
