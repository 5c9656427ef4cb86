"""Quotas of a service with two replicas of the ingress, counted in a Redis of their own."""

import itertools
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest
from redis_server import PASSWORD, QUOTED, RedisServer
from services import Service, write_config

QUESTION = {"input": "port", "top_k": 1}
BURST = 40


@pytest.fixture(scope="module")
def server():
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def credentials(keys):
    return {name: keys("create", name, "--json")["primaryKey"] for name in ("first", "second", "free")}


@pytest.fixture(scope="module")
def service(server, directory, credentials, tmp_path_factory):
    quotas = {
        # So slow that no test waits for more.
        "default": {"requests_per_second": 1e-4, "burst": BURST},
        "exceptions": [{"client": "free", "requests_per_second": 50_000, "concurrent_requests": 100}],
        "storage": "redis",
        "redis_url": f"redis://:${{QUOTAS_PASSWORD}}@127.0.0.1:{server.port}/1",
        # A killed Redis refuses connections at once; a slow machine should not look like one.
        "redis_timeout_seconds": 5,
    }
    args = {
        "profile": "production",
        "ingress": {
            "access": {"directory": str(directory)},
            "scaling": {"min_replicas": 2, "max_replicas": 2},
            "quotas": quotas,
        },
        "models": [{"kind": "faq_matcher"}],
    }
    config = write_config(tmp_path_factory.mktemp("quotas") / "config.yaml", args)
    service = Service("--config", config, environment={"QUOTAS_PASSWORD": QUOTED})
    service.wait_for("Everything else")
    yield service
    assert service.stop() == []


def ask(service, key):
    """Ask over a new connection, so that any replica may answer."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30, headers={"x-api-key": key}) as client:
        return client.post("/faq/score", json=QUESTION)


def replicas_at(service, server):
    """The ingress's replicas that are connected to Redis."""
    return {
        replica.pid
        for replica in service.replicas("ingress")
        for connection in psutil.Process(replica.pid).net_connections("tcp")
        if connection.raddr and connection.raddr.port == server.port
    }


def wait_until_all_count(service, server, key):
    """Ask until both replicas count: a connected one may yet wait for its turn to try Redis again."""
    until = time.monotonic() + 60
    counted_in_a_row = 0
    while counted_in_a_row < 20 or len(replicas_at(service, server)) < 2:
        assert time.monotonic() < until
        counted_in_a_row = counted_in_a_row + 1 if "ratelimit" in ask(service, key).headers else 0


def test_two_replicas_share_a_quota(service, server, credentials):
    wait_until_all_count(service, server, credentials["free"])
    responses = [ask(service, credentials["first"]) for _ in range(BURST + 20)]
    assert [each.status_code for each in responses] == [200] * BURST + [429] * 20
    left = [int(each.headers["ratelimit"].split("r=")[1].partition(";")[0]) for each in responses[:BURST]]
    assert left == list(range(BURST - 1, -1, -1))
    refused = responses[-1]
    assert refused.json()["code"] == "quota_exceeded"
    assert int(refused.headers["retry-after"]) > 1000


def test_others_have_a_quota_of_their_own_and_health_none(service, credentials):
    assert ask(service, credentials["second"]).status_code == 200
    for path in ("/", "/v2/health/ready"):
        assert service.client.get(path).status_code == 200


class Load:
    """Asks from several threads until it is told to stop."""

    def __init__(self, service, key):
        self.statuses = Counter()
        self._service, self._key = service, key
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._stop.is_set():
            self.statuses[ask(self._service, self._key).status_code] += 1

    def go_on(self, requests):
        wanted, until = self.statuses.total() + requests, time.monotonic() + 120
        while self.statuses.total() < wanted:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_requests_go_on_when_redis_dies_and_are_counted_when_it_is_back(service, server, credentials):
    with Load(service, credentials["free"]) as load:
        load.go_on(20)
        server.kill()
        load.go_on(100)
        # Nothing counts any more.
        assert {ask(service, credentials["first"]).status_code for _ in range(20)} == {200}
        server.start()
        load.go_on(20)
    assert load.statuses.keys() == {200}
    wait_until_all_count(service, server, credentials["free"])
    # A new Redis has forgotten what was counted.
    statuses = Counter(ask(service, credentials["first"]).status_code for _ in range(BURST + 10))
    assert statuses == {200: BURST, 429: 10}


def test_the_password_is_nowhere_to_be_read(service):
    logs = {
        Path(file.path).parent
        for replica in service.replicas("ingress")
        for file in psutil.Process(replica.pid).open_files()
        if file.path.endswith(".log")
    }
    files = [path for folder in logs for path in folder.rglob("*") if path.is_file()]
    texts = [service.output, *(path.read_text(errors="replace") for path in files)]
    assert any("Redis does not count quotas" in text for text in texts)
    for text, secret in itertools.product(texts, (PASSWORD, QUOTED)):
        assert secret not in text
