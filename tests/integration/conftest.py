"""Real services, started as a user starts them."""

from pathlib import Path

import pytest
from services import Service, write_config


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
    "ingress": {"max_body_mb": 8, "max_images_per_request": 4},
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
