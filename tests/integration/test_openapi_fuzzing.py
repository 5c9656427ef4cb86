"""Schemathesis against everything that the OpenAPI document describes, with all of its checks."""

import json
import subprocess

import pytest
from fuzzing import check_everything
from services import SCORING, Service, write_config

CASES = 5000


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
    headers = {"x-api-key": key}
    assert check_everything(service, directory, headers=headers) >= CASES
    assert service.client.post("/faq/score", json={"input": "port"}, headers=headers).status_code == 200
