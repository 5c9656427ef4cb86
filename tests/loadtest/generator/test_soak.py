import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.generator import soak
from loadtest.generator.drift import growth, slope
from loadtest.generator.results import Counts, GroupFigures, Measured, Results, Sample, ServerSide, StepFigures, Times


@given(st.floats(-5, 5), st.floats(-100, 100), st.integers(3, 40))
def test_the_slope_of_a_line(steep, base, count):
    at = [float(each) for each in range(count)]
    assert slope(at, [base + steep * each for each in at]) == pytest.approx(steep, abs=1e-9)


def test_outliers_do_not_move_it():
    at = [float(each) for each in range(100)]
    values = [1000 + each + (each % 3 - 1) + (5000 if each % 5 == 4 else 0) for each in at]
    assert slope(at, values) == pytest.approx(1, abs=0.1)
    assert growth(at, values) == pytest.approx(0.094, abs=0.01)


def test_no_period_has_no_growth():
    assert growth([], []) == growth([1.0], [5.0]) == growth([1.0, 1.0], [5.0, 6.0]) == growth([1.0, 2.0], [0, 0]) == 0


def test_long_runs_are_thinned():
    at = [float(each) for each in range(20_000)]
    assert slope(at, [2 * each for each in at]) == pytest.approx(2)


def test_a_soak_has_windows_of_one_rate():
    steps = soak.steps_of(50, 3600, soak.default_warm_up(3600))
    assert [steps[0].warm_up, steps[0].seconds] == [True, 300]
    assert len(steps) == 1 + soak.WINDOWS
    assert sum(step.seconds for step in steps[1:]) == pytest.approx(3600)
    assert {step.rate for step in steps} == {50}


def results(*, memory=lambda _: 1000.0, p99=lambda _: 10.0, errors=0, bad_errors=0):
    groups = [
        GroupFigures(name="faq", counts=Counts(sent=9, errors={"HTTP 500": errors} if errors else {}), times=Times(),
                     failed_times=Times()),
        GroupFigures(name="faq, bad", counts=Counts(errors={"bad request accepted": bad_errors} if bad_errors else {}),
                     times=Times(), failed_times=Times()),
    ]  # fmt: skip
    windows = [
        StepFigures(
            rate=10, seconds=300, warm_up=False, counts=Counts(), times=Times(), lag=Times(),
            groups=[GroupFigures(name="faq", counts=Counts(), times=Times(count=900, p99_ms=p99(number)),
                                 failed_times=Times()), groups[1]],
        )
        for number in range(soak.WINDOWS)
    ]  # fmt: skip
    samples = [
        Sample(at=at, memory={"replica": memory(at)}, handles={"replica": 50}, threads={"replica": 9})
        for at in map(float, range(0, 3600, 60))
    ]
    measured = Measured(steps=windows, groups=groups, rows=[], workers=1)
    return Results(title="", machine="", started="", settings={}, measured=measured, server=ServerSide(samples=samples))


def failed(**more):
    return [line.what for line in soak.judge(results(**more), 300) if not line.passed]


def test_what_stays_as_it_is_passes():
    assert failed() == []
    # Memory that fills up at the start is no growth.
    assert failed(memory=lambda at: 200.0 if at < 300 else 1000.0) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"memory": lambda at: 1000 + at / 100}, "Memory growth"),
        ({"p99": lambda number: 10.0 + number}, "Growth of p99 of faq"),
        ({"errors": 1}, "Errors among valid requests"),
        ({"bad_errors": 1}, "Bad requests not refused"),
    ],
)
def test_what_grows_or_fails_does_not_pass(wrong, said):
    found = failed(**wrong)
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_verdict_without_the_server_s_processes_says_so():
    unseen = results()
    unseen.server.samples.clear()
    assert {line.found for line in soak.judge(unseen, 300) if line.what.startswith(("Memory", "Growth of open"))} == {
        "not looked at"
    }


def test_the_verdict_says_all():
    verdict = soak.verdict_of(soak.judge(results(errors=1), 300))
    assert verdict["passed"] is False
    assert {line["what"] for line in verdict["lines"]} >= {"Growth of threads", "Growth of open handles"}
