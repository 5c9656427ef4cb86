"""Ray Serve's logs."""

# Lines as Ray writes them.
# ruff: noqa: E501

from datetime import UTC, datetime

import pytest

from loadtest.serve_logs import ServeLogs, parse

CONTROLLER = """\
INFO 2026-11-21 03:23:45,468 controller 22429 -- Replica(id='frsxzl5r', deployment='faq-1', app='scoring') started successfully on node '7c35' after 6.0s (PID: 22572). Replica constructor, reconfigure method, and initial health check took 0.8s.
INFO 2026-11-21 03:24:00,812 controller 22429 -- Upscaling Deployment(name='faq-1', app='scoring') from 1 to 2 replicas. Current ongoing requests: 64.00, current running replicas: 1.
INFO 2026-11-21 03:24:00,931 controller 22429 -- Adding 1 replica to Deployment(name='faq-1', app='scoring').
INFO 2026-11-21 03:24:00,931 controller 22429 -- Starting Replica(id='ac35fc2v', deployment='faq-1', app='scoring').
INFO 2026-11-21 03:24:03,250 controller 22429 -- Replica(id='ac35fc2v', deployment='faq-1', app='scoring') started successfully on node '7c35' after 2.3s (PID: 23078). Replica constructor, reconfigure method, and initial health check took 0.7s.
INFO 2026-11-21 03:24:03,300 controller 22429 -- Upscaling Deployment(name='ingress', app='scoring') from 1 to 2 replicas. Current ongoing requests: 64.00, current running replicas: 1.
INFO 2026-11-21 03:25:10,100 controller 22429 -- Downscaling Deployment(name='faq-1', app='scoring') from 2 to 1 replicas. Current ongoing requests: 0.00, current running replicas: 2.
INFO 2026-11-21 03:25:10,200 controller 22429 -- Stopping Replica(id='ac35fc2v', deployment='faq-1', app='scoring') (currently RUNNING).
"""
REPLICA = """\
INFO 2026-11-21 03:24:02,812 scoring_faq-1 ac35fc2v -- Started initializing replica.
INFO 2026-11-21 03:24:03,194 scoring_faq-1 ac35fc2v 6627fedc-3af4-4611-8622-245d08a53e71 -- CALL describe OK 0.3ms
INFO 2026-11-21 03:24:03,940 scoring_faq-1 ac35fc2v 06c4bbac-cc39-4c28-9b68-7b87f56b1e88 -- CALL score OK 1.3ms
INFO 2026-11-21 03:24:03,944 scoring_faq-1 ac35fc2v 0a2e054f-ee19-4628-b40e-9fa2e1fa0750 -- CALL score OK 0.7ms
"""


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "controller_22429.log").write_text(CONTROLLER, encoding="utf-8")
    (tmp_path / "replica_scoring_faq-1_ac35fc2v.log").write_text(REPLICA, encoding="utf-8")
    return ServeLogs(tmp_path)


def test_events_of_one_deployment_in_order(logs):
    events = logs.events("faq-1", since=0)
    assert [event.kind for event in events] == [
        "running",
        "decided to add",
        "starting",
        "running",
        "decided to remove",
        "stopping",
    ]
    assert [event.pid for event in events if event.kind == "running"] == [22572, 23078]
    assert [event.target for event in events] == [0, 2, 0, 0, 1, 0]
    decided = events[1].time
    assert events[3].time - decided == pytest.approx(2.438)
    assert [event.kind for event in logs.events("faq-1", since=decided + 60)] == ["decided to remove", "stopping"]


def test_waiting_finds_the_first_event_or_gives_up(logs):
    first = logs.events("faq-1", since=0)[0].time
    found = logs.wait_for("running", "faq-1", since=first + 1, seconds=0)
    assert found is not None
    assert found.replica == "ac35fc2v"
    assert logs.wait_for("running", "image-1", since=0, seconds=0) is None


def test_first_answer_is_the_first_scored_call(logs):
    running = logs.events("faq-1", since=0)[3]
    answered = logs.first_answer("ac35fc2v")
    assert answered is not None
    assert answered - running.time == pytest.approx(0.69)
    assert logs.first_answer("frsxzl5r") is None


def test_first_answer_is_found_in_json_too(tmp_path):
    lines = ['{"time":"2026-05-04T10:11:1', "null", '{"message":"CALL score OK 1.0ms"}']
    lines.append('{"time":"2026-05-04T10:11:11.000+00:00","message":"CALL describe OK 1.0ms"}')
    lines.append('{"time":"2026-05-04T10:11:12.500+00:00","message":"CALL score OK 1.0ms"}')
    (tmp_path / "replica_scoring_faq-1_abc.log").write_text("\n".join(lines), encoding="utf-8")
    assert ServeLogs(tmp_path).first_answer("abc") == datetime(2026, 5, 4, 10, 11, 12, 500_000, UTC).timestamp()


@pytest.mark.parametrize("line", ["", "Traceback (most recent call last):", CONTROLLER.splitlines()[2]])
def test_other_lines_tell_nothing(line):
    assert parse(line) is None
