"""Real services, started as a user starts them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from services import SCORING, Service, write_config

# A Python that has the package kserve, whose requirements do not fit those of this project.
KSERVE_PYTHON = "SCORING_KSERVE_PYTHON"


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def data(find_shared):
    return find_shared(".")


@pytest.fixture
def serve(tmp_path):
    """Start services that end with the test."""
    running = []

    def start(*arguments, **options):
        running.append(Service(*arguments, **options))
        return running[-1]

    yield start
    for service in running:
        if service.process.poll() is None:
            service.stop()


# What the tests of requests share: a small network, and limits that tests can reach.
SHARED = {
    "ingress": {"max_body_mb": 8, "max_items_per_request": {"images": 4}},
    "models": [
        {"kind": "faq_matcher"},
        {
            "kind": "image_classifier",
            "versions": [{"model": {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False}}],
        },
    ],
}


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """One service for all tests that only send requests."""
    config = write_config(tmp_path_factory.mktemp("shared") / "config.yaml", SHARED)
    service = Service("--config", config)
    service.wait_for("Everything else")
    yield service
    assert service.stop() == []


@pytest.fixture
def client(service):
    return service.client


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Where keys are."""
    return tmp_path_factory.mktemp("access") / "keys"


@pytest.fixture(scope="module")
def keys(directory):
    """Run `scoring keys`; returns what it prints for programs."""

    def keys(command, *arguments):
        run = subprocess.run(
            [SCORING, "keys", command, *arguments, "--directory", directory],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return json.loads(run.stdout) if "--json" in arguments else None

    return keys


@pytest.fixture(scope="session")
def kserve_python():
    if importlib.util.find_spec("kserve"):
        return sys.executable
    if python := os.environ.get(KSERVE_PYTHON):
        return python
    pytest.skip(f"needs the package kserve, here or in an environment whose Python {KSERVE_PYTHON} names")
