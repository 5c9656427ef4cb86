import random

from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.preparation.split import choose

ids = st.lists(st.integers() | st.text(max_size=5), unique_by=str, max_size=20)


@given(ids, st.floats(0, 1), st.integers())
def test_the_share_is_right_and_order_does_not_matter(duplicates, fraction, seed):
    chosen = choose("q", duplicates, fraction, seed)
    exact = fraction * len(duplicates)
    assert exact - 1 < len(chosen) < exact + 1
    shuffled = random.Random(seed).sample(duplicates, len(duplicates))  # noqa: S311
    assert choose("q", shuffled, fraction, seed) == chosen
    assert set(chosen) <= set(duplicates)


def test_a_single_duplicate_goes_by_the_draw():
    taken = sum(len(choose(original, ["d"], 0.25, 7)) for original in range(4_000))
    assert 900 < taken < 1_100


def test_nothing_and_all():
    assert choose(1, [1, 2, 3], 0.0, 0) == []
    assert sorted(choose(1, [1, 2, 3], 1.0, 0)) == [1, 2, 3]


def test_another_seed_draws_others():
    duplicates = list(range(100))
    assert set(choose(1, duplicates, 0.5, 1)) != set(choose(1, duplicates, 0.5, 2))
    assert choose(1, duplicates, 0.5, 1) != sorted(choose(1, duplicates, 0.5, 1))


def test_stays_the_same_over_releases():
    assert choose(1, list(range(10)), 0.3, 42) == [1, 7, 6]
