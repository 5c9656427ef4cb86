"""Schemathesis against everything that the OpenAPI document describes, with all of its checks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from services import SCORING, Service, write_config

SCHEMATHESIS = Path(sys.executable).with_name("st")
CASES = 5000

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


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzzing")


@pytest.fixture(scope="module")
def key(directory):
    command = [SCORING, "keys", "create", "fuzz", "--role", "scoring.invoke", "--role", "scoring.admin", "--json"]
    made = subprocess.run([*command, "--directory", directory / "keys"], capture_output=True, text=True, check=True)
    return json.loads(made.stdout)["primaryKey"]


@pytest.fixture(scope="module")
def service(directory, key):
    assert key
    model = {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False}
    args = {
        "ingress": {"max_body_mb": 8, "access": {"required": True, "directory": str(directory / "keys")}},
        "models": [{"kind": "faq_matcher"}, {"kind": "image_classifier", "versions": [{"model": model}]}],
    }
    service = Service("--config", write_config(directory / "config.yaml", args))
    service.wait_for("Everything else")
    yield service
    assert service.stop() == []


@pytest.mark.timeout(900)
def test_all_checks_hold_for_everything_that_the_document_describes(service, key, directory):
    replicas = sorted(process.pid for process in service.replicas(""))
    (directory / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    arguments = ["-H", f"x-api-key: {key}", "-n", "200", "--checks", "all", "--no-color"]
    reports = ["--report", "har", "--report-har-path", "answers.json", "--report-preserve-bytes"]
    command = [SCHEMATHESIS, "run", f"{service.url}/swagger.json", *arguments, *reports]
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-20_000:]
    answers = json.loads((directory / "answers.json").read_text(encoding="utf-8"))["log"]["entries"]
    assert len(answers) >= CASES
    for answer in answers:
        response = answer["response"]
        assert not any(leak in json.dumps(response) for leak in LEAKS), response
    asked = service.client.post("/faq/score", json={"input": "port"}, headers={"x-api-key": key})
    assert asked.status_code == 200
    assert sorted(process.pid for process in service.replicas("")) == replicas
    assert not any(leak in service.output for leak in LEAKS), service.output
