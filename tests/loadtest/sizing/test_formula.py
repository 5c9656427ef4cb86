"""The references' formula: replicas = ceil(requests/s x seconds / utilization / requests per replica)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.sizing.formula import Headroom, by_curve, by_formula, rate_of_formula

RATES = st.floats(0.01, 1e6)
SECONDS = st.floats(1e-5, 60)
SHARES = st.floats(0.05, 1)
SLOTS = st.integers(1, 64)


@pytest.mark.parametrize(
    ("rate", "seconds", "utilization", "slots", "replicas"),
    [
        (20, 10, 0.7, 1, 286),
        (500, 0.0014, 0.7, 1, 1),
        (500, 0.0014, 0.1, 1, 7),  # 7.000000000000001 in floating point
        (9, 0.11, 0.7, 1, 2),
        (100, 0.11, 0.7, 4, 4),
    ],
)
def test_the_formula_on_known_numbers(rate, seconds, utilization, slots, replicas):
    assert by_formula(rate, seconds, utilization=utilization, per_replica=slots) == replicas


@given(RATES, st.floats(1, 10), SECONDS, SHARES, SLOTS)
def test_more_requests_never_need_fewer_replicas(rate, times, seconds, utilization, slots):
    few = by_formula(rate, seconds, utilization=utilization, per_replica=slots)
    assert by_formula(rate * times, seconds, utilization=utilization, per_replica=slots) >= few
    assert by_curve(rate * times, 1 / seconds) >= by_curve(rate, 1 / seconds)


@given(RATES, SECONDS, SHARES, SLOTS)
def test_replicas_are_enough_and_one_fewer_is_not(rate, seconds, utilization, slots):
    replicas = by_formula(rate, seconds, utilization=utilization, per_replica=slots)
    each = rate_of_formula(seconds, utilization=utilization, per_replica=slots)
    assert replicas * each >= rate * (1 - 1e-8)
    assert replicas == 1 or (replicas - 1) * each < rate


@given(RATES, st.floats(0.1, 1e5))
def test_the_curve_gives_as_many_as_the_rate_needs(rate, capacity):
    replicas = by_curve(rate, capacity)
    assert replicas * capacity >= rate * (1 - 1e-8)
    assert replicas == 1 or (replicas - 1) * capacity < rate


def test_headroom_is_what_load_grows_by_until_a_replica_answers():
    assert Headroom().factor == 1
    assert math.isclose(Headroom(growth_per_minute=0.5, scale_up_seconds=90).factor, 1.75)
