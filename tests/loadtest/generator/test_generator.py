"""The generator's processes against a real HTTP server that is in this process."""

import json
import socket
import subprocess
import sys
import threading

import pytest

from loadtest.errors import BenchmarkError
from loadtest.generator.arrivals import Arrivals, Step, parse_steps
from loadtest.generator.plan import Plan, Request, Scenario
from loadtest.generator.processes import Crew, session
from loadtest.generator.validity import reasons_of_run
from loadtest.ports import free_port

GOOD = Request(path="/good", body=b'{"a": 1}')


def plan(server, *, requests=(GOOD,), steps=None, **more):
    scenario = Scenario(name="good", weight=1, requests=list(requests), bad_requests=more.pop("bad_requests", []))
    return Plan(url=server.url, scenarios=[scenario], steps=steps or parse_steps("40", 2), **more)


def test_an_open_loop_shows_a_stall_that_a_closed_loop_hides(generator, server):
    stall = 2.0
    server.stall(1, stall)
    closed = generator.run(plan(server, steps=[Step(rate=None, seconds=4)], clients=2)).steps[0]
    server.stall(1, stall)
    opened = generator.run(plan(server, steps=parse_steps("50", 4))).steps[0]
    # Both saw it; for the closed loop it was two requests of many.
    assert closed.times.max_ms > 1e3 * stall / 2
    assert max(closed.times.p90_ms, 1e3 * stall / 2) < opened.times.p90_ms
    assert opened.counts.wanted == pytest.approx(200, abs=2)
    assert opened.counts.ok == opened.counts.sent
    # It is the server that was late, not the generator.
    assert opened.lag.p50_ms < opened.times.p90_ms / 2


def test_statuses_and_lost_connections_are_told_apart(generator, server):
    requests = [Request(path="/x", body=body) for body in (b"200", b"503", b"429", b"hang up")]
    steps = [Step(rate=None, seconds=60)]
    counts = generator.run(plan(server, requests=requests, steps=steps, clients=2).model_copy(update={"requests": 80}))
    found = counts.steps[0].counts
    assert found.model_dump() == {
        "wanted": 80,
        "sent": 80,
        "ok": 20,
        "expected": 0,
        "errors": {"HTTP 429": 20, "HTTP 503": 20, "connection closed": 20},
    }
    assert counts.steps[0].groups[0].failed_times.count == 60
    assert counts.lost == []


def test_as_many_requests_as_wanted_by_as_many_clients(generator, server):
    steps = [Step(rate=None, seconds=0.5, warm_up=True), Step(rate=None, seconds=60)]
    measured = generator.run(plan(server, steps=steps, clients=4).model_copy(update={"requests": 101}))
    assert measured.steps[1].counts.ok == measured.groups[0].counts.ok == 101
    assert measured.steps[0].counts.ok > 0
    assert measured.steps[1].seconds < 60
    assert sum(row.answered for row in measured.rows if not row.group) == len(server.seen)


def test_the_key_goes_out_and_nowhere_else(generator, server):
    measured = generator.run(plan(server, steps=parse_steps("10", 1)))
    assert {headers["x-api-key"] for _, headers, _ in server.seen} == {"secret-of-a-test"}
    assert "secret-of-a-test" not in measured.model_dump_json()


def test_steps_have_their_rates(generator, server):
    measured = generator.run(plan(server, steps=parse_steps("10,30/2s,60/1s", 1), arrivals=Arrivals.CONSTANT))
    assert [step.rate for step in measured.steps] == [10, 30, 60]
    # Of what a machine that is very busy could not send, only the number is estimated.
    assert [step.counts.wanted for step in measured.steps] == [20, 60, pytest.approx(60, abs=2)]
    assert sum(step.counts.ok for step in measured.steps) == len(server.seen)
    whole = [row for row in measured.rows if not row.group]
    assert sum(row.wanted for row in whole) == pytest.approx(140, abs=2)
    assert sum(row.answered for row in whole) == len(server.seen)


def test_bad_requests_are_expected_to_be_refused(generator, server):
    bad = [
        Request(path="/x", body=b"{"),
        Request(path="/x", body=b"x", declared_bytes=2**40),
        Request(path="/x", body=b'{"accepted": 1}'),
    ]
    given = plan(server, bad_requests=bad, steps=[Step(rate=None, seconds=600)], clients=4, bad_share=0.5)
    good, refused = generator.run(given.model_copy(update={"requests": 300})).groups
    assert good.name == "good"
    assert good.counts.errors == {}
    assert good.counts.sent + refused.counts.sent == 300
    assert refused.name == "good, bad"
    assert refused.counts.expected > refused.counts.errors["bad request accepted"] > 0
    assert set(refused.counts.errors) == {"bad request accepted"}


def test_a_rate_that_cannot_be_sent_is_invalid(generator, server):
    measured = generator.run(plan(server, steps=parse_steps("200000", 1), timeout_seconds=20, max_in_flight=200))
    step = measured.steps[0]
    assert step.counts.wanted == pytest.approx(200_000, rel=0.01)
    assert step.counts.sent < 0.99 * step.counts.wanted
    assert any("requests were sent" in reason for reason in reasons_of_run(measured))


def test_a_mix_has_the_shares_of_its_weights(generator, server):
    scenarios = [
        Scenario(name="a", weight=3, requests=[Request(path="/a", body=b"x")]),
        Scenario(name="b", weight=1, requests=[Request(method="GET", path="/b")]),
    ]
    steps = [Step(rate=None, seconds=600)]
    measured = generator.run(Plan(url=server.url, scenarios=scenarios, steps=steps, clients=4, requests=600))
    first, second = measured.groups
    assert first.counts.ok + second.counts.ok == 600
    assert first.counts.ok == pytest.approx(450, abs=60)
    assert {row.group for row in measured.rows} == {"", "a", "b"}


def test_nobody_there_is_counted(generator):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        scenario = Scenario(name="x", weight=1, requests=[GOOD])
        measured = generator.run(Plan(url=url, scenarios=[scenario], steps=parse_steps("20", 1)))
    assert measured.steps[0].counts.errors == {"connection refused": measured.steps[0].counts.sent}


def test_slow_answers_time_out(generator, server):
    server.stall(0, 60)
    measured = generator.run(plan(server, steps=parse_steps("20", 1), timeout_seconds=0.3))
    server.stall(None, 0)
    assert measured.steps[0].counts.errors == {"timeout": measured.steps[0].counts.sent}


def test_progress_is_told_and_a_run_can_be_ended(generator, server):
    events = []

    def note(event):
        events.append(event)
        if event["event"] == "progress" and event["sent"] > 20:
            generator.cease()

    measured = generator.run(plan(server, steps=parse_steps("20", 600)), note)
    assert [events[0]["event"], events[-1]["event"]] == ["started", "finished"]
    assert measured.stopped
    assert 20 < measured.steps[0].counts.ok < 12_000
    assert len(events[-2]["cpu"]) == 2


def test_a_worker_joins_by_its_own_command(server):
    port = free_port()
    command = ["worker", "--master", f"127.0.0.1:{port}"]
    program = [sys.executable, "-m", "loadtest.generator.commands", *command]
    started = []
    try:
        crew = Crew(local=1, remote=1, port=port)
        with session(crew, lambda _: started.append(subprocess.Popen(program))) as found:
            given = plan(server, steps=[Step(rate=None, seconds=600)], clients=4)
            measured = found.run(given.model_copy(update={"requests": 80}))
            assert found.workers == measured.workers == 2
            assert measured.steps[0].counts.ok == 80
            assert len(measured.steps[0].cpu) == 2
        # It ends with its master.
        assert started[0].wait(60) == 0
    finally:
        for process in started:
            process.kill()


def test_a_worker_that_is_lost_makes_a_run_invalid(server):
    with session(Crew(local=2)) as found:
        killer = threading.Event()

        def kill(event):
            if event["event"] == "progress" and event["sent"] and not killer.is_set():
                killer.set()
                found.processes[2].kill()

        measured = found.run(plan(server, steps=parse_steps("20", 3)), kill)
    assert any("was lost" in reason for reason in reasons_of_run(measured))


def test_no_worker_is_no_generator():
    with pytest.raises(BenchmarkError, match="no worker"), session(Crew(local=0)):
        pass


def test_an_address_that_does_not_exist_is_told(generator):
    scenario = Scenario(name="x", weight=1, requests=[GOOD])
    with pytest.raises(BenchmarkError, match="cannot be found"):
        generator.run(Plan(url="http://no-such-host.invalid", scenarios=[scenario], steps=parse_steps("20", 1)))


def test_the_command_line_is_not_patched():
    program = (
        "import json, sys, socket, loadtest.generator.commands, loadtest.generator.run_command,"
        " loadtest.generator.soak_command, loadtest.generator.capacity_command;"
        " print(json.dumps([name for name in ('gevent', 'locust', 'zmq') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == []
