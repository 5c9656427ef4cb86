"""Rounds of the comparison, with servers that only pretend."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.peers import measuring
from loadtest.peers.contestants import Contestant
from loadtest.peers.material import Material
from loadtest.peers.measuring import Plan, measure
from loadtest.wrk import WrkResult

FASTAPI = Contestant("fastapi", "faq", 1)
OWN = Contestant("ours", "faq", None, object="own")
MATERIAL = Material(Path("faq"), Path("own"), Path("network"), "fp32", {})
ROWS = [[1, 11, 0.6], [2, 12, 0.3], [3, 13, 0.1]]


class World:
    """What happens: starts, loads, stops; starts that fail first."""

    def __init__(self):
        self.events = []
        self.failing = 0
        self.rows = {FASTAPI: ROWS, OWN: ROWS}

    @contextmanager
    def started(self, contestant, material, payloads):
        if self.failing:
            self.failing -= 1
            raise BenchmarkError("Too slow.")
        self.events.append(("start", contestant.server))
        yield SimpleNamespace(
            url="here",
            payloads=payloads,
            service=SimpleNamespace(processes=list),
            answers=lambda count: [{"result": self.rows[contestant]}] * count,
            memory=lambda: 100.0,
        )
        self.events.append(("stop", contestant.server))

    def run(self, url, payloads, *, connections, seconds):
        self.events.append(("load", connections, seconds))
        return WrkResult(100, seconds, 1.0, 2.0, 3.0, 4.0, 0, 0)


@pytest.fixture
def world(monkeypatch):
    found = World()
    monkeypatch.setattr(measuring, "started", found.started)
    monkeypatch.setattr(measuring.wrk, "run", found.run)
    monkeypatch.setattr(measuring, "expected", lambda *_: [ROWS])
    return found


def run(said=None, *contestants, rounds=2):
    plan = Plan(contestants or (FASTAPI, OWN), {"faq": (1, 16)}, 6.0, 1.0, rounds)
    payloads = {"faq": [Payload(b"{}", "application/json")]}
    return measure(plan, MATERIAL, payloads, Path(), [].append if said is None else said.append)


def test_rounds_are_interleaved_and_one_server_runs_at_a_time(world):
    findings = run()
    assert [event for event in world.events if event[0] != "load"] == [
        ("start", "fastapi"),
        ("stop", "fastapi"),
        ("start", "ours"),
        ("stop", "ours"),
    ] * 2
    assert world.events[1:6] == [
        ("load", 16, 2.0),
        ("load", 1, 1.0),
        ("load", 1, 6.0),
        ("load", 16, 1.0),
        ("load", 16, 6.0),
    ]
    assert {key: len(samples) for key, samples in findings.samples.items()} == {
        (FASTAPI, 1): 2,
        (FASTAPI, 16): 2,
        (OWN, 1): 2,
        (OWN, 16): 2,
    }
    assert findings.agreement == 1.0


def test_a_server_that_answers_otherwise_is_not_measured(world):
    world.rows[FASTAPI] = [[2, 12, 0.6], [1, 11, 0.3], [3, 13, 0.1]]
    with pytest.raises(BenchmarkError, match="FastAPI answers body 0"):
        run()
    assert not [event for event in world.events if event[0] == "load"]


def test_a_server_that_fails_is_tried_once_more(world):
    world.failing, said = 1, []
    assert run(said, FASTAPI, rounds=1).samples
    assert said[-1] == "Too slow. Trying once more."


def test_a_server_that_fails_twice_does_not_end_the_run_of_the_others(world):
    world.failing, said = 2, []
    findings = run(said)
    assert {key: len(samples) for key, samples in findings.samples.items()} == {
        (FASTAPI, 1): 1,
        (FASTAPI, 16): 1,
        (OWN, 1): 2,
        (OWN, 16): 2,
    }
    assert findings.failures == {FASTAPI: ["Too slow."]}
    assert "Too slow. Left out of this round." in said


def test_without_any_figure_the_run_ends_with_the_reason(world):
    world.failing = 8
    with pytest.raises(BenchmarkError, match="Too slow"):
        run()
