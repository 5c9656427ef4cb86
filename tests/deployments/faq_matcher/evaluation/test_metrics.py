import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.evaluation.judging import judge
from deployments.faq_matcher.evaluation.metrics import measure, wilson_interval


def test_every_metric_by_hand(judgements):
    metrics = measure(judgements)
    assert (metrics.questions, metrics.strangers) == (5, 2)
    assert metrics.accuracy_at == {1: 0.6, 2: 0.8, 3: 1.0, 10: 1.0}
    assert metrics.mean_rank == pytest.approx((1 + 1 + 2 + 1 + 3) / 5)
    assert metrics.mean_reciprocal_rank == pytest.approx((1 + 1 + 1 / 2 + 1 + 1 / 3) / 5)
    # Matched are four questions, two of them rightly, and a stranger.
    assert metrics.coverage == pytest.approx(4 / 5)
    assert metrics.matched_precision == pytest.approx(2 / 5)
    assert metrics.matched_recall == pytest.approx(2 / 5)
    # Rejected are a question and a stranger.
    assert metrics.no_match_precision == pytest.approx(1 / 2)
    assert metrics.no_match_recall == pytest.approx(1 / 2)


def test_calibration_error_with_and_without_strangers(judgements):
    # Alone in their bins: 0.9 right, 0.6 right, 0.5 wrong, 0.4 wrong; 0.8 of a stranger; together two at 0.2.
    own = [0.1, 0.4, 0.5, 0.4]
    metrics = measure(judgements)
    assert metrics.expected_calibration_error == pytest.approx((sum(own) + 0.8 + 2 * abs(0.5 - 0.2)) / 7)
    assert metrics.expected_calibration_error_of_questions == pytest.approx((sum(own) + 0.8) / 5)


def test_without_strangers_no_match_is_not_measured(matcher, questions):
    metrics = measure(judge(matcher, questions))
    assert metrics.strangers == 0
    assert (metrics.no_match_precision, metrics.no_match_recall) == (None, None)
    assert metrics.matched_precision == pytest.approx(2 / 4)
    assert metrics.expected_calibration_error == metrics.expected_calibration_error_of_questions


def test_a_matcher_that_never_answers(make_matcher, questions, strangers):
    metrics = measure(judge(make_matcher(threshold=2.0), questions, strangers))
    assert (metrics.coverage, metrics.matched_precision, metrics.matched_recall) == (0, None, 0)
    assert metrics.no_match_precision == pytest.approx(2 / 7)
    assert metrics.no_match_recall == 1


def test_a_matcher_that_always_answers(make_matcher, questions, strangers):
    metrics = measure(judge(make_matcher(threshold=0.0), questions, strangers))
    assert (metrics.coverage, metrics.no_match_precision, metrics.no_match_recall) == (1, None, 0)
    assert metrics.matched_precision == pytest.approx(3 / 7)


def test_wilson_interval_equals_published_figures():
    # Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_interval_holds_what_was_observed(counted):
    successes, trials = counted
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert low < high
