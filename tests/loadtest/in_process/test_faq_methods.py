import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.evaluation.judging import judge
from deployments.faq_matcher.evaluation.metrics import measure
from deployments.faq_matcher.wordings import wordings
from loadtest.in_process import faq_methods, faq_pairs
from loadtest.in_process.faq_sets import nothing_known, read_stackfaq

ASKED = ["the printer is broken", "an invoice please", "zzz"]


def test_the_nearest_wording_counts(faq):
    known = wordings(faq.originals, faq.duplicates)
    scores = np.random.default_rng(0).random((3, len(known.texts))).astype(np.float32)
    expected = [[row[known.owners == place].max() for place in range(4)] for row in scores]
    assert faq_methods.nearest_wording(scores, known).tolist() == np.array(expected).tolist()


def test_cosine_of_words_is_scikit_learns(faq):
    matcher = faq_methods.cosine_of_words(answers=False)(FaqData(faq.originals), 0)
    vectorizer = TfidfVectorizer()
    originals = vectorizer.fit_transform([original.text for original in faq.originals])
    np.testing.assert_allclose(matcher.match(ASKED), (vectorizer.transform(ASKED) @ originals.T).toarray(), atol=1e-6)


@pytest.mark.parametrize("answers", [False, True])
def test_words_of_the_answers_count_where_they_are_asked_for(faq, embedding, answers):
    by_words = faq_methods.cosine_of_words(answers=answers)(faq, 0)
    assert bool(by_words.match(["holidayizer"]).any()) == answers
    by_meaning = faq_methods.cosine_of_meaning(embedding, answers=answers)(faq, 0).match(["use holidayizer"])
    assert (by_meaning.max() > 1.1) == answers


def methods(embedding):
    learning = [*faq_methods.regressions(embedding), *faq_pairs.pair_methods(embedding)]
    return [*faq_methods.cosines(embedding), *learning, *faq_methods.our_methods(None)]


def test_every_method_finds_its_own_wordings_and_scores_every_original(faq, embedding):
    asked = [duplicate.text for duplicate in faq.duplicates]
    owners = [duplicate.answer_id - 100 for duplicate in faq.duplicates]
    for method in methods(embedding):
        scores = method.fit(faq, 1).match(asked)
        assert scores.shape == (16, 4), method.name
        assert scores.dtype == np.float32, method.name
        # Trees need more than 20 rows for a leaf to know anything: the reference's pairs are too few here.
        if method is not faq_pairs.REFERENCE:
            assert (scores.argmax(axis=1) == owners).mean() == 1, method.name


def test_probabilities_are_some(faq, embedding):
    for method in methods(embedding):
        if method.is_probable:
            best = method.fit(faq, 1).match(ASKED).max(axis=1)
            assert ((best >= 0) & (best <= 1)).all(), method.name


def test_the_same_seed_gives_the_same_scores(faq, embedding):
    for method in methods(embedding):
        assert np.array_equal(method.fit(faq, 2).match(ASKED), method.fit(faq, 2).match(ASKED)), method.name


def test_without_an_encoder_there_are_methods_by_words_alone():
    names = [method.name for method in methods(None)]
    assert not [name for name in names if "MiniLM" in name or "semantic" in name]
    assert len(names) == 6


def test_pairs_are_one_match_and_other_originals():
    owners = np.array([0, 4, 2, 2])
    asking, compared, labels = faq_pairs._sampled_pairs(owners, 5, np.random.default_rng(0))
    assert asking.tolist() == np.repeat(np.arange(4), 5).tolist()
    assert np.array_equal(labels, compared == owners[asking])
    assert [sorted(compared[asking == number]) for number in range(4)] == [[0, 1, 2, 3, 4]] * 4


def test_pairs_have_at_most_twenty_others():
    asking, compared, labels = faq_pairs._sampled_pairs(np.array([7]), 100, np.random.default_rng(0))
    assert (len(asking), len(set(compared.tolist())), labels.sum()) == (21, 21, 1)


def test_reranking_leaves_the_rest_behind_its_candidates(faq, monkeypatch):
    monkeypatch.setattr(faq_pairs, "_RERANKED", 2)
    (scores,) = faq_pairs.reranking(None)(faq, 0).match(["the printer"])
    assert scores.argmax() == 2
    assert (np.sort(scores)[:2] < -0.9).all()
    assert (np.sort(scores)[2:] > -0.1).all()


def test_plain_cosine_on_stackfaq(find_shared):
    task = nothing_known(read_stackfaq(find_shared("faq")))
    matcher = faq_methods.cosine_of_words(answers=False)(task.data, 0)
    found = measure(judge(matcher, task.asked))
    assert (found.questions, len(task.data.originals)) == (1249, 125)
    assert found.accuracy_at[1] == pytest.approx(0.584, abs=0.003)
