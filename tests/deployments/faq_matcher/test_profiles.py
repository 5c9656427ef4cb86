import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from deployments.faq_matcher.profiles import first_profiles, index, sorted_rows, unit_rows

seeds = st.integers(0, 2**32 - 1)


def some_rows(random, rows, columns, share=0.4):
    return (random.random((rows, columns)) * (random.random((rows, columns)) < share)).astype(np.float32)


@given(seeds, st.integers(1, 8), st.integers(0, 9))
def test_scores_are_products_with_profiles(seed, originals, features):
    random = np.random.default_rng(seed)
    profiles = some_rows(random, originals, features)
    columns = np.flatnonzero(random.random(features) < 0.6).astype(np.int32)
    values = random.normal(size=len(columns)).astype(np.float32)
    scores = index(csr_array(profiles)).scores(columns, values)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, profiles[:, columns] @ values, atol=1e-5)


@given(seeds, st.integers(1, 8), st.integers(1, 9))
def test_an_index_gives_its_profiles_back(seed, originals, features):
    profiles = sorted_rows(csr_array(some_rows(np.random.default_rng(seed), originals, features)))
    inverted = index(profiles)
    assert (inverted.starts.dtype, inverted.places.dtype, inverted.weights.dtype) == (np.int64, np.int32, np.float32)
    again = inverted.profiles()
    assert again.shape == profiles.shape
    for part in ("indptr", "indices", "data"):
        assert getattr(again, part).tolist() == getattr(profiles, part).tolist()


@given(seeds, st.floats(0, 3))
def test_first_profiles_are_directions_of_wordings_and_answers(seed, answer_weight):
    random = np.random.default_rng(seed)
    wordings, answers = unit(some_rows(random, 9, 6, 0.3)), unit(some_rows(random, 4, 6, 0.3))
    owners = random.integers(0, 4, 9)
    profiles = first_profiles(csr_array(wordings), owners, csr_array(answers), answer_weight)
    sums = np.stack([wordings[owners == original].sum(axis=0) for original in range(4)])
    expected = unit(unit(sums) + answer_weight * answers)
    np.testing.assert_allclose(profiles.toarray(), expected, atol=1e-5)
    assert profiles.dtype == np.float32
    lengths = np.linalg.norm(profiles.toarray(), axis=1)
    assert all(length == pytest.approx(0) or length == pytest.approx(1, abs=1e-5) for length in lengths)


def unit(rows):
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def test_unit_rows_leave_empty_rows_empty():
    rows = unit_rows(csr_array(np.array([[3, 4], [0, 0], [0, 2]], np.float32)))
    np.testing.assert_allclose(rows.toarray(), [[0.6, 0.8], [0, 0], [0, 1]], rtol=1e-6)


def test_sorted_rows_have_rising_columns_each_once():
    rows = csr_array((np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3))
    result = sorted_rows(rows)
    assert result.indices.tolist() == [0, 2]
    assert result.data.tolist() == [2.0, 5.0]
    assert result.dtype == np.float32
