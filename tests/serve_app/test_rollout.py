import threading
from types import SimpleNamespace

import pytest
import ray.serve

from deployments.errors import StartupError
from serve_app import rollout
from serve_app.rollout import follow_rollout, reason
from serve_app.settings import parse_settings

# As Ray Serve 2.60 writes them, shortened.
REPLICA_FAILED = """\
Failed to update the deployments ['image-1'].

The deployment failed to start 3 times in a row. This may be due to a problem with its constructor or initial health \
check failing. See controller logs for details. Error:
\x1b[36mray::ServeReplica:scoring:image-1.initialize_and_get_metadata()\x1b[39m (pid=25174, ip=10.0.0.2, actor_id=a24, \
repr=<ray.serve._private.replica.ServeReplica:scoring:image-1 object at 0x7fd554be5710>)
  File "/usr/lib/python3.11/concurrent/futures/_base.py", line 449, in result
    return self.__get_result()
           ^^^^^^^^^^^^^^^^^^^
  File "/site-packages/ray/serve/_private/replica.py", line 1928, in initialize
    raise RuntimeError(traceback.format_exc()) from None
RuntimeError: Traceback (most recent call last):
  File "/site-packages/ray/serve/_private/replica.py", line 1867, in initialize
    await self._user_callable_wrapper.initialize_callable()
{error}

Deployment 'image-1-preprocess' in application 'scoring' has 1 replicas that have taken more than 30s to initialize.
This may be caused by a slow __init__ or reconfigure method.
"""

CHAINED = """\
FileNotFoundError: [Errno 2] No such file or directory: '/none.tsv'

The above exception was the direct cause of the following exception:

\x1b[36mray::ServeReplica:scoring:faq-1.initialize_and_get_metadata()\x1b[39m (pid=25723, ip=10.0.0.2)
  File "/srv/app/deployments/faq_matcher/table.py", line 52, in _read_text
    raise StartupError(f"{path} cannot be read: {error.strerror}.") from error
deployments.errors.StartupError: /none.tsv cannot be read: No such file or directory."""

BUILD_FAILED = """\
Deploying app 'scoring' failed with exception:
Traceback (most recent call last):
  File "/site-packages/ray/_private/worker.py", line 1053, in get_objects
    raise value.as_instanceof_cause()
ray.exceptions.RayTaskError(RuntimeError): \x1b[36mray::build_serve_application()\x1b[39m (pid=26045, ip=10.0.0.2)
  File "/site-packages/ray/serve/_private/application_state.py", line 1843, in build_serve_application
    raise RuntimeError(err_str) from None
RuntimeError: Traceback (most recent call last):
  File "/srv/app/serve_app/settings.py", line 117, in parse_settings
    raise StartupError(f"The settings are not valid:\\n{explain(error, ApplicationSettings)}") from None
"""


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "\n",
        "\nRayTaskError: something else",
        '\n  File "/x.py", line 3, in x\n    y()',
        "\n\x1b[36mray::ServeReplica()\x1b[39m (pid=1)",
        "\nThe deployment failed to start 3 times in a row.",
        "\n\nDuring handling of the above exception, another exception occurred:\n\nValueError: no",
    ],
)
def test_the_sentence_is_found_whatever_follows(rest):
    sentence = "The weights IMAGENET1K_V2 of resnet152 cannot be had; name a file or URI with weights_uri."
    message = REPLICA_FAILED.format(error=f"deployments.errors.StartupError: {sentence}{rest}")
    assert reason(message) == sentence


def test_the_sentence_is_found_behind_what_caused_it():
    message = REPLICA_FAILED.format(error=CHAINED)
    assert reason(message) == "/none.tsv cannot be read: No such file or directory."


def test_wrong_settings_survive_whole():
    args = {"modles": [], "ingress": {"max_body_mb": "x"}, "models": [{"kind": "faq_matcher", "name": "${NAME}"}]}
    with pytest.raises(StartupError) as raised:
        parse_settings(args, {})
    explanation = str(raised.value)
    assert explanation.count("\n") == 3
    message = f"{BUILD_FAILED}deployments.errors.StartupError: {explanation}\n"
    assert reason(message) == explanation
    assert reason(f"{message}\n\nmore of Ray's own words") == explanation


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ModuleNotFoundError: No module named 'numba'", "ModuleNotFoundError: No module named 'numba'"),
        ("ImportError: libcuda.so.1: cannot open", "ImportError: libcuda.so.1: cannot open"),
        ("torch.OutOfMemoryError: CUDA out of memory.", "OutOfMemoryError: CUDA out of memory."),
        ("ValueError: first\n\nDuring handling:\n\nKeyError: 'second'", "KeyError: 'second'"),
        ("AssertionError", "AssertionError"),
    ],
)
def test_other_errors_are_told_by_their_last_line(error, expected):
    assert reason(REPLICA_FAILED.format(error=error)) == f"The application failed to start: {expected}"


def test_without_an_error_the_first_line_tells():
    message = "The deployment cannot be placed: no node has a GPU.\nSee the logs."
    assert reason(message) == "The application failed to start: The deployment cannot be placed: no node has a GPU."


@pytest.mark.parametrize("message", ["", "\n\n", "  "])
def test_without_any_words_that_is_said(message):
    assert reason(message) == "The application failed to start: Ray Serve gives no reason."


# Following


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
    follow_rollout("mine", reported.append, threading.Event())
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
    follow_rollout("mine", reported.append, threading.Event())
    assert reported == ["network: being converted for a faster engine, this once"]


@pytest.mark.parametrize("status", ["DEPLOY_FAILED", "UNHEALTHY"])
def test_a_failure_ends_with_the_sentence_of_the_deployment_that_failed(states, status):
    failed = deployment("UNHEALTHY", "Error:\ndeployments.errors.StartupError: Name a file.\n")
    states.append(application(status, "Failed to update the deployments ['b'].", a=deployment(), b=failed))
    with pytest.raises(StartupError, match=r"^Name a file\.$"):
        follow_rollout("mine", lambda _: None, threading.Event())


def test_a_service_that_is_to_stop_waits_no_longer(states):
    states.append(application("DEPLOYING"))
    stop = threading.Event()
    stop.set()
    with pytest.raises(StartupError, match="Stopped before the service was ready"):
        follow_rollout("mine", lambda _: None, stop)


def test_waiting_has_an_end(states, monkeypatch):
    monkeypatch.setattr(rollout, "START_SECONDS", 0.01)
    states.append(None)
    with pytest.raises(StartupError, match="did not start within"):
        follow_rollout("mine", lambda _: None, threading.Event())
