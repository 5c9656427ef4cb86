import threading
from types import SimpleNamespace

import pytest
import ray.serve

from deployments.errors import StartupError
from serve_app import rollout
from serve_app.rollout import follow_rollout


def deployment(status="UPDATING", message="", **replicas):
    return SimpleNamespace(status=status, message=message, replica_states=replicas)


@pytest.fixture
def states(monkeypatch, tmp_path):
    """What Ray Serve says of the application, one after the other; the last stays."""
    states = []

    def status():
        state = states.pop(0) if len(states) > 1 else states[0]
        return SimpleNamespace(applications={} if state is None else {"mine": state})

    monkeypatch.setattr("ray.serve.status", status)
    monkeypatch.setattr(rollout, "POLL_SECONDS", 0)
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path))
    return states


def follow(report=lambda _: None, others=(), stop=None):
    return follow_rollout("mine", others, report, stop or threading.Event(), {})


def application(status, message="", **deployments):
    return SimpleNamespace(status=status, message=message, deployments=deployments)


def test_each_step_is_reported_once(states):
    states += [
        None,
        application("DEPLOYING", faq=deployment(), image=deployment()),
        application("DEPLOYING", faq=deployment(STARTING=1), image=deployment()),
        application("DEPLOYING", faq=deployment(STARTING=1), image=deployment(STARTING=1)),
        application("DEPLOYING", faq=deployment("HEALTHY", RUNNING=1), image=deployment(STARTING=1)),
        application("RUNNING", faq=deployment("HEALTHY", RUNNING=1), image=deployment("HEALTHY", RUNNING=2)),
    ]
    reported = []
    follow(reported.append)
    assert reported == [
        "faq: waiting",
        "image: waiting",
        "faq: loading",
        "image: loading",
        "faq: running (1 replica)",
        "image: running (2 replicas)",
    ]


def test_a_conversion_is_reported_unless_it_is_an_old_one(states, tmp_path, monkeypatch):
    (tmp_path / "converted" / ".left-behind").mkdir(parents=True)
    states += [application("DEPLOYING"), application("DEPLOYING"), application("RUNNING")]
    status, asked, reported = ray.serve.status, [], []

    def converting():
        asked.append(None)
        if len(asked) == 2:
            assert reported == []
            (tmp_path / "converted" / ".new").mkdir()
        return status()

    monkeypatch.setattr("ray.serve.status", converting)
    follow(reported.append)
    assert reported == ["network: being converted for a faster engine, this once"]


@pytest.mark.parametrize("status", ["DEPLOY_FAILED", "UNHEALTHY"])
def test_a_failure_ends_with_the_sentence_of_the_deployment_that_failed(states, status):
    failed = deployment("UNHEALTHY", "Error:\ndeployments.errors.StartupError: Name a file.\n")
    states.append(application(status, "Failed to update the deployments ['b'].", a=deployment(), b=failed))
    with pytest.raises(StartupError, match=r"^Name a file\.$"):
        follow()


def test_a_service_that_is_to_stop_waits_no_longer(states):
    states.append(application("DEPLOYING"))
    stop = threading.Event()
    stop.set()
    with pytest.raises(StartupError, match="Stopped before the service was ready"):
        follow(stop=stop)


def test_waiting_has_an_end(states, monkeypatch):
    monkeypatch.setattr(rollout, "START_SECONDS", 0.01)
    states.append(None)
    with pytest.raises(StartupError, match="did not start within"):
        follow()


def test_an_application_that_failed_is_named_and_the_others_are_waited_for(states, monkeypatch):
    sentence = "deployments.errors.StartupError: Name a file."
    failed = application("DEPLOYING", a=deployment("UPDATING", sentence))
    steps = [
        {"mine": application("DEPLOYING"), "one": application("DEPLOYING"), "two": failed},
        {"mine": application("RUNNING"), "one": application("DEPLOYING"), "two": failed},
        {"mine": application("RUNNING"), "one": application("RUNNING"), "two": failed},
    ]
    monkeypatch.setattr("ray.serve.status", lambda: SimpleNamespace(applications=steps.pop(0)))
    reported = []
    assert follow(reported.append, ["one", "two"]) == {"two": "Name a file."}
    assert steps == []
    assert "two: failed" in reported


def test_an_application_that_is_not_there_yet_is_waited_for(states, monkeypatch):
    steps = [{"mine": application("RUNNING")}, {"mine": application("RUNNING"), "one": application("RUNNING")}]
    monkeypatch.setattr("ray.serve.status", lambda: SimpleNamespace(applications=steps.pop(0)))
    assert follow(others=["one"]) == {}


def test_the_root_of_an_application_which_has_no_replica_is_not_reported(states):
    states.append(application("RUNNING", root=deployment("HEALTHY"), faq=deployment("HEALTHY", RUNNING=1)))
    reported = []
    follow(reported.append)
    assert reported == ["faq: running (1 replica)"]
