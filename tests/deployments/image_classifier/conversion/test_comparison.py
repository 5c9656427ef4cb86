import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.conversion.comparison import TOLERANCES, Comparison, Tolerance, compare, objection

EXPECTED = np.array([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1], [0.2, 0.8]], np.float32)


def test_the_same_answers_agree():
    comparison = compare(EXPECTED, EXPECTED, np.array([0, 1, 1, -1]))
    assert comparison == Comparison(4, 1.0, 0.0, (pytest.approx(2 / 3), pytest.approx(2 / 3)))
    assert objection(comparison, TOLERANCES["fp32"]) is None


def test_other_answers_are_counted():
    found = EXPECTED.copy()
    found[0] = [0.45, 0.55]
    comparison = compare(found, EXPECTED, np.array([0, 1, 0, 1]))
    assert comparison.agreement == 0.75
    assert comparison.difference == pytest.approx(0.25)
    assert comparison.accuracy == (0.75, 1.0)


def test_without_labels_there_is_no_accuracy():
    assert compare(EXPECTED, EXPECTED).accuracy is None
    assert compare(EXPECTED, EXPECTED, np.full(4, -1)).accuracy is None


def test_what_is_no_number_is_beyond_any_tolerance():
    comparison = compare(np.full_like(EXPECTED, np.nan), EXPECTED)
    assert "differs by nan" in objection(comparison, Tolerance(0, 1))


def test_an_objection_names_what_is_beyond_the_tolerance():
    comparison = Comparison(100, 0.875, 0.3)
    assert objection(comparison, Tolerance(0.9, 0.5)) == (
        "the most probable class is the same on 87.5% of 100 images, less than 90.0%"
    )
    assert objection(comparison, Tolerance(0.9, 0.25)) == "a probability differs by 0.3, more than 0.25"
    assert objection(comparison, Tolerance(0.9, 0.5), judge_agreement=False) is None


@given(agreement=st.floats(0, 1), difference=st.floats(0, 1), least=st.floats(0, 1), most=st.floats(0, 1))
def test_there_is_an_objection_where_anything_is_beyond(agreement, difference, least, most):
    found = objection(Comparison(10, agreement, difference), Tolerance(least, most))
    assert (found is None) == (agreement >= least and difference <= most)
