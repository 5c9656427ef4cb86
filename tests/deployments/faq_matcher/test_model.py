import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.contracts import Matches, Question
from deployments.errors import InvalidInput, InvalidText, ScoringError
from deployments.faq_matcher.model import FaqModel, best_first
from deployments.faq_matcher.training import fit

any_text = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cs", "Mn", "So", "Cc", "L"]), max_size=20),
    st.sampled_from(["How do I delete my account?", "KENNWORT ÄNDERN", "delete " * 50, "zzz" * 500]),
)


def test_ranks_every_original_best_first(model):
    (matches,) = model.score([Question("delete account")])
    assert matches.ids[0] == 1
    assert matches.answer_ids[0] == 101
    assert sorted(matches.ids) == [1, 2, 3, 4]
    assert all(type(value) is float for value in matches.probabilities)
    assert all(type(value) is int for value in matches.ids + matches.answer_ids)


def test_top_k_of_the_question_goes_before_the_default(learned):
    model = FaqModel(learned, default_top_k=2)
    answered = model.score([Question("account"), Question("account", 1), Question("account", 99)])
    assert [len(matches.ids) for matches in answered] == [2, 1, 4]


def test_a_question_that_cannot_be_scored_leaves_the_others_alone(learned):
    model = FaqModel(learned, max_text_length=30)
    questions = [
        Question(""),
        Question("delete account"),
        Question(" \n\t"),
        Question("?!"),
        Question("x" * 31),
        Question("images", 0),
        Question("image formats"),
    ]
    answered = model.score(questions)
    kinds = [InvalidText, Matches, InvalidText, InvalidText, InvalidText, InvalidInput, Matches]
    assert [type(answer) for answer in answered] == kinds
    assert answered[1].ids[0] == 1
    assert answered[6].ids[0] == 3
    assert answered[4].message == "The question has 31 characters; at most 30 are allowed."


def test_errors_travel_between_processes(model):
    (error,) = model.score([Question("")])
    assert pickle.loads(pickle.dumps(error)).message == "The question is empty."  # noqa: S301


def test_unknown_words_are_answered_without_preference(model):
    (matches,) = model.score([Question("qqqq zzzz")])
    assert max(matches.probabilities) < 0.6


def test_no_questions_give_no_answers(model):
    assert model.score([]) == []
    assert model.match([]).shape == (0, 4)


def test_a_text_of_a_megabyte_is_scored_where_it_is_allowed(learned):
    model = FaqModel(learned, max_text_length=2_000_000)
    answered = model.score([Question("delete account " * 70_000), Question("z" * 1_000_000)])
    assert answered[0].ids[0] == 1
    assert math.isclose(sum(answered[1].probabilities), 1, abs_tol=1e-5)


@given(st.lists(st.tuples(any_text, st.none() | st.integers(-1, 6)), max_size=5))
def test_any_text_is_ranked_or_refused(model, asked):
    answered = model.score([Question(text, top_k) for text, top_k in asked])
    assert len(answered) == len(asked)
    for (_, top_k), answer in zip(asked, answered, strict=True):
        if isinstance(answer, ScoringError):
            continue
        expected = 4 if top_k is None else min(top_k, 4)
        assert len(answer.ids) == len(answer.answer_ids) == len(answer.probabilities) == expected
        assert answer.probabilities == sorted(answer.probabilities, reverse=True)
        assert len(set(answer.ids)) == expected
        assert expected < 4 or math.isclose(sum(answer.probabilities), 1, abs_tol=1e-5)


@pytest.fixture(scope="module")
def pipeline(faq):
    return fit(faq)


@given(st.lists(any_text, min_size=1, max_size=5))
def test_probabilities_equal_the_pipeline(model, pipeline, texts):
    np.testing.assert_allclose(model.match(texts), pipeline.predict_proba(texts), atol=1e-5)


@given(st.lists(any_text, min_size=1, max_size=5))
def test_a_text_is_answered_alike_alone_and_in_company(model, texts):
    alone = np.concatenate([model.match([text]) for text in texts])
    np.testing.assert_allclose(model.match(texts), alone, atol=1e-6)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.none() | st.integers(1, 250))
def test_best_first_is_stable_however_it_selects(numbers, top_k):
    expected = sorted(range(len(numbers)), key=lambda place: -numbers[place])[:top_k]
    assert best_first(np.array(numbers, np.float32), top_k).tolist() == expected


def test_describes_itself(model):
    description = model.describe()
    assert (description.platform, description.weights, description.preset) == ("sklearn", "trained", None)
    assert [(tensor.name, tensor.datatype) for tensor in description.outputs] == [
        ("ids", "INT64"),
        ("answer_ids", "INT64"),
        ("probabilities", "FP32"),
    ]
    assert description.parameters["originals"] == 4
    assert description.parameters["duplicates"] == 3
    assert description.parameters["vocabulary"] == len(model.learned.vocabulary)
