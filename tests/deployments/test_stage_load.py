import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.stage_load import StageLoad


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_an_idle_replica_has_nothing_in_flight():
    clock = Clock()
    load = StageLoad(clock)
    clock.now += 1
    assert load.average() == 0


def test_requests_count_while_they_run():
    clock = Clock()
    load = StageLoad(clock)
    with load.count([0.0] * 4):
        clock.now += 1
        assert load.average() == 4
        clock.now += 1
    clock.now += 2
    assert load.average() == pytest.approx(4 / 3)


def test_seconds_of_waiting_count_too():
    clock = Clock()
    load = StageLoad(clock)
    with load.count([0.5, 1.5]):
        clock.now += 1
    assert load.average() == pytest.approx((0.5 + 1.5 + 2 * 1) / 1)


def test_a_failed_call_is_over():
    clock = Clock()
    load = StageLoad(clock)
    with pytest.raises(OSError, match="lost"), load.count([0.0]):
        raise OSError("lost")
    clock.now += 1
    assert load.average() == 0


def test_two_readings_at_the_same_moment_tell_what_runs():
    load = StageLoad(Clock())
    with load.count([0.0, 0.0]):
        assert load.average() == 2


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.001, 10), st.integers(1, 5)), min_size=1, max_size=20))
def test_little_s_law_holds_over_any_sequence_of_calls(calls):
    """The average times the window is the sum of all request-seconds."""
    clock = Clock()
    load = StageLoad(clock)
    expected = 0.0
    for waited, ran, requests in calls:
        with load.count([waited] * requests):
            clock.now += ran
        expected += requests * (waited + ran)
    window = clock.now - 100.0
    assert load.average() * window == pytest.approx(expected)
