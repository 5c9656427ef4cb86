import json
import math

from hypothesis import given
from hypothesis import strategies as st

from loadtest.generator.histogram import LARGEST_SECONDS, RELATIVE_ERROR, SMALLEST_SECONDS, Histogram, unpacked

TIMES = st.lists(st.floats(SMALLEST_SECONDS, LARGEST_SECONDS), min_size=1, max_size=200)
SHARES = st.sampled_from([0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0])


def histogram(times):
    found = Histogram()
    for time in times:
        found.add(time)
    return found


def exact(times, share):
    return sorted(times)[max(1, math.ceil(share * len(times))) - 1]


@given(TIMES, SHARES)
def test_percentiles_are_within_the_stated_error(times, share):
    wanted = exact(times, share)
    assert abs(histogram(times).percentile(share) - wanted) <= wanted * RELATIVE_ERROR * (1 + 1e-9)


@given(TIMES)
def test_the_slowest_and_the_mean_are_exact(times):
    found = histogram(times)
    assert found.percentile(1) == found.high == max(times)
    assert found.low == min(times)
    assert math.isclose(found.mean, sum(times) / len(times))


@given(TIMES, TIMES, SHARES)
def test_merged_histograms_are_that_of_all_times(some, others, share):
    merged = histogram(some)
    merged.merge(histogram(others))
    assert merged.count == len(some) + len(others)
    assert merged.percentile(share) == histogram(some + others).percentile(share)


@given(TIMES)
def test_what_is_packed_comes_back(times):
    found = histogram(times)
    again = unpacked(json.loads(json.dumps(found.packed())))
    assert again.packed() == found.packed()
    assert again.count == found.count


def test_the_number_of_buckets_is_bounded():
    found = Histogram()
    for number in range(200_000):
        found.add(1e-9 * 1.0002**number)
    assert len(found.buckets) <= 2212
    assert found.count == 200_000


def test_nothing_has_no_times():
    found = unpacked(Histogram().packed())
    assert (found.count, found.mean, found.percentile(0.99), found.share_above(1)) == (0, 0, 0, 0)


def test_the_share_above_a_time():
    assert histogram([0.001] * 98 + [0.02, 0.03]).share_above(0.01) == 0.02
