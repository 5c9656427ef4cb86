"""Figures of a step of load."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import BenchmarkError
from loadtest.open_loop import Timed
from loadtest.scale.autoscale import processes_left
from loadtest.scale.autoscale_figures import (
    HOLD_SECONDS,
    Step,
    Window,
    fewer_enough,
    recovery_of,
    recovery_seconds,
    replicas_over_time,
    report,
    windows,
)
from loadtest.scale.autoscale_plot import draw
from loadtest.serve_logs import Event

BEGUN, ENDED = 110.0, 130.0


def event(time, kind, replica="", pid=0, target=0):
    return Event(time, kind, "waiting-1", replica, pid, target)


EVENTS = [
    event(111.2, "decided to add", target=3),
    event(111.3, "starting", "b"),
    event(114.0, "running", "b", 12),
    event(114.5, "running", "c", 13),
    event(192.0, "decided to remove", target=1),
    event(192.1, "stopping", "b"),
    event(192.2, "stopping", "c"),
]


def step(*, slow_until=116.0, failed=0):
    """100 requests a second for 100 s, 300 in the step; slow from its begin until a time."""
    due = [100 + number / 100 for number in range(10_000)]
    due += [BEGUN + number / 200 for number in range(int((ENDED - BEGUN) * 200) + 1)]
    requests = [Timed(at, at + (0.5 if BEGUN <= at < slow_until else 0.01), 200) for at in sorted(due)]
    requests[:failed] = [Timed(each.due, each.ended, 503) for each in requests[:failed]]
    return Step(100.0, 3.0, BEGUN, ENDED, requests, EVENTS, answered=114.2, gone=193.0, target_in_flight=30.0)


def test_a_window_holds_the_requests_that_were_due_within_its_second():
    requests = [Timed(10.0, 10.1, 200), Timed(10.5, 10.7, 200), Timed(12.0, 12.4, 200)]
    found = windows(requests, 10.0, 13.0)
    by_end = {round(each.ended, 1): (each.requests, round(each.p99_ms)) for each in found}
    assert by_end[10.5] == (1, 100)
    assert by_end[11.0] == (2, 200)
    assert by_end[11.3] == (1, 200)
    assert by_end[13.0] == (1, 400)
    assert not {11.6, 12.0} & by_end.keys()


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.001, 5)), min_size=1, max_size=60),
    st.floats(1, 1000),
)
def test_no_window_is_over_the_slowest_request_or_under_the_fastest(requests, target):
    timed = [Timed(due, due + seconds, 200) for due, seconds in requests]
    found = windows(timed, 0.0, 22.0)
    latencies = [each.seconds * 1e3 for each in timed]
    assert all(min(latencies) <= each.p99_ms <= max(latencies) for each in found)
    back = recovery_seconds(found, 0.0, target)
    if back:
        after = [each for each in found if back <= each.ended <= back + HOLD_SECONDS]
        assert all(each.p99_ms <= target for each in after)


def series(*levels):
    """Windows at tenths of a second; each level holds for one second."""
    return [Window(number / 10, 100, levels[number // 10]) for number in range(10 * len(levels))]


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        ([10] * 6, 0.0),
        ([10, 90, 90, 10, 10, 10, 10, 10], 3.0),
        # Back for a second only.
        ([10, 90, 10, 90, 10, 10, 10, 10, 10], 4.0),
        # What comes after it was back does not count.
        ([90, 10, 10, 10, 10, 10, 90, 90], 1.0),
        ([90] * 6, None),
        # Under its target at the end, for too short a time to tell.
        ([90, 90, 90, 90, 10, 10], None),
        ([], None),
    ],
)
def test_p99_is_back_when_it_stays(levels, wanted):
    assert recovery_seconds(series(*levels), 0.0, 20.0) == (None if wanted is None else pytest.approx(wanted))


def test_replicas_over_time_by_the_log():
    assert replicas_over_time(EVENTS) == [
        (111.2, 3, 1),
        (114.0, 3, 2),
        (114.5, 3, 3),
        (192.0, 1, 3),
        (192.1, 1, 2),
        (192.2, 1, 1),
    ]


def test_processes_left_are_those_that_were_not_told_to_stop():
    before = event(90.0, "running", "a", 11)
    assert processes_left([before, *EVENTS]) == {11}
    assert processes_left([before, *EVENTS[:4]]) == {11, 12, 13}


def test_the_report_counts_from_the_step_and_from_its_end():
    table = report("waiting", [step()], target_ms=None, removal_seconds=60)
    rows = {name: figure for name, figure, _ in table.rows}
    assert rows["p99 before, ms"] == "10.0"
    assert rows["p99's target, ms"] == "20.0"
    assert rows["To the decision to add, s"] == "1.20"
    assert rows["To the first added replica running, s"] == "4.00"
    assert rows["To its first answer, s"] == "4.20"
    # The last slow request was due right before 116, so it is in every second that ends before 117.
    assert 6.9 <= float(rows["To p99 back under its target, s"]) <= 7.1
    assert rows["Most replicas wanted"] == "3"
    # 150 in flight until 116.5, then 3: averaged over two seconds, two replicas are enough 1.2 s later.
    assert 74 <= float(rows["From when fewer were enough to the decision to remove, s"]) <= 75
    assert rows["From the end to the decision to remove, s"] == "62.00"
    assert rows["From the end to the last removed process gone, s"] == "63.00"
    assert rows["Requests that failed"].startswith("0 of 14,0")
    assert len(table.notes) == 1
    assert json.loads(table.json())["steps"][0]["target_ms"] == pytest.approx(20)


def test_where_as_many_are_needed_to_the_end_fewer_are_never_enough():
    assert fewer_enough(replace(step(), target_in_flight=0.1)) is None
    assert fewer_enough(replace(step(), target_in_flight=1000.0)) == BEGUN


def test_the_report_says_what_never_came_what_failed_and_what_was_not_sent():
    lost = step(slow_until=140.0, failed=7)
    few = Step(1000.0, 3.0, BEGUN, ENDED, lost.requests, [], None, None, target_in_flight=30.0)
    rows = {name: figure for name, figure, _ in report("faq", [lost], target_ms=50, removal_seconds=60).rows}
    assert rows["To p99 back under its target, s"] == "never"
    assert rows["p99's target, ms"] == "50.0"
    assert rows["Requests that failed"].startswith("7 of")
    table = report("faq", [few], target_ms=50, removal_seconds=60)
    assert {name: figure for name, figure, _ in table.rows}["To the decision to add, s"] == "never"
    assert table.notes[-1].startswith("Not valid:")
    assert recovery_of(lost, 1000.0) == 0.0


def test_a_picture_of_a_step(tmp_path):
    pytest.importorskip("matplotlib")
    draw(step(), tmp_path / "a.svg", target_ms=None)
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    with pytest.raises(BenchmarkError, match="cannot be written"):
        draw(step(), tmp_path / "missing" / "a.svg", target_ms=None)
