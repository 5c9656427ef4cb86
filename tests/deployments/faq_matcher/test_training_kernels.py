import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from deployments.faq_matcher import training_kernels

seeds = st.integers(0, 2**32 - 1)


def some_rows(random, rows, columns, share):
    return (random.normal(size=(rows, columns)) * (random.random((rows, columns)) < share)).astype(np.float32)


def run(examples, profiles, candidates, order, *, scale, rate):
    """The profiles after a pass, and its loss."""
    x, p = csr_array(examples), csr_array(profiles)
    loss = training_kernels.sharpen(
        x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data, candidates, order,
        p.indptr.astype(np.int64), p.indices.astype(np.int32), p.data, scale, rate,
    )  # fmt: skip
    return p.toarray(), loss


def dense_pass(examples, profiles, candidates, order, *, scale, rate):
    profiles, has, losses = profiles.astype(np.float64), profiles != 0, []
    for example in order:
        x, chosen = examples[example].astype(np.float64), candidates[example]
        logits = scale * profiles[chosen] @ x
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        losses.append(-np.log(shares[0]))
        errors = shares - np.eye(len(chosen))[0]
        profiles[chosen] -= rate * np.outer(errors, x) * has[chosen]
    return profiles, np.mean(losses or [0])


# Of few and of many columns, sparse and dense: seeking gallops over one or hundreds.
@given(seeds, st.integers(1, 400), st.floats(0.005, 1), st.floats(0.005, 1))
def test_a_pass_is_that_of_dense_gradient_descent(seed, features, share_of_examples, share_of_profiles):
    random = np.random.default_rng(seed)
    examples = some_rows(random, 6, features, share_of_examples) / features**0.5
    profiles = some_rows(random, 5, features, share_of_profiles) / features**0.5
    candidates = np.stack([random.permutation(5)[:3] for _ in range(6)]).astype(np.int32)
    order = random.permutation(6)
    got, loss = run(examples, profiles, candidates, order, scale=2.0, rate=0.1)
    expected, expected_loss = dense_pass(examples, profiles, candidates, order, scale=2.0, rate=0.1)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert loss == pytest.approx(expected_loss, abs=1e-4)


@given(st.sets(st.integers(0, 60), max_size=40).map(sorted), st.integers(0, 45), st.integers(-1, 62))
def test_seeking_finds_the_first_place_that_is_not_below(columns, at, wanted):
    at = min(at, len(columns))
    expected = next((place for place in range(at, len(columns)) if columns[place] >= wanted), len(columns))
    assert training_kernels._seek(np.array(columns, np.int32), at, wanted) == expected


def test_without_examples_nothing_changes():
    profiles = np.ones((2, 3), np.float32)
    got, loss = run(
        np.ones((1, 3), np.float32), profiles, np.array([[0, 1]], np.int32), np.empty(0, np.int64), scale=1.0, rate=1.0
    )
    assert (got == profiles).all()
    assert loss == 0


def test_extreme_logits_give_numbers():
    profiles = np.array([[-1, 0], [1, 0]], np.float32)
    candidates, order = np.array([[0, 1]], np.int32), np.zeros(1, np.int64)
    got, loss = run(np.array([[1, 0]], np.float32), profiles, candidates, order, scale=1e4, rate=1.0)
    assert loss == pytest.approx(2e4)
    assert got.tolist() == [[0, 0], [0, 0]]
