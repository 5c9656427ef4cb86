import numpy as np
import pytest

from deployments.faq_matcher.calibration import Calibration
from deployments.faq_matcher.data import FaqData, Original
from deployments.faq_matcher.evidence import Evidence, Weights
from deployments.faq_matcher.explanation import explain
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.profiles import Index
from deployments.faq_matcher.training import train

TEXT = "Please delete my account, and the accounts of image files"


def explained(learned, text=TEXT, evidence=None):
    """Explanations of all originals in their order, by words alone."""
    evidence, calibration = evidence or learned.evidence, learned.calibration
    logits = evidence.logits(evidence.words(text), None, calibration.weights)
    return explain(evidence, calibration, text, range(len(learned.originals)), logits)


def test_terms_are_words_of_the_question_as_they_are_matched(learned):
    for explanation in explained(learned):
        terms = [term for term, _ in explanation.terms]
        assert set(terms) <= {"please", "delete", "my", "account", "and", "the", "accounts", "of", "image", "files"}
        assert len(set(terms)) == len(terms)
    assert explained(learned)[0].terms[0][0] in {"delete", "account"}
    assert "account" not in dict(explained(learned)[3].terms)


def test_terms_stand_largest_first(learned):
    for explanation in explained(learned):
        sizes = [abs(weight) for _, weight in explanation.terms]
        assert sizes == sorted(sizes, reverse=True)
        assert 0 not in sizes


def test_what_words_contribute_is_the_score_less_that_of_none(learned):
    for explanation in explained(learned):
        assert explanation.other == pytest.approx(-learned.calibration.none, abs=1e-4)


@pytest.mark.parametrize("word", ["delete", "image", "my"])
def test_a_score_without_a_word_is_less_by_what_it_contributed(learned, word):
    """The score is linear: without the weights that only one word asks for, that word's part is missing from it."""
    others = TEXT.replace(word, " ")
    features = learned.evidence.features
    asked = {column for column in features.find(word).columns.tolist() if column >= 0}
    shared = {column for column in features.find(others).columns.tolist() if column >= 0}
    assert asked - shared
    index, weights = learned.evidence.index, learned.evidence.index.weights.copy()
    for column in asked - shared:
        weights[index.starts[column] : index.starts[column + 1]] = 0
    without = Evidence(features, Index(index.starts, index.places, weights, index.originals))
    parts = zip(explained(learned), explained(learned, evidence=without), strict=True)
    for place, (before, after) in enumerate(parts):
        missing = dict(before.terms).get(word, 0) - dict(after.terms).get(word, 0)
        assert before.score - after.score == pytest.approx(missing, abs=1e-4), place
        for term in dict(before.terms).keys() - {word}:
            assert dict(after.terms)[term] == pytest.approx(dict(before.terms)[term], abs=1e-4)


def test_words_that_share_a_feature_share_its_weight(learned):
    features = learned.evidence.features
    whole = dict(explained(learned, "account")[0].terms)["account"]
    both = dict(explained(learned, "account account")[0].terms)
    assert both["account"] == pytest.approx(whole, rel=1e-4)
    # `account` and `accounts` have most n-grams in common; `<account>` is only that of the first.
    terms = dict(explained(learned, "account accounts")[0].terms)
    assert terms["account"] > terms["accounts"] > 0
    columns, values = features.vector("account accounts")
    profile = learned.evidence.index.profiles()[[0]].toarray()[0, columns]
    product = float(profile @ values) * learned.calibration.weights.words
    assert terms["account"] + terms["accounts"] == pytest.approx(product, rel=1e-4)


def test_many_terms_are_summed_up():
    originals = (Original(1, 1, " ".join(f"word{number:03}" for number in range(60))), Original(2, 2, "other"))
    learned = train(FaqData(originals))
    explanation = explained(learned, originals[0].text)[0]
    assert len(explanation.terms) == 20
    total = sum(weight for _, weight in explanation.terms)
    assert explanation.other > -learned.calibration.none
    assert total + explanation.other == pytest.approx(explanation.score, abs=1e-4)


def test_a_question_of_unknown_words_has_no_terms(learned):
    for explanation in explained(learned, "zzzz qqqq"):
        assert explanation.terms == []
        assert explanation.other == explanation.score == pytest.approx(-learned.calibration.none)


def test_meaning_is_part_of_what_is_not_told_by_words(meaning_model):
    learned = meaning_model.learned
    (logits,) = meaning_model._logits([TEXT])
    words = learned.evidence.words(TEXT) * learned.calibration.weights.words
    found = explain(learned.evidence, learned.calibration, TEXT, [2, 0], logits)
    for place, explanation in zip([2, 0], found, strict=True):
        expected = float(logits[place] - words[place]) - learned.calibration.none
        assert explanation.other == pytest.approx(expected, abs=1e-3)


def test_words_that_speak_against_an_original_have_negative_weights(learned):
    index = learned.evidence.index
    against = Evidence(
        learned.evidence.features, Index(index.starts, index.places, -np.abs(index.weights), index.originals)
    )
    logits = against.logits(against.words(TEXT), None, Weights(2.0))
    (explanation,) = explain(against, Calibration(Weights(2.0), 1.0), TEXT, [0], logits)
    assert all(weight < 0 for _, weight in explanation.terms)
    assert explanation.score < -1


def test_the_model_gives_the_same(model, learned):
    from deployments.contracts import Question

    (matches,) = FaqModel(learned).score([Question(TEXT, explain=True)])
    expected = explained(learned)
    assert matches.explanations == [expected[number - 1] for number in matches.ids]
