import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.evaluation.ranks import accuracy_at, mean_reciprocal_rank, rank_bars

some_ranks = st.lists(st.integers(1, 2000), min_size=1).map(np.array)


def test_ranks_one_and_three():
    ranks = np.array([1, 3])
    assert [accuracy_at(ranks, k) for k in (1, 2, 3, 10)] == [0.5, 0.5, 1, 1]
    assert mean_reciprocal_rank(ranks) == pytest.approx(2 / 3)


@given(some_ranks)
def test_accuracy_never_falls_with_k(ranks):
    accuracies = [accuracy_at(ranks, k) for k in range(1, 12)]
    assert accuracies == sorted(accuracies)
    assert accuracy_at(ranks, ranks.max()) == 1


@given(some_ranks)
def test_mean_reciprocal_rank_lies_between_its_bounds(ranks):
    # Jensen: the mean of 1 / rank is at least 1 / (mean rank); all but the first rank give at most a half.
    first = accuracy_at(ranks, 1)
    assert max(first, 1 / ranks.mean()) - 1e-12 <= mean_reciprocal_rank(ranks) <= (1 + first) / 2 + 1e-12


def test_bars_grow_wider_up_to_the_number_of_originals():
    bars = rank_bars(np.array([1, 1, 2, 6, 10, 11, 125]), 125)
    assert [(bar.label, bar.count) for bar in bars] == [
        ("1", 2), ("2", 1), ("3", 0), ("4", 0), ("5", 0), ("6\u201310", 2), ("11\u2013100", 1), ("101\u2013125", 1),
    ]  # fmt: skip


@given(some_ranks, st.integers(0, 100_000))
def test_each_question_is_in_one_bar(ranks, more):
    originals = int(ranks.max()) + more
    bars = rank_bars(ranks, originals)
    assert sum(bar.count for bar in bars) == len(ranks)
    assert [bar.first for bar in bars] == [1, *(bar.last + 1 for bar in bars[:-1])]
    assert bars[-1].last == originals
