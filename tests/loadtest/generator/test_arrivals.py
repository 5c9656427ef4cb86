import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import BenchmarkError
from loadtest.generator.arrivals import Arrivals, Step, due_times, parse_duration, parse_steps, starts

RATES = st.integers(1, 5000)
LENGTHS = st.integers(1, 5000)
STEPS = st.lists(st.builds(Step, rate=st.floats(0.5, 50), seconds=st.floats(0.5, 20)), min_size=1, max_size=4)


@given(st.lists(st.tuples(RATES, LENGTHS), min_size=1, max_size=6))
def test_steps_come_back_as_they_were_written(wanted):
    text = ", ".join(f"{rate}/{length}s" for rate, length in wanted)
    assert [(step.rate, step.seconds) for step in parse_steps(text, 1)] == wanted


@given(st.lists(st.tuples(st.lists(RATES, min_size=1, max_size=4), LENGTHS), min_size=1, max_size=4), st.lists(RATES))
def test_a_duration_holds_for_the_rates_before_it(groups, rest):
    items = [f"{','.join(map(str, rates))}/{length}ms" for rates, length in groups] + [str(rate) for rate in rest]
    found = [(step.rate, step.seconds) for step in parse_steps(",".join(items), 7)]
    wanted = [(rate, length * 0.001) for rates, length in groups for rate in rates] + [(rate, 7) for rate in rest]
    assert found == [(rate, pytest.approx(length)) for rate, length in wanted]


@given(st.text(max_size=12))
def test_whatever_is_written_gives_steps_or_a_sentence(text):
    try:
        steps = parse_steps(text, 1)
    except BenchmarkError:
        return
    assert all(step.rate > 0 and step.seconds > 0 for step in steps)


@pytest.mark.parametrize(("text", "wanted"), [("30", 30), ("30s", 30), ("2m", 120), ("1.5h", 5400), ("500ms", 0.5)])
def test_durations(text, wanted):
    assert parse_duration(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "-1", "10,,20", "10/0s", "ten", "10/", "1e3", "nan", "10/30s/2", "inf"])
def test_refuses_what_is_no_rate(text):
    with pytest.raises(BenchmarkError, match="is no"):
        parse_steps(text, 1)


@given(STEPS, st.sampled_from(Arrivals), st.integers(0, 5))
def test_requests_are_due_in_order_and_within_their_step(steps, arrivals, seed):
    begun = starts(steps)
    last = 0.0
    for at, number in due_times(steps, arrivals, seed):
        assert at >= last
        assert begun[number] <= at
        last = at
    assert begun[-1] == pytest.approx(sum(step.seconds for step in steps))


@given(STEPS)
def test_constant_arrivals_are_as_many_as_the_rate_wants(steps):
    found = [number for _, number in due_times(steps, Arrivals.CONSTANT, 1)]
    assert [found.count(number) for number in range(len(steps))] == [
        max(1, round(step.rate * step.seconds)) for step in steps
    ]


def test_poisson_arrivals_have_the_rate_and_the_spread_of_chance():
    found = [at for at, _ in due_times([Step(rate=100, seconds=200)], Arrivals.POISSON, 3)]
    assert len(found) == pytest.approx(20_000, rel=0.03)
    gaps = [after - before for before, after in itertools.pairwise(found)]
    assert sum(gap > 0.01 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.02)


@given(STEPS, st.sampled_from(Arrivals), st.integers(1, 5))
def test_the_shares_of_all_workers_are_all_requests(steps, arrivals, workers):
    shares = [itertools.islice(due_times(steps, arrivals, 1), index, None, workers) for index in range(workers)]
    assert sorted(itertools.chain(*shares)) == sorted(due_times(steps, arrivals, 1))
