import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher import kernels
from deployments.faq_matcher.kernels import UNKNOWN
from deployments.faq_matcher.text import code_points, word_characters

# Dotless i, full width, ligature, mathematical; emoji, marks, joiners; NUL and a lone surrogate.
ODD = "ßİ\u0131Ω中文字한\uff46ﬁ①٣\U0001d518👍🏽❤\ufe0f\u0301\u0308\u200d\0\ud800"
characters = st.sampled_from("aAb_-' \n\r\t.,?!<>" + ODD) | st.characters()
any_text = st.text(characters, max_size=40) | st.builds(str.__mul__, characters, st.integers(300, 1500))
gram_lengths = st.sets(st.integers(2, 7), min_size=1, max_size=3).map(sorted)
seeds = st.integers(0, 2**32 - 1)


def extract(text, lengths, head_words=25):
    return kernels.extract(code_points(text), word_characters(), np.array(lengths, np.int64), head_words)


def hash_of(feature):
    """FNV-1a of the code points, then the finalizer of MurmurHash3."""
    value = 0xCBF29CE484222325
    for character in feature:
        value = (value ^ ord(character)) * 0x100000001B3 % 2**64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor % 2**64
    return value ^ value >> 33


@given(any_text, gram_lengths, st.integers(1, 4))
def test_features_are_those_of_plain_python(spelled, text, lengths, head_words):
    expected = spelled(text, lengths, head_words)
    hashes, owners, spans, head = extract(text, lengths, head_words)
    assert hashes.tolist() == [hash_of(feature) for feature, _ in expected.features]
    assert owners.tolist() == [owner for _, owner in expected.features]
    codes = code_points(text)
    words = ["".join(map(chr, codes[start:end])) for start, end in spans.tolist()]
    assert words == expected.words
    assert head.tolist() == [expected.head]


@pytest.mark.parametrize("text", ["a", "ab", "a b", "a b c", "a" * 1000, " a", ""])
@pytest.mark.parametrize("lengths", [(2,), (2, 3), (2, 3, 4, 5), (3,), (100,)])
def test_features_of_short_words_have_room(spelled, text, lengths):
    assert len(extract(text, lengths)[0]) == len(spelled(text, lengths).features)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("one two three four five", 3),
        ("one\ntwo", 1),
        ("\n \n one two\n\nthree", 2),
        ("one\rtwo", 2),
        ("", 0),
        ("\n", 0),
    ],
)
def test_the_headline_is_the_first_line_and_so_many_words(text, head):
    assert extract(text, (4,), 3)[3].tolist() == [head]


@given(st.sets(st.integers(0, 2**64 - 1), max_size=30), st.lists(st.integers(0, 2**64 - 1), max_size=10))
def test_a_table_of_slots_gives_each_hash_its_column(known, asked):
    check_table(sorted(known), asked)


def test_hashes_that_want_the_same_slot_are_told_apart():
    # In a table of 16 slots all of these belong into slot 15, so that they run over its end.
    check_table([15 + 16 * place for place in range(8)], [31, 15 + 16 * 8, 0, 7])


def check_table(known, asked):
    size = 1 << max(4, (len(known) * 2 - 1).bit_length())
    slots, columns = np.zeros(size, np.uint64), np.full(size, UNKNOWN, np.int32)
    kernels.fill_slots(slots, columns, np.array(known, np.uint64))
    found = kernels.look_up(slots, columns, np.array([*known, *asked], np.uint64))
    place = {value: column for column, value in enumerate(known)}
    assert found.tolist() == [place.get(value, UNKNOWN) for value in [*known, *asked]]


@given(
    st.lists(st.tuples(st.integers(UNKNOWN, 5), st.integers(0, 3)), max_size=30),
    st.integers(0, 3),
    st.floats(0, 10),
)
def test_weights_are_those_of_the_formula(found, head, head_weight):
    found = sorted(found, key=lambda pair: pair[1])
    idf = np.linspace(1, 3, 6).astype(np.float32)
    columns, values = kernels.weigh(
        np.array([column for column, _ in found], np.int32),
        np.array([owner for _, owner in found], np.int32),
        head,
        idf,
        head_weight,
    )
    whole = counted([column for column, _ in found], idf)
    title = counted([column for column, owner in found if owner < head], idf)
    expected = unit(unit(whole) + head_weight * unit(title))
    assert columns.tolist() == np.flatnonzero(whole).tolist()
    np.testing.assert_allclose(values, expected[columns], atol=1e-6)


def counted(columns, idf):
    counts = np.bincount([column for column in columns if column != UNKNOWN], minlength=len(idf))
    return np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * idf


def unit(values):
    return values / (np.linalg.norm(values) or 1)


@given(seeds)
def test_products_with_an_inverted_index_are_added(seed):
    random = np.random.default_rng(seed)
    profiles = random.random((7, 9), np.float32) * (random.random((7, 9)) < 0.4)
    starts, places, weights = inverted(profiles)
    columns = np.flatnonzero(random.random(9) < 0.5).astype(np.int32)
    values = random.random(len(columns), np.float32)
    scores = np.full(7, 2, np.float32)
    kernels.add_products(starts, places, weights, columns, values, scores)
    np.testing.assert_allclose(scores, 2 + profiles[:, columns] @ values, atol=1e-5)
    for place in range(7):
        picked = kernels.pick(starts, places, weights, columns, place)
        assert picked.tolist() == profiles[place, columns].tolist()


def inverted(profiles):
    features, places = np.nonzero(profiles.T)
    starts = np.searchsorted(features, np.arange(profiles.shape[1] + 1))
    return starts, places.astype(np.int32), profiles.T[features, places]


@given(seeds, st.integers(0, 70))
def test_products_with_half_precision_rows_are_added(seed, dimensions):
    random = np.random.default_rng(seed)
    halves = random.normal(0, 1, (5, dimensions)).astype(np.float32).view(np.uint32) >> 16
    vector = random.normal(0, 1, dimensions).astype(np.float32)
    scores = np.ones(5, np.float32)
    kernels.add_dense_products(halves.astype(np.uint16), vector, scores)
    rows = (halves << 16).astype(np.uint32).view(np.float32)
    np.testing.assert_allclose(scores, 1 + rows @ vector, atol=1e-4)
