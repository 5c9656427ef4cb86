"""What becomes of workers' reports: figures, verdicts, files."""

import csv
import json
import re

import pytest
from typer.testing import CliRunner

from loadtest.errors import BenchmarkError
from loadtest.generator import folder
from loadtest.generator.arrivals import Step
from loadtest.generator.commands import app
from loadtest.generator.merging import Merge
from loadtest.generator.plan import Plan, Request, Scenario, share_of
from loadtest.generator.results import Results, Sample, ServerSide
from loadtest.generator.run_command import steps_of
from loadtest.generator.summary import summary
from loadtest.generator.tally import Tally
from loadtest.generator.validity import reasons_of_run, tolerance_ms

EVIL = "<script>alert('$x$')</script>"


def plan(*, rates=(10, 20), bad=0.0, clients=None, requests=None):
    request = Request(path="/x", body=b"x")
    scenarios = [
        Scenario(name="one", weight=1, requests=[request], bad_requests=[request]),
        Scenario(name=EVIL, weight=1, requests=[request]),
    ]
    steps = [Step(rate=rates[0], seconds=2, warm_up=True), *(Step(rate=rate, seconds=5) for rate in rates)]
    return Plan(
        url="http://x", scenarios=scenarios, steps=steps, bad_share=bad, clients=clients, requests=requests,
        timeout_seconds=1,
    )  # fmt: skip


def driven(given, *, latency=0.01, lag=0.001, left_out=0, cpu=0.3, outcome="ok", workers=2):
    """A run as workers would report it."""
    merge = Merge(given, workers)
    tallies = [Tally(given.interval_seconds) for _ in range(workers)]
    begun = 0.0
    for position, step in enumerate(given.steps):
        for request in range(round(step.rate * step.seconds)):
            tally, at = tallies[request % workers], begun + request / step.rate
            tally.due(at, position, request % 2)
            if request >= left_out:
                tally.sent(at, position, request % 2, lag)
                tally.over(at, position, request % 2, at + latency, outcome)
        begun += step.seconds
        for worker, tally in enumerate(tallies):
            report = {"number": position + 1, "at": begun, "step": position, "wall": step.seconds, "out": 0}
            merge.add(worker, {**report, "cpu": cpu * step.seconds, **tally.take()})
    for worker, tally in enumerate(tallies):
        merge.check(worker, {"number": len(given.steps)}, tally.totals)
    return merge


def results(measured, **more):
    return Results(
        title="A run", machine="here", started="now", settings={"scenarios": EVIL}, measured=measured,
        reasons=reasons_of_run(measured), **more,
    )  # fmt: skip


def test_steps_groups_and_series_add_up():
    measured = driven(plan()).measured()
    warm, ten, twenty = measured.steps
    assert (warm.warm_up, ten.counts.wanted, twenty.counts.wanted) == (True, 50, 100)
    assert [group.counts.ok for group in measured.groups] == [75, 75]
    assert twenty.answered_per_second == 20
    assert twenty.times.p99_ms == pytest.approx(10, rel=0.005)
    assert twenty.lag.p50_ms == pytest.approx(1, rel=0.005)
    assert twenty.cpu == [0.3, 0.3]
    whole = [row for row in measured.rows if not row.group]
    assert sum(row.wanted for row in whole) == sum(row.answered for row in whole) == 170
    assert [row.at for row in whole] == sorted(row.at for row in whole)
    assert reasons_of_run(measured) == []


def test_closed_intervals_take_no_memory():
    merge = driven(plan(rates=(10,) * 40))
    assert len(merge._open) < 10
    assert len([row for row in merge.measured().rows if not row.group]) == 202


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cpu": 0.95}, "worker 1 took 95% of a core (at most 90%)"),
        ({"lag": 0.02}, "100.0% of the requests were sent more than 10 ms late"),
        ({"left_out": 2}, "of 50 requests were sent"),
    ],
)
def test_what_the_generator_could_not_do_makes_a_run_invalid(wrong, said):
    reasons = reasons_of_run(driven(plan(), **wrong).measured())
    assert any(said in reason for reason in reasons), reasons


def test_a_slow_service_allows_a_later_send():
    assert tolerance_ms(2) == 10
    assert tolerance_ms(500) == 50
    assert reasons_of_run(driven(plan(), lag=0.02, latency=0.5).measured()) == []


def test_lost_reports_and_workers_make_a_run_invalid():
    merge = driven(plan())
    merge.check(0, {"number": 99}, {"sent": 1, "over": 0})
    merge.lose(1)
    assert len(reasons_of_run(merge.measured())) == 3


def test_errors_are_counted_apart_and_not_in_latencies():
    measured = driven(plan(), outcome="HTTP 503").measured()
    assert measured.steps[1].counts.errors == {"HTTP 503": 50}
    assert measured.steps[1].counts.error_share == 1
    assert measured.steps[1].times.count == 0
    assert measured.groups[0].failed_times.count == 75


def test_progress_tells_of_the_last_seconds():
    told = driven(plan()).progress()
    assert told["at"] == 12
    assert told["sent"] == 170
    assert told["sent_per_second"] == told["answered_per_second"] == 20
    assert told["p50_ms"] == pytest.approx(10, rel=0.005)
    assert told["cpu"] == [0.3, 0.3]
    json.dumps(told)


def test_a_folder_holds_everything_and_the_report_can_be_made_again(tmp_path):
    samples = [
        Sample(at=at, cpu={"replica a": 0.5}, memory={"replica a": 100.0, "raylet": 5.0}, handles={"replica a": 9},
               threads={"replica a": 3}, replicas={"a": 1})
        for at in (1.0, 2.0, 3.0)
    ]  # fmt: skip
    measured = driven(plan(bad=0.1), outcome="HTTP 500", lag=0.05).measured()
    given = results(measured, server=ServerSide(samples=samples))
    folder.write(given, tmp_path / "run")
    assert folder.read(tmp_path / "run") == given
    with (tmp_path / "run" / "series.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["error: HTTP 500"]) for row in rows if not row["group"]) == 170
    page = (tmp_path / "run" / "report.html").read_text()
    (tmp_path / "run" / "report.html").unlink()
    assert CliRunner().invoke(app, ["report", str(tmp_path / "run")]).exit_code == 0
    assert (tmp_path / "run" / "report.html").read_text() == page


def test_the_report_needs_nothing_else_and_shows_texts_as_texts(tmp_path):
    measured = driven(plan(), lag=0.05).measured()
    folder.write(results(measured, verdict={"passed": False, "lines": []}), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "mathdefault" not in page
    assert "INVALID" in page
    assert "Rate against latency" in page
    assert "Verdict: not passed" in page
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))


def test_a_valid_run_is_not_called_invalid(tmp_path):
    given = results(driven(plan()).measured())
    folder.write(given, tmp_path)
    assert "INVALID" not in (tmp_path / "report.html").read_text()
    assert not any("INVALID" in note for note in summary(given).notes)


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_refuses_a_folder_without_a_run(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(BenchmarkError, match="is not what"):
        folder.read(tmp_path)
    with pytest.raises(BenchmarkError, match="cannot be read"):
        folder.read(tmp_path / "nowhere")


@pytest.mark.parametrize(("total", "count"), [(100, 4), (101, 4), (3, 5), (0, 2)])
def test_shares_add_up(total, count):
    shares = [share_of(total, index, count) for index in range(count)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


def test_steps_that_options_ask_for():
    assert steps_of("5,10/2s", None, None, 30, 1) == [
        Step(rate=5, seconds=1, warm_up=True), Step(rate=5, seconds=2), Step(rate=10, seconds=2)
    ]  # fmt: skip
    assert steps_of(None, 4, None, 30, 0) == [Step(rate=None, seconds=30)]
    assert steps_of(None, 4, 100, 30, 0)[0].seconds > 30
    for wrong in ((None, None, None), ("5", 4, None), ("5", None, 100)):
        with pytest.raises(BenchmarkError, match="--"):
            steps_of(*wrong, 30, 0)


def test_steps_of_one_rate_are_no_curve_and_of_several_with_repeats_are(tmp_path):
    folder.write(results(driven(plan(rates=(10, 10, 10))).measured()), tmp_path)
    assert "Rate against latency" not in (tmp_path / "report.html").read_text()
    folder.write(results(driven(plan(rates=(10, 20, 10))).measured()), tmp_path)
    assert "Rate against latency" in (tmp_path / "report.html").read_text()
