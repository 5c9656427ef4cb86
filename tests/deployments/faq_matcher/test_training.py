import os
import statistics
import time
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from deployments.contracts import Question
from deployments.errors import StartupError
from deployments.faq_matcher.data import Duplicate, FaqData, Original, read_faq
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.training import fit, train

SHARED = Path(os.environ.get("SCORING_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")


@pytest.fixture(scope="module")
def shared():
    if not (SHARED / "faq").is_dir():
        pytest.skip(f"{SHARED}/faq is missing; set SCORING_TEST_DATA to the folder that holds it.")
    return SHARED / "faq"


@pytest.fixture(scope="module")
def halves(shared):
    data = read_faq(shared / "stackfaq_orig.tsv", shared / "stackfaq_dup.tsv", shared / "stackfaq_ans.tsv")
    wordings = {original.answer_id: [] for original in data.originals}
    for duplicate in data.duplicates:
        wordings[duplicate.answer_id].append(duplicate)
    learnt = tuple(duplicate for group in wordings.values() for duplicate in islice(group, 0, None, 2))
    asked = tuple(duplicate for group in wordings.values() for duplicate in islice(group, 1, None, 2))
    return FaqData(data.originals, learnt, data.answers), asked


@pytest.fixture(scope="module")
def stackfaq(halves):
    return FaqModel(train(halves[0]))


def test_same_data_gives_the_same_model(faq, learned):
    again = train(faq)
    assert again.vocabulary == learned.vocabulary
    assert np.array_equal(again.idf, learned.idf)
    assert np.array_equal(again.weights, learned.weights)
    assert np.array_equal(again.bias, learned.bias)


def test_an_original_is_found_by_its_own_text_and_by_its_duplicates(faq, model):
    index_of = {original.answer_id: index for index, original in enumerate(faq.originals)}
    wordings = [*faq.originals, *faq.duplicates]
    best = model.match([wording.text for wording in wordings]).argmax(axis=1)
    assert best.tolist() == [index_of[wording.answer_id] for wording in wordings]


def test_facts_tell_where_the_model_comes_from(faq, learned):
    facts = learned.facts
    assert (facts.originals, facts.duplicates, facts.answers) == (4, 3, 0)
    assert facts.data_fingerprint == faq.fingerprint
    assert facts.libraries.keys() == {"numpy", "scikit-learn", "scipy"}


def test_one_original_is_certain():
    model = FaqModel(train(FaqData((Original(1, 101, "How?"),), (Duplicate(2, 101, "In which way?"),))))
    assert model.match(["How?", "Something else"]).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("duplicates", [(), (Duplicate(11, 201, "At which place is it?"),)])
def test_two_originals_equal_the_pipeline(duplicates):
    data = FaqData((Original(1, 101, "How?"), Original(2, 201, "Where is it?")), duplicates)
    asked = ["How?", "Where is it?", "place", "unknown"]
    expected = fit(data).predict_proba(asked)
    np.testing.assert_allclose(FaqModel(train(data)).match(asked), expected, atol=1e-5)


def test_originals_of_the_same_text_share_the_probability():
    model = FaqModel(train(FaqData((Original(1, 101, "How?"), Original(2, 201, "How?")))))
    (matches,) = model.score([Question("How?")])
    assert matches.ids == [1, 2]
    assert matches.probabilities == pytest.approx([0.5, 0.5])


def test_refuses_texts_without_words():
    with pytest.raises(StartupError, match="nothing to train from"):
        train(FaqData((Original(1, 101, "?"), Original(2, 201, "!"))))


def test_does_not_warn_of_many_originals_with_few_duplicates(faq):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(FaqData(faq.originals))


def test_vocabulary_is_bounded_with_many_originals(faq, monkeypatch):
    monkeypatch.setattr("deployments.faq_matcher.training.MAX_WEIGHTS", 40)
    assert len(train(faq).vocabulary) == 10


def test_stackfaq_finds_held_out_duplicates(halves, stackfaq):
    answered = stackfaq.score([Question(duplicate.text) for duplicate in halves[1]])
    right = [
        matches.answer_ids[0] == duplicate.answer_id for matches, duplicate in zip(answered, halves[1], strict=True)
    ]
    assert len(right) == 624
    assert sum(right) / len(right) >= 0.92


def test_stackfaq_equals_the_pipeline(halves, stackfaq):
    asked = [duplicate.text for duplicate in halves[1]]
    np.testing.assert_allclose(stackfaq.match(asked), fit(halves[0]).predict_proba(asked), atol=1e-5)


def test_stackfaq_answers_within_a_millisecond(halves, stackfaq):
    seconds = []
    for duplicate in halves[1][:200]:
        started = time.perf_counter()
        stackfaq.score([Question(duplicate.text)])
        seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 0.001


def test_javascript_questions_find_themselves_without_duplicates(shared):
    data = read_faq(shared / "javascript_questions.tsv")
    model = FaqModel(train(data))
    best = model.match([original.text for original in data.originals]).argmax(axis=1)
    assert best.tolist() == list(range(182))
