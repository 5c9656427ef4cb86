import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.preparation.links import follow


def run(links):
    duplicates = np.array(sorted(links), np.int64)
    originals = np.array([links[each] for each in sorted(links)], np.int64)
    chains = follow(duplicates, originals)
    return dict(zip(sorted(links), chains.roots.tolist(), strict=True)), duplicates[chains.broken].tolist()


def test_follows_chains_to_their_end():
    assert run({}) == ({}, [])
    assert run({5: 4, 4: 9, 9: 1, 7: 8}) == ({4: 1, 5: 1, 7: 8, 9: 1}, [])


def test_a_circle_is_cut_at_its_oldest_question():
    assert run({3: 7, 7: 5, 5: 3, 8: 7}) == ({3: 3, 5: 3, 7: 3, 8: 3}, [3])
    assert run({1: 2, 2: 1, 8: 9, 9: 8}) == ({1: 1, 2: 1, 8: 8, 9: 8}, [1, 8])


def test_a_long_chain_takes_no_long_time():
    roots, broken = run({number + 1: number for number in range(200_000)})
    assert set(roots.values()) == {0}
    assert broken == []


def naive(links):
    """Link by link, as one would by hand."""
    cut = set()
    for start in links:
        seen, at = [], start
        while at in links and at not in seen:
            seen.append(at)
            at = links[at]
        if at in seen:
            cut.add(min(seen[seen.index(at) :]))

    def root(at):
        while at in links and at not in cut:
            at = links[at]
        return at

    return {start: root(start) for start in links}, sorted(cut)


ids = st.integers(0, 12)


@given(st.dictionaries(ids, ids).map(lambda links: {one: other for one, other in links.items() if one != other}))
def test_equals_following_by_hand(links):
    assert run(links) == naive(links)
