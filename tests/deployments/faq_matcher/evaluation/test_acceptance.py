import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.evaluation.acceptance import matched_curve, no_match_curve
from deployments.faq_matcher.evaluation.judging import Judgements, judge
from deployments.faq_matcher.evaluation.metrics import measure


def test_curve_of_answers(judgements):
    # Right are 0.9 and 0.6, and one of the two that share 0.2.
    assert [(p.threshold, p.precision, p.recall) for p in matched_curve(judgements)] == [
        pytest.approx(expected)
        for expected in [
            (0.9, 1, 1 / 5),
            (0.8, 1 / 2, 1 / 5),
            (0.6, 2 / 3, 2 / 5),
            (0.5, 2 / 4, 2 / 5),
            (0.4, 2 / 5, 2 / 5),
            (0.2, 3 / 7, 3 / 5),
        ]
    ]


def test_curve_of_no_match(judgements):
    # Strangers have 0.8, and one of the two that share 0.2.
    assert [(p.threshold, p.precision, p.recall) for p in no_match_curve(judgements)] == [
        pytest.approx(expected)
        for expected in [
            (0.4, 1 / 2, 1 / 2),
            (0.5, 1 / 3, 1 / 2),
            (0.6, 1 / 4, 1 / 2),
            (0.8, 1 / 5, 1 / 2),
            (0.9, 2 / 6, 1),
            (0.9, 2 / 7, 1),
        ]
    ]


def test_no_match_has_no_curve_without_strangers(matcher, questions):
    assert no_match_curve(judge(matcher, questions)) == ()


@st.composite
def some_judgements(draw):
    rows = draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.125, 0.25, 0.5, 0.75, 1.0])), min_size=1))
    ranks = np.array([1, *(rank for rank, _ in rows)])
    probabilities = np.array([[0.5], *([probability] for _, probability in rows)], np.float32)
    truth = np.where(ranks == 0, -1, 0)
    return Judgements(truth, ranks, np.zeros((len(ranks), 1), np.int64), probabilities, 0.5)


@given(some_judgements())
def test_each_point_is_what_a_model_of_that_threshold_gets(judgements):
    for point in matched_curve(judgements):
        metrics = measure(at(judgements, point.threshold))
        assert (point.precision, point.recall) == (metrics.matched_precision, metrics.matched_recall)
    for point in no_match_curve(judgements):
        metrics = measure(at(judgements, point.threshold))
        assert (point.precision, point.recall) == (metrics.no_match_precision, metrics.no_match_recall)


def at(judgements, threshold):
    return Judgements(judgements.truth, judgements.ranks, judgements.leaders, judgements.probabilities, threshold)


def test_many_thresholds_are_thinned_but_the_ends_stay():
    count = 5000
    probabilities = np.linspace(1, 0, count, dtype=np.float32)[:, None]
    ranks = np.ones(count, np.int64)
    curve = matched_curve(Judgements(ranks - 1, ranks, np.zeros((count, 1), np.int64), probabilities, 0.5))
    assert len(curve) == 400
    assert (curve[0].threshold, curve[-1].threshold, curve[-1].recall) == (1, 0, 1)
