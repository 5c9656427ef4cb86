import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.meanings import Meanings, from_bfloat16, meanings, to_bfloat16, unit

seeds = st.integers(0, 2**32 - 1)


def widened(half):
    return from_bfloat16(np.array([half], np.uint16))


def test_halves_are_the_upper_ones():
    halves = np.array([[0x3F80, 0xC000], [0x3E20, 0]], np.uint16)
    assert from_bfloat16(halves).tolist() == [[1.0, -2.0], [0.15625, 0.0]]
    assert from_bfloat16(halves).dtype == np.float32


def nearest_bfloat16(value):
    """By comparing the exact distances to the two neighbours; the even one where they are equal."""
    bits = int(np.float32(value).view(np.uint32))
    low, high = bits >> 16, (bits >> 16) + 1
    below, above = (abs(float(widened(half)[0]) - float(value)) for half in (low, high))
    if below == above:
        return low if low % 2 == 0 else high
    return low if below < above else high


# The largest ones round to infinity, as in float32 itself.
@given(st.floats(-(2.0**127), 2.0**127, width=32))
def test_rounding_is_to_the_nearest(value):
    (half,) = to_bfloat16(np.array([value], np.float32))
    assert half == nearest_bfloat16(value)
    if abs(value) >= 1.2e-38:  # below, numbers lose digits in float32 too
        assert abs(float(widened(half)[0]) - value) <= abs(value) * 2**-8


@given(st.integers(0, 2**16 - 1).filter(lambda half: half & 0x7F80 != 0x7F80))
def test_halves_stay_and_ties_go_to_the_even_one(half):
    exact = widened(half)
    assert to_bfloat16(exact).tolist() == [half]
    tie = (exact.view(np.uint32) + np.uint32(0x8000)).view(np.float32)
    (rounded,) = to_bfloat16(tie)
    assert rounded == half + half % 2


def test_rounding_keeps_shapes_of_any_layout():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert from_bfloat16(to_bfloat16(values.T)).tolist() == values.T.tolist()
    assert to_bfloat16(values[:, ::2]).shape == (3, 2)


@pytest.fixture(scope="module")
def known():
    """Six originals with one to five wordings, in an order of their own; every second one has an answer."""
    random = np.random.default_rng(8)
    owners = random.permutation(np.repeat(np.arange(6), [1, 5, 2, 1, 3, 4]))
    wordings, answers = unit(random.normal(size=(16, 20))), unit(random.normal(size=(6, 20)))
    answers[::2] = 0
    return wordings, owners, answers


def made(known, answer_weight=0.3):
    return meanings(*known, answer_weight)


def test_profiles_are_directions_of_wordings_and_answers(known):
    wordings, owners, answers = known
    sums = np.stack([wordings[owners == original].sum(axis=0) for original in range(6)])
    expected = unit(unit(sums) + 0.3 * answers)
    np.testing.assert_allclose(from_bfloat16(made(known).profiles), expected, rtol=2**-8)


def test_wordings_stand_by_original(known):
    wordings, owners, _ = known
    result = made(known)
    assert result.starts.tolist() == [0, 1, 6, 8, 9, 12, 16]
    for original in range(6):
        rows = from_bfloat16(result.wordings[result.starts[original] : result.starts[original + 1]])
        np.testing.assert_allclose(rows, wordings[owners == original], rtol=2**-8)


@given(seeds)
def test_similarities_are_products(known, seed):
    embedding = unit(np.random.default_rng(seed).normal(size=(1, 20)))[0]
    result = made(known)
    expected = from_bfloat16(result.profiles) @ embedding
    np.testing.assert_allclose(result.similarities(embedding), expected, atol=1e-5)


@given(seeds, st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_nearest_is_the_best_of_each_originals_wordings(known, seed, places):
    embedding = unit(np.random.default_rng(seed).normal(size=(1, 20)))[0]
    wordings, owners, _ = known
    expected = [(wordings[owners == place] @ embedding).max() for place in places]
    nearest = made(known).nearest(embedding, np.array(places))
    np.testing.assert_allclose(nearest, expected, atol=2**-7)


def test_an_original_alone_is_near_itself():
    row = unit(np.array([[1.0, 2.0, 2.0]]))
    result = meanings(row, np.zeros(1, np.int64), np.zeros((1, 3), np.float32), 1.0)
    assert isinstance(result, Meanings)
    assert result.similarities(row[0]) == pytest.approx([1], abs=2**-8)
    assert result.nearest(row[0], np.array([0])) == pytest.approx([1], abs=2**-8)


def test_unit_rows_of_zeros_stay():
    assert unit(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == pytest.approx(np.array([[0, 0], [0.6, 0.8]]))
