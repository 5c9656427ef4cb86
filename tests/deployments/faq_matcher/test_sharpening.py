import numpy as np
import pytest
from scipy.sparse import csr_array

from deployments.faq_matcher import sharpening, training_kernels
from deployments.faq_matcher.profiles import first_profiles, index, unit_rows
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.sharpening import Examples, sharpened

ORIGINALS, FEATURES = 12, 40


@pytest.fixture(scope="module")
def examples():
    """Three wordings of each original, but for one that has features of its own and a single wording."""
    random = np.random.default_rng(3)
    owners = np.concatenate([np.repeat(np.arange(ORIGINALS - 1), 3), [ORIGINALS - 1]])
    rows = random.random((len(owners), FEATURES)) * (random.random((len(owners), FEATURES)) < 0.3)
    rows[:-1, -3:], rows[-1, :-3], rows[-1, -3:] = 0, 0, 1
    return Examples(unit_rows(csr_array(rows.astype(np.float32))), owners, ORIGINALS)


@pytest.fixture(scope="module")
def profiles(examples):
    answers = csr_array(np.zeros((ORIGINALS, FEATURES), np.float32))
    return first_profiles(examples.words, examples.owners, answers, 1.0)


def loss(profiles, examples):
    """Mean loss over the examples with several wordings, among all originals."""
    chosen = examples.telling(0)
    words = csr_array(examples.words[chosen]).toarray()
    right = examples.owners[chosen]
    logits = Recipe().sharpness * words @ profiles.toarray().T
    return float((np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(right)), right]).mean())


def test_profiles_tell_their_examples_apart_better(profiles, examples):
    after = sharpened(profiles, examples, Recipe(rivals=100))
    assert loss(after, examples) < 0.7 * loss(profiles, examples)
    more = sharpened(profiles, examples, Recipe(rivals=100, rounds=30))
    assert loss(more, examples) < loss(after, examples)


def test_the_loss_is_that_of_the_compiled_pass(profiles, examples):
    chosen = examples.telling(0)
    words = csr_array(examples.words[chosen])
    candidates = sharpening._candidates(words, examples.owners[chosen], index(profiles), ORIGINALS - 1)
    measured = training_kernels.sharpen(
        words.indptr.astype(np.int64), words.indices.astype(np.int32), words.data, candidates,
        np.arange(len(chosen)), profiles.indptr, profiles.indices, profiles.data.copy(), Recipe().sharpness, 0.0,
    )  # fmt: skip
    assert measured == pytest.approx(loss(profiles, examples), rel=1e-4)


def test_only_what_an_original_has_changes(profiles, examples):
    before = profiles.data.copy()
    after = sharpened(profiles, examples, Recipe())
    assert after.indices.tolist() == profiles.indices.tolist()
    assert after.indptr.tolist() == profiles.indptr.tolist()
    assert profiles.data.tolist() == before.tolist()
    changed = (after.toarray() != profiles.toarray()).any(axis=1)
    assert changed.tolist() == [True] * (ORIGINALS - 1) + [False]


def test_the_same_seed_gives_the_same_profiles(profiles, examples):
    first, again = (sharpened(profiles, examples, Recipe(seed=4)) for _ in range(2))
    assert first.data.tobytes() == again.data.tobytes()
    assert first.data.tobytes() != sharpened(profiles, examples, Recipe(seed=5)).data.tobytes()


def test_rivals_are_those_that_words_speak_for_most(profiles, examples):
    owners = examples.owners
    candidates = sharpening._candidates(examples.words, owners, index(profiles), 4)
    assert candidates[:, 0].tolist() == owners.tolist()
    products = examples.words.toarray() @ profiles.toarray().T
    for example, (own, *rivals) in enumerate(candidates.tolist()):
        others = np.delete(np.arange(ORIGINALS), own)
        best = np.sort(products[example, others])[-4:]
        np.testing.assert_allclose(np.sort(products[example, rivals]), best, atol=1e-6)
        assert own not in rivals
        assert len(set(rivals)) == 4


def test_examples_are_wordings_of_originals_that_have_several(examples, monkeypatch):
    assert sorted(examples.telling(0).tolist()) == list(range(33))
    assert examples.telling(0).tolist() != examples.telling(1).tolist()
    monkeypatch.setattr(sharpening, "_MOST_PRODUCTS", 5 * ORIGINALS)
    assert len(examples.telling(0)) == 5


@pytest.mark.parametrize("owners", [[0, 0, 0], [0, 1, 2]])
def test_with_nothing_to_tell_apart_profiles_stay(owners):
    words = csr_array(np.eye(3, dtype=np.float32))
    originals = max(owners) + 1
    examples = Examples(words, np.array(owners), originals)
    profiles = first_profiles(words, examples.owners, csr_array(np.zeros((originals, 3), np.float32)), 1.0)
    assert (sharpened(profiles, examples, Recipe()).toarray() == profiles.toarray()).all()
