import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from deployments.faq_matcher import features as features_module
from deployments.faq_matcher import kernels
from deployments.faq_matcher.features import Features, FeatureSettings, document_frequencies, fit_features, shown_words
from deployments.faq_matcher.kernels import UNKNOWN
from deployments.faq_matcher.text import code_points, word_characters

ODD = "ßİ\u0131Ω中文字한\uff46ﬁ①٣\U0001d518👍🏽❤\ufe0f\u0301\u0308\u200d\0\ud800"
characters = st.sampled_from("aaAbB_ \n.," + ODD) | st.characters()
texts = st.text(characters, max_size=40) | st.builds(str.__mul__, characters, st.integers(300, 800))
corpora = st.lists(texts, max_size=6).map(lambda drawn: ["How do I delete it?", *drawn])
settings_of_features = st.builds(
    FeatureSettings,
    st.sets(st.integers(2, 6), min_size=1, max_size=3).map(lambda lengths: tuple(sorted(lengths))),
    st.floats(0, 3),
    st.integers(1, 5),
)


@pytest.fixture(scope="session")
def names(spelled):
    """How features are written, in the order of their columns."""

    def names(features, corpus):
        lengths = features.settings.gram_lengths
        names = [""] * features.count
        for text in corpus:
            written = [feature for feature, _ in spelled(text, lengths).features]
            hashes = kernels.extract(code_points(text), word_characters(), np.array(lengths, np.int64), 1)[0]
            for feature, column in zip(written, np.searchsorted(features.hashes, hashes), strict=True):
                names[column] = feature
        assert len(set(names)) == features.count
        return names

    return names


def dense(features, text):
    columns, values = features.vector(text)
    assert columns.dtype == np.int32
    assert values.dtype == np.float32
    assert (np.diff(columns) > 0).all()
    vector = np.zeros(features.count)
    vector[columns] = values
    return vector


@given(corpora, settings_of_features, texts)
def test_a_vector_is_that_of_plain_python(spelled, names, corpus, settings, asked):
    features = fit_features(corpus, settings)
    columns = {name: column for column, name in enumerate(names(features, corpus))}
    lengths = settings.gram_lengths
    documents = [{feature for feature, _ in spelled(text, lengths).features} for text in corpus]
    idf = {name: 1 + np.log((1 + len(corpus)) / (1 + sum(name in each for each in documents))) for name in columns}
    for text in (*corpus, asked):
        found = spelled(text, lengths, settings.head_words)
        whole = weights([feature for feature, _ in found.features], columns, idf)
        title = weights([feature for feature, owner in found.features if owner < found.head], columns, idf)
        expected = unit(unit(whole) + settings.head_weight * unit(title))
        np.testing.assert_allclose(dense(features, text), expected, atol=1e-5)


def weights(found, columns, idf):
    vector = np.zeros(len(columns))
    for feature in set(found) & columns.keys():
        vector[columns[feature]] = (1 + np.log(found.count(feature))) * idf[feature]
    return vector


def unit(vector):
    return vector / (np.linalg.norm(vector) or 1)


@given(corpora)
def test_without_headlines_vectors_are_those_of_scikit_learn(spelled, names, corpus):
    features = fit_features(corpus, FeatureSettings((3, 4), 0.0))
    vectorizer = TfidfVectorizer(
        analyzer=lambda text: [feature for feature, _ in spelled(text, (3, 4)).features], sublinear_tf=True, norm="l2"
    )
    expected = vectorizer.fit_transform(corpus).toarray()
    order = [vectorizer.vocabulary_[name] for name in names(features, corpus)]
    np.testing.assert_allclose(features.idf, vectorizer.idf_[order], rtol=1e-6)
    np.testing.assert_allclose(features.transform(corpus).toarray(), expected[:, order], atol=1e-5)


@given(corpora, texts)
def test_vectors_have_length_one_or_zero(corpus, asked):
    features = fit_features(corpus, FeatureSettings())
    length = np.linalg.norm(features.vector(asked)[1])
    knows = (features.find(asked).columns != UNKNOWN).any()
    assert length == pytest.approx(1 if knows else 0, abs=1e-5)


@given(st.lists(texts, max_size=5))
def test_rows_are_vectors(drawn):
    features = fit_features(["How do I delete it?", "aab"], FeatureSettings())
    rows = features.transform(drawn)
    assert rows.shape == (len(drawn), features.count)
    assert rows.dtype == np.float32
    for row, text in enumerate(drawn):
        np.testing.assert_array_equal(rows[[row]].toarray()[0], dense(features, text).astype(np.float32))


def test_unknown_features_do_not_count():
    features = fit_features(["delete account"], FeatureSettings(head_weight=0))
    np.testing.assert_allclose(dense(features, "delete account"), dense(features, "zz delete qqqqq account xx"))
    assert features.vector("zz qqqqq xx")[0].size == 0
    assert features.vector("")[0].size == 0


def test_every_feature_of_the_vocabulary_is_found():
    corpus = [f"word{number} other{number % 7}" for number in range(2000)]
    features = fit_features(corpus, FeatureSettings())
    found = np.unique(np.concatenate([features.find(text).columns for text in corpus]))
    assert found.tolist() == list(range(features.count))


def test_no_vocabulary_knows_nothing():
    features = Features(np.empty(0, np.uint64), np.empty(0, np.float32), FeatureSettings())
    assert features.vector("How?")[0].size == 0
    assert features.transform(["How?"]).shape == (1, 0)


def test_a_headline_counts_more_than_what_follows():
    features = fit_features(["apple", "melon"], FeatureSettings(head_weight=0.5))
    apple, melon = (features.vector(word)[0][0] for word in ("apple", "melon"))
    first_line = dense(features, "apple\nmelon")
    assert first_line[apple] > first_line[melon]
    same_line = dense(features, "apple melon")
    assert same_line[apple] == pytest.approx(same_line[melon])


def test_document_frequencies_are_counted_in_pieces(monkeypatch):
    corpus = ["aa bb", "bb cc", "cc aa aa", "", "dd"]
    whole = document_frequencies(corpus, FeatureSettings())
    monkeypatch.setattr(features_module, "_TEXTS_AT_ONCE", 2)
    hashes, counts = document_frequencies(corpus, FeatureSettings())
    assert hashes.tolist() == whole[0].tolist()
    assert counts.tolist() == whole[1].tolist()
    assert sorted(counts.tolist()) == [1, 2, 2, 2]


def test_words_are_shown_as_they_are_matched():
    features = fit_features(["delete"], FeatureSettings())
    text = "Delete \uff2dy ÄCCOUNT, 2+ now"
    assert shown_words(text, features.find(text)) == ["delete", "my", "äccount", "2", "now"]


def test_a_long_text_is_read_whole(spelled):
    random = np.random.default_rng(1)
    letters = np.array(list("abcdefghij    \n"))
    text = "".join(letters[random.integers(0, len(letters), 100_000)])
    features = fit_features([text], FeatureSettings())
    found = features.find(text)
    expected = spelled(text, (4,))
    assert (found.columns != UNKNOWN).all()
    assert len(found.columns) == len(expected.features)
    assert len(found.spans) == len(expected.words)
    assert np.linalg.norm(features.vector(text)[1]) == pytest.approx(1, abs=1e-4)
    # One word as long as that.
    assert len(features.find("x" * 100_000).columns) == 1 + 100_002 - 3
