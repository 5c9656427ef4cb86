import pytest

from deployments.errors import StartupError
from deployments.failures import reason
from deployments.ingress.routing.settings import TableSettings, parse

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
    raise StartupError(f"The settings are not valid:\\n{explain(error, TableSettings)}") from None
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
    args = {"modles": [], "default_models": 3, "models": [{"kind": "faq_matcher", "name": "${NAME}"}]}
    with pytest.raises(StartupError) as raised:
        parse(args, {}, TableSettings)
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


def test_what_ray_says_itself_follows_its_own_announcement():
    message = "Deploying app 'faq-2' failed with exception:\nA custom router is not supported."
    assert reason(message) == "The application failed to start: A custom router is not supported."
