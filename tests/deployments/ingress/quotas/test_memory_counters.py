from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import SECONDS_PER_DAY
from deployments.ingress.quotas.memory_counters import LEAST_ACCOUNTS, MemoryCounters

rates = st.one_of(st.integers(1, 1000), st.floats(0.01, 1000))
gaps = st.lists(st.floats(0, 10), max_size=200)


def take(counters, bounds, *, key="a|faq", size=0):
    # Memory has nothing to wait for; an event loop for each request would make these tests slow.
    with pytest.raises(StopIteration) as done:
        counters.take(key, bounds, "lease", size).send(None)
    return done.value.value


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@given(rates, st.integers(1, 50), gaps)
def test_never_more_than_burst_and_rate_in_any_time(rate, burst, pauses):
    clock = Clock()
    counters = MemoryCounters(clock)
    accepted = []
    for pause in pauses:
        clock.now += pause / rate
        if take(counters, Bounds(rate, burst)).refused_by is None:
            accepted.append(clock.now)
    for first, start in enumerate(accepted):
        for last in range(first, len(accepted)):
            assert last - first + 1 <= burst + rate * (accepted[last] - start) + 1e-3


@given(rates, st.integers(1, 20), gaps)
def test_who_waits_as_long_as_told_is_let_through(rate, burst, pauses):
    clock = Clock()
    counters = MemoryCounters(clock)
    for pause in pauses:
        clock.now += pause / rate
        usage = take(counters, Bounds(rate, burst))
        if usage.refused_by is not None:
            assert usage.wait_seconds > 0
            clock.now += usage.wait_seconds + 1e-6
            assert take(counters, Bounds(rate, burst)).refused_by is None


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=50))
def test_never_more_in_flight_than_may_be(most, comes_or_goes):
    counters = MemoryCounters(Clock())
    running = 0
    for comes in comes_or_goes:
        if comes:
            refused = take(counters, Bounds(concurrent=most)).refused_by
            assert refused == ("concurrent" if running == most else None)
            running += refused is None
        elif running:
            counters.give_back("a|faq", "lease", 0, 0)
            running -= 1


@given(st.integers(1, 100), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_bytes_that_are_announced_never_pass_the_limit(most, requests):
    counters = MemoryCounters(Clock())
    used = 0
    for announced, read in requests:
        usage = take(counters, Bounds(daily_bytes=most), size=announced)
        if usage.refused_by is None:
            assert used + announced <= most
            used += min(read, announced)
            counters.give_back("a|faq", None, min(read, announced) - announced, usage.day)
        else:
            assert used + max(1, announced) > most


def test_a_refused_request_uses_nothing(clock):
    counters = MemoryCounters(clock)
    bounds = Bounds(1, 5, 1, 100)
    assert take(counters, bounds, size=10).refused_by is None
    for _ in range(10):
        usage = take(counters, bounds, size=10)
        assert (usage.refused_by, usage.level, usage.running, usage.bytes_used) == ("concurrent", 1, 1, 10)


def test_bytes_of_a_body_of_unknown_length_count_when_it_was_read(clock):
    counters = MemoryCounters(clock)
    bounds = Bounds(daily_bytes=100)
    usage = take(counters, bounds)
    counters.give_back("a|faq", None, 100, usage.day)
    assert take(counters, bounds).refused_by == "bytes"


def test_a_day_begins_at_midnight_and_takes_nothing_along(clock):
    counters = MemoryCounters(clock)
    clock.now = SECONDS_PER_DAY * 20_000 - 10.0
    bounds = Bounds(daily_bytes=100)
    yesterday = take(counters, bounds, size=100)
    refused = take(counters, bounds, size=1)
    assert (refused.refused_by, refused.wait_seconds) == ("bytes", 10.0)
    clock.now += 10
    assert take(counters, bounds, size=60).refused_by is None
    # What was announced yesterday and not read is not taken off today's.
    counters.give_back("a|faq", None, -100, yesterday.day)
    assert take(counters, bounds, size=60).refused_by == "bytes"
    clock.now += SECONDS_PER_DAY
    counters.give_back("a|faq", None, 70, yesterday.day)
    assert take(counters, bounds, size=40).refused_by == "bytes"
    assert take(counters, bounds, size=30).refused_by is None


def test_other_limits_go_on_with_what_was_counted(clock):
    counters = MemoryCounters(clock)
    for _ in range(10):
        take(counters, Bounds(1, 10))
    assert take(counters, Bounds(1, 10)).refused_by == "requests"
    # More at once: what was used stays used.
    assert take(counters, Bounds(1, 12)).level == 11
    # Faster: what was used comes back faster.
    clock.now += 0.01
    assert take(counters, Bounds(1000, 10)).refused_by is None
    # Less at once: waits until there is room.
    usage = take(counters, Bounds(10, 1))
    assert usage.refused_by == "requests"
    assert usage.wait_seconds == pytest.approx((usage.level + 1 - 1) / 10)


def test_the_clock_may_go_back(clock):
    counters = MemoryCounters(clock)
    take(counters, Bounds(1, 2))
    clock.now -= 3600
    assert take(counters, Bounds(1, 2)).refused_by is None
    assert take(counters, Bounds(1, 2)).refused_by == "requests"
    clock.now += 1
    assert take(counters, Bounds(1, 2)).refused_by is None


@pytest.mark.parametrize("bounds", [Bounds(10, 10), Bounds(concurrent=3), Bounds(10, 10, 3, 100)])
def test_accounts_that_hold_nothing_are_forgotten(bounds, clock):
    counters = MemoryCounters(clock)
    for n in range(20 * LEAST_ACCOUNTS):
        usage = take(counters, bounds, key=f"client-{n}", size=1)
        counters.give_back(f"client-{n}", "lease" if bounds.concurrent else None, 0, usage.day)
        clock.now += SECONDS_PER_DAY / LEAST_ACCOUNTS
    assert len(counters) <= 2 * LEAST_ACCOUNTS + 1


@pytest.mark.parametrize("bounds", [Bounds(1e-3, 10), Bounds(concurrent=3), Bounds(daily_bytes=100)])
def test_accounts_that_hold_something_are_kept(bounds, clock):
    counters = MemoryCounters(clock)
    take(counters, bounds, key="kept", size=70)
    for n in range(3 * LEAST_ACCOUNTS):
        take(counters, Bounds(1000, 1), key=f"client-{n}")
        clock.now += 0.01
    usage = take(counters, replace(bounds, concurrent=9, daily_bytes=None), key="kept")
    kept = (usage.level > 1.5, usage.running > 1, usage.bytes_used == 70)
    assert kept[(bounds.rate is None) + (bounds.daily_bytes is not None)]
