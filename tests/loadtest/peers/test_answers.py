"""Answers of all servers, read alike and compared."""

import json

import pytest

from loadtest.errors import BenchmarkError
from loadtest.peers import answers

ROWS = [[1, 101, 0.6], [7, 701, 0.3], [62, 6201, 0.05]]
RANKED = [("1", 0.6), ("7", 0.3), ("62", 0.05)]
CLASSES = [["n02127052 lynx, catamount", 0.9], ["n02123045 tabby", 0.05], ["n02124075 Egyptian cat", 0.01]]


@pytest.mark.parametrize(
    "content",
    [
        {"result": ROWS},
        [ROWS],
        {"outputs": [{"name": "result", "data": [json.dumps({"result": ROWS})]}]},
        {"result": [ROWS, "Computed in 1.2 ms"], "matched": True},
    ],
    ids=["peer", "bentoml-joined", "open-inference-protocol", "ours"],
)
def test_every_form_of_an_faq_answer_is_read(content):
    assert answers.ranked(content) == RANKED


@pytest.mark.parametrize("content", [{"result": CLASSES}, {"result": [{"image": CLASSES}, "Computed in 20 ms"]}])
def test_both_forms_of_an_image_answer_are_read(content):
    assert answers.ranked(content) == [(label, probability) for label, probability in CLASSES]


@pytest.mark.parametrize(
    "content", [{}, {"result": []}, {"result": 3}, [], "no", {"outputs": []}, {"result": [[1, "x"]]}]
)
def test_what_is_no_answer_is_refused(content):
    with pytest.raises(BenchmarkError, match="another form"):
        answers.ranked(content)


def test_equal_answers_pass():
    answers.check_same([RANKED], [[("1", 0.6005), ("7", 0.2995), ("62", 0.05)]], "LitServe")


@pytest.mark.parametrize(
    "found",
    [
        [("1", 0.602), ("7", 0.3), ("62", 0.05)],
        [("7", 0.6), ("1", 0.3), ("62", 0.05)],
        [("1", 0.6), ("8", 0.3), ("62", 0.05)],
        RANKED[:2],
    ],
    ids=["probability", "order", "another original", "fewer"],
)
def test_another_answer_is_refused(found):
    with pytest.raises(BenchmarkError, match="LitServe answers body 1 with"):
        answers.check_same([RANKED, found], [RANKED, RANKED], "LitServe")


def test_equal_probabilities_may_change_places():
    expected = [("a", 0.4), ("b", 0.2), ("c", 0.2)]
    assert answers.same([("a", 0.4), ("c", 0.2), ("b", 0.2)], expected)
    # A fourth one that ties with the third.
    assert answers.same([("a", 0.4), ("b", 0.2), ("d", 0.2)], expected)
    assert not answers.same([("d", 0.4), ("b", 0.2), ("c", 0.2)], expected)


def test_small_probabilities_are_compared_by_their_size():
    # A network of random weights: within 0.001 of each other, everything would be equal.
    assert not answers.same([("a", 0.0060), ("b", 0.0055)], [("b", 0.0069), ("a", 0.0060)])


def test_two_models_of_one_faq_must_mostly_agree():
    other = [("9", 0.9), *RANKED[1:]]
    assert answers.check_agreement([RANKED, RANKED, RANKED, other], [RANKED] * 4) == 0.75
    with pytest.raises(BenchmarkError, match="50% of the questions only"):
        answers.check_agreement([RANKED, other], [RANKED] * 2)
