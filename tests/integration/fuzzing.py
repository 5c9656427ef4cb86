"""Schemathesis against everything that a service's OpenAPI document describes, with all of its checks."""

import json
import subprocess
import sys
from pathlib import Path

SCHEMATHESIS = Path(sys.executable).with_name("st")

# A body that is what the schema says may still be no image, or a tensor of another model, a made-up key is none, and
# a client may wait too short a time: no schema can say that.
# What can be said without a body has to hold as it stands.
CONFIG = """
continue-on-failure = true
generation.deterministic = true
[[operations]]
include-method = "POST"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 408, 413, 422]
"""

LEAKS = ("Traceback", 'File "', "site-packages", "deployments.", "ray::")


def check_everything(service, directory, *, leaks=LEAKS, headers=None, examples=200):
    """Send what the document describes; no check fails, no replica ends, and nothing of the inside is told.

    Args:
        service: that runs.
        directory: for files of Schemathesis.
        leaks: texts that no answer and no line of the service may hold.
        headers: of every request.
        examples: requests of each kind for each operation, at the most.

    Returns:
        The number of requests.
    """
    replicas = sorted(process.pid for process in service.replicas(""))
    (directory / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    given = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    arguments = [*given, "-n", str(examples), "--checks", "all", "--no-color"]
    reports = ["--report", "har", "--report-har-path", "answers.json", "--report-preserve-bytes"]
    command = [SCHEMATHESIS, "run", f"{service.url}/swagger.json", *arguments, *reports]
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-20_000:]
    answers = json.loads((directory / "answers.json").read_text(encoding="utf-8"))["log"]["entries"]
    for answer in answers:
        response = answer["response"]
        assert not any(leak in json.dumps(response) for leak in leaks), response
    assert sorted(process.pid for process in service.replicas("")) == replicas
    assert not any(leak in service.output for leak in leaks), service.output
    return len(answers)
