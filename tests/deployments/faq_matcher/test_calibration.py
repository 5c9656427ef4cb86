import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.faq_matcher.calibration import (
    DEFAULT_THRESHOLD,
    LEAST_QUESTIONS,
    SHARE_WITHOUT_MATCH,
    START_BY_MEANING,
    START_BY_WORDS,
    Calibration,
    HeldOut,
    calibrate,
)
from deployments.faq_matcher.evidence import Weights

CANDIDATES = 30


def generated(questions, weights, seed=0):
    """Evidence of normal distribution, for which the softmax with these weights is the true probability.

    With means `weight / 100` for the right original and 0 for the others and a standard deviation of 0.1, the logarithm
    of the likelihood ratio is linear in the evidence, with these weights (linear discriminant analysis).
    """
    random = np.random.default_rng(seed)
    evidence = random.normal(0, 0.1, (questions, CANDIDATES, len(weights)))
    evidence[:, 0] += np.array(weights) * 0.01
    none = sum(weight * weight * 0.01 / 2 for weight in weights)
    none += np.log(SHARE_WITHOUT_MATCH * CANDIDATES / (1 - SHARE_WITHOUT_MATCH))
    return HeldOut(evidence, np.ones((questions, CANDIDATES), np.bool_)), none


def kinds(calibration):
    weights = calibration.weights
    return [weights.words, weights.meaning, weights.nearest]


def test_finds_the_weight_that_made_the_data():
    held_out, none = generated(3000, [35.0])
    found = calibrate(held_out, START_BY_WORDS, 0.9)
    assert kinds(found) == pytest.approx([35, 0, 0], rel=0.1)
    assert found.none == pytest.approx(none, rel=0.1)


def test_finds_the_weights_of_several_kinds():
    held_out, none = generated(3000, [10.0, 24.0, 12.0])
    found = calibrate(held_out, START_BY_MEANING, 0.9)
    assert kinds(found) == pytest.approx([10, 24, 12], rel=0.15)
    assert found.none == pytest.approx(none, rel=0.15)


def test_probabilities_are_those_of_the_data():
    learnt, _ = generated(2000, [25.0])
    calibration = calibrate(learnt, START_BY_WORDS, 0.9)
    asked, _ = generated(4000, [25.0], seed=1)
    logits = (asked.evidence @ np.array([calibration.weights.words])).astype(np.float32)
    probabilities = np.stack([calibration.probabilities(row) for row in logits])
    best, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == 0
    stranger = logits = (asked.evidence[:, 1:] @ np.array([calibration.weights.words])).astype(np.float32)
    stranger = np.stack([calibration.probabilities(row) for row in logits]).max(axis=1)
    for low, high in [(0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01)]:
        taken, wrong = (best >= low) & (best < high), (stranger >= low) & (stranger < high)
        share = (1 - SHARE_WITHOUT_MATCH) * np.array([taken.sum(), (taken & right).sum()])
        precision = share[1] / (share[0] + SHARE_WITHOUT_MATCH * wrong.sum())
        mean = (best[taken].sum() * 0.8 + stranger[wrong].sum() * 0.2) / (taken.sum() * 0.8 + wrong.sum() * 0.2)
        assert precision == pytest.approx(mean, abs=0.06)


def test_few_questions_move_weights_little():
    held_out, _ = generated(3, [60.0])
    found = calibrate(held_out, START_BY_WORDS, 0.9)
    assert 15 < found.weights.words < 40
    assert found.threshold == DEFAULT_THRESHOLD


@pytest.mark.parametrize("start", [START_BY_WORDS, START_BY_MEANING])
def test_without_questions_nothing_moves(start):
    kinds_there = 1 if start is START_BY_WORDS else 3
    held_out = HeldOut(np.zeros((0, 1, kinds_there)), np.zeros((0, 1), np.bool_))
    assert calibrate(held_out, start, 0.9) == start


@pytest.mark.parametrize("questions", [1, LEAST_QUESTIONS, 200])
def test_a_single_candidate_is_no_error(questions):
    held_out = HeldOut(np.full((questions, 1, 1), 0.6), np.ones((questions, 1), np.bool_))
    found = calibrate(held_out, START_BY_WORDS, 0.7)
    assert np.isfinite([*kinds(found), found.none, found.threshold]).all()
    assert found.probabilities(np.array([found.weights.words * 0.6], np.float32))[0] > 0.5


def test_candidates_that_do_not_exist_do_not_count():
    held_out, _ = generated(100, [25.0])
    padded = HeldOut(
        np.concatenate([held_out.evidence, np.full((100, 7, 1), 9.0)], axis=1),
        np.concatenate([held_out.exists, np.zeros((100, 7), np.bool_)], axis=1),
    )
    expected, found = (calibrate(each, START_BY_WORDS, 0.9) for each in (held_out, padded))
    assert kinds(found) == pytest.approx(kinds(expected), rel=1e-4)
    assert (found.none, found.threshold) == pytest.approx((expected.none, expected.threshold), rel=1e-4)


def accepted(held_out, calibration):
    """Of each question, as it is and without its original: the best probability, whether it is right, its share."""
    logits = held_out.evidence @ np.array(kinds(calibration))[: held_out.evidence.shape[2]]
    rows = []
    for own in logits:
        for share, left in ((1 - SHARE_WITHOUT_MATCH, own), (SHARE_WITHOUT_MATCH, own[1:])):
            odds = np.exp(left - calibration.none)
            right = left is own and own[0] > own[1:].max(initial=-np.inf)
            rows.append((odds.max(initial=0) / (1 + odds.sum()), right, share))
    return np.array(rows).T


def precision_at(threshold, probability, right, share):
    """Share of right ones among matches, and how many matches there are."""
    matches = share * (probability >= threshold - 1e-9)
    return (matches * right).sum() / max(matches.sum(), 1e-9), matches.sum()


# Rounded evidence, so that many questions share a probability.
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.6, 0.8, 0.95]), st.sampled_from([1, 6]))
@settings(max_examples=40)
def test_the_threshold_gives_the_precision_wanted_on_its_own_data(seed, wanted, decimals):
    random = np.random.default_rng(seed)
    evidence = np.round(random.uniform(0, 0.7, (60, 4, 1)), decimals)
    evidence[:, 0] += 0.1
    held_out = HeldOut(evidence, np.ones((60, 4), np.bool_))
    found = calibrate(held_out, START_BY_WORDS, wanted)
    judged = accepted(held_out, found)
    precision, matches = precision_at(found.threshold, *judged)
    others = [precision_at(each, *judged) for each in np.linspace(0, 1, 201)]
    assert matches > 1 - 1e-9
    if precision < wanted - 1e-9:
        # None is precise enough, and this is the most precise one.
        assert all(each <= precision + 1e-9 for each, count in others if count > 1 + 1e-9)
    else:
        assert all(each < wanted + 1e-9 for each, count in others if count > matches + 1e-9)


# Probabilities

logits_strategy = st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=30)


@given(logits_strategy, st.floats(-1e30, 1e30))
def test_probabilities_are_numbers_that_sum_to_one_with_none(drawn, none):
    probabilities = Calibration(Weights(1.0), none).probabilities(np.array(drawn, np.float32))
    assert probabilities.dtype == np.float32
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    assert probabilities.sum() <= 1 + 1e-5


@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=30), st.floats(-30, 30))
def test_probabilities_are_a_softmax_over_originals_and_none(drawn, none):
    probabilities = Calibration(Weights(1.0), none).probabilities(np.array(drawn, np.float32))
    odds = np.exp(np.array([*drawn, none], np.float64))
    np.testing.assert_allclose(probabilities, (odds / odds.sum())[:-1], rtol=1e-3, atol=1e-6)


def test_logits_of_which_none_is_near_give_nothing():
    assert Calibration(Weights(1.0), 500.0).probabilities(np.array([0.0, -1e30], np.float32)).tolist() == [0, 0]
    assert Calibration(Weights(1.0), -500.0).probabilities(np.array([3.0], np.float32)).tolist() == [1]
