import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from deployments.faq_matcher import evidence as evidence_module
from deployments.faq_matcher.evidence import Evidence, Weights, best_first, best_places
from deployments.faq_matcher.features import FeatureSettings, fit_features
from deployments.faq_matcher.meanings import meanings, unit
from deployments.faq_matcher.profiles import index

TEXTS = [f"question number {word}" for word in ["one", "two", "three", "four", "five", "six", "seven", "eight"]]
WEIGHTS = Weights(words=3, meaning=5, nearest=2)

numbers = st.lists(st.integers(0, 5), min_size=1, max_size=200)


@pytest.fixture(scope="module")
def by_words():
    features = fit_features(TEXTS, FeatureSettings())
    return Evidence(features, index(features.transform(TEXTS)))


@pytest.fixture(scope="module")
def embeddings():
    return unit(np.random.default_rng(2).normal(size=(len(TEXTS) + 1, 12)))


@pytest.fixture(scope="module")
def by_meaning(by_words, embeddings):
    none = np.zeros((len(TEXTS), 12), np.float32)
    return Evidence(by_words.features, by_words.index, meanings(embeddings[:-1], np.arange(len(TEXTS)), none, 0))


def test_words_are_products_with_profiles(by_words):
    rows = by_words.features.transform(TEXTS)
    for text in TEXTS:
        np.testing.assert_allclose(
            by_words.words(text), csr_array(rows @ by_words.features.transform([text]).T).toarray()[:, 0], atol=1e-6
        )


def test_logits_by_words_are_weighted_products(by_words, embeddings):
    words = by_words.words("number two")
    for embedding in (None, embeddings[0]):
        np.testing.assert_allclose(by_words.logits(words, embedding, WEIGHTS), 3 * words, rtol=1e-6)


def test_logits_by_meaning_add_both_cosines(by_meaning, embeddings):
    words, embedding = by_meaning.words("number two"), embeddings[-1]
    similar = by_meaning.meanings.similarities(embedding)
    nearest = by_meaning.meanings.nearest(embedding, np.arange(len(TEXTS)))
    expected = 3 * words + 5 * similar + 2 * nearest
    np.testing.assert_allclose(by_meaning.logits(words, embedding, WEIGHTS), expected, atol=1e-5)


def test_only_the_first_are_compared_by_wording_and_stay_first(by_meaning, embeddings, monkeypatch):
    monkeypatch.setattr(evidence_module, "CANDIDATES", 3)
    words, embedding = by_meaning.words("number two"), embeddings[-1]
    first = 3 * words + 5 * by_meaning.meanings.similarities(embedding)
    chosen = np.argsort(-first)[:3]
    nearest = 2 * by_meaning.meanings.nearest(embedding, chosen)
    expected = first + nearest.min()
    expected[chosen] = first[chosen] + nearest
    logits = by_meaning.logits(words, embedding, WEIGHTS)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert set(best_places(logits, 3)) == set(chosen)


def test_words_are_left_as_they_are(by_meaning, embeddings):
    words = by_meaning.words("number two")
    before = words.copy()
    by_meaning.logits(words, embeddings[-1], WEIGHTS)
    assert words.tolist() == before.tolist()


@given(numbers, st.integers(1, 250))
def test_best_places_hold_the_largest(drawn, count):
    values = np.array(drawn, np.float32)
    places = best_places(values, count)
    assert len(set(places.tolist())) == min(count, len(values))
    assert sorted(values[places].tolist()) == sorted(drawn)[-count:]


@given(numbers, st.none() | st.integers(1, 250))
def test_best_first_is_stable_however_it_selects(drawn, top_k):
    expected = sorted(range(len(drawn)), key=lambda place: -drawn[place])[:top_k]
    assert best_first(np.array(drawn, np.float32), top_k).tolist() == expected


def test_of_many_equal_ones_the_first_places_come_first():
    assert best_first(np.zeros(10_000, np.float32), 5).tolist() == [0, 1, 2, 3, 4]
