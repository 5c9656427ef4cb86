import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deployments.errors import StartupError
from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evaluation.judging import judge


def test_ranks_the_right_original(judgements):
    assert judgements.truth.tolist() == [0, 0, 1, 1, 2, -1, -1]
    assert judgements.ranks.tolist() == [1, 1, 2, 1, 3, 0, 0]
    assert judgements.right.tolist() == [True, True, False, True, False, False, False]


def test_equal_probabilities_lead_in_the_order_of_the_originals(judgements):
    assert judgements.leaders.tolist() == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [1, 0, 2], [0, 1, 2], [2, 0, 1], [1, 2, 0]]
    assert judgements.probabilities[4].tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_a_probability_of_the_threshold_matches(judgements):
    assert judgements.confidences.tolist() == pytest.approx([0.9, 0.6, 0.5, 0.2, 0.4, 0.2, 0.8])
    assert judgements.matched.tolist() == [True, True, True, False, True, False, True]


def test_asks_in_batches_and_tells_how_far_it_is(matcher, questions, strangers, judgements):
    told = []
    again = judge(matcher, questions, strangers, batch=3, progress=lambda *step: told.append(step))
    assert matcher.batches[-3:] == [3, 3, 1]
    assert told == [("Asking questions", done, 7) for done in (3, 6, 7)]
    for name in ("truth", "ranks", "leaders", "probabilities"):
        assert np.array_equal(getattr(again, name), getattr(judgements, name))


def test_keeps_the_five_best_of_many(make_matcher):
    originals = [Original(place, place, "?") for place in range(9)]
    odds = [0.01, 0.1, 0.1, 0.3, 0.1, 0.05, 0.1, 0.1, 0.0]
    judged = judge(make_matcher({"?": odds}, originals), [Duplicate(1, 7, "?")])
    assert judged.leaders.tolist() == [[3, 1, 2, 4, 6]]
    assert judged.ranks.tolist() == [6]


@given(
    arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.sampled_from([0, 0.125, 0.25, 1])),
    st.integers(1, 9),
)
def test_ranks_and_leaders_are_those_of_a_stable_sort(odds, batch):
    class Matcher:
        originals = tuple(Original(place, place, "?") for place in range(odds.shape[1]))
        threshold = 0.5

        def match(self, texts):
            return odds[[int(text) for text in texts]]

    questions = [Duplicate(row, row % odds.shape[1], str(row)) for row in range(len(odds))]
    judged = judge(Matcher(), questions, batch=batch)
    order = np.argsort(-odds, axis=1, kind="stable")
    assert judged.leaders.tolist() == order[:, :5].tolist()
    expected = [1 + order[row].tolist().index(row % odds.shape[1]) for row in range(len(odds))]
    assert judged.ranks.tolist() == expected


def test_refuses_to_measure_nothing(matcher):
    with pytest.raises(StartupError, match="no question"):
        judge(matcher, [], ["stranger, refused"])


def test_refuses_a_question_without_an_original(matcher):
    with pytest.raises(StartupError, match="Question 9 has the AnswerId 999, which no original"):
        judge(matcher, [Duplicate(9, 999, "how to start")])


def test_refuses_a_question_of_two_originals(make_matcher):
    matcher = make_matcher(originals=(Original(1, 101, "a"), Original(2, 101, "b"), Original(3, 301, "c")))
    with pytest.raises(StartupError, match="AnswerId 101, which 2 original"):
        judge(matcher, [Duplicate(9, 101, "how to start")])


def test_refuses_what_is_no_number(make_matcher, questions):
    matcher = make_matcher({question.text: [float("nan"), 0.1, 0.2] for question in questions})
    with pytest.raises(StartupError, match="no numbers"):
        judge(matcher, questions)
