"""Replicas come with load, go without it, and may be lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from services import write_config

FAST = {"scale_down_delay_seconds": 3, "max_concurrent_requests": 4}


class Load:
    """Clients that ask without pause, until told to stop."""

    def __init__(self, service, clients):
        self.answers = []
        self._service = service
        self._stop = threading.Event()
        self._clients = ThreadPoolExecutor(clients)
        self._futures = [self._clients.submit(self._ask) for _ in range(clients)]

    def _ask(self):
        with httpx.Client(base_url=self._service.url, trust_env=False, timeout=60) as client:
            while not self._stop.is_set():
                try:
                    self.answers.append(client.post("/faq/score", json={"input": "change the port"}).status_code)
                except httpx.TransportError as error:
                    self.answers.append(repr(error))

    def stop(self):
        self._stop.set()
        for future in self._futures:
            future.result()
        self._clients.shutdown()
        return self.answers


def eventually(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition did not come true"
        time.sleep(0.1)  # between two looks at the condition


def test_replicas_follow_requests_in_flight_and_none_is_lost(serve, tmp_path):
    scaling = {**FAST, "max_replicas": 2}
    args = {"models": [{"kind": "faq_matcher", "versions": [{"scaling": scaling}]}]}
    service = serve("--config", write_config(tmp_path / "c.yaml", args))
    service.wait_for("Everything else")
    assert len(service.replicas("faq-1")) == 1
    load = Load(service, 16)
    eventually(lambda: len(service.replicas("faq-1")) == 2)
    answers = load.stop()
    assert set(answers) == {200}
    eventually(lambda: len(service.replicas("faq-1")) == 1)
    assert service.client.post("/faq/score", json={"input": "port"}).status_code == 200


def test_the_ingress_that_hosts_a_model_follows_requests_in_flight_and_none_is_lost(serve, tmp_path):
    args = {"ingress": {"scaling": {**FAST, "max_replicas": 2}}, "models": [{"kind": "faq_matcher"}]}
    service = serve("--config", write_config(tmp_path / "c.yaml", args))
    service.wait_for("Everything else")
    assert len(service.replicas("ingress")) == 1
    assert service.replicas("faq-1") == []
    load = Load(service, 16)
    eventually(lambda: len(service.replicas("ingress")) == 2)
    answers = load.stop()
    # A replica goes while requests come, which it must answer to the last.
    load = Load(service, 1)
    eventually(lambda: len(service.replicas("ingress")) == 1)
    answers += load.stop()
    assert set(answers) == {200}


def test_a_killed_replica_is_replaced_and_its_requests_are_asked_again(serve, tmp_path):
    scaling = {**FAST, "min_replicas": 2, "max_replicas": 2}
    args = {"models": [{"kind": "faq_matcher", "versions": [{"scaling": scaling}]}]}
    service = serve("--config", write_config(tmp_path / "c.yaml", args))
    service.wait_for("Everything else")
    load = Load(service, 8)
    eventually(lambda: len(load.answers) > 200)
    victim = service.replicas("faq-1")[0]
    victim.kill()
    killed = time.monotonic()
    eventually(lambda: victim.pid not in {p.pid for p in service.replicas("faq-1")})
    eventually(lambda: len(service.replicas("faq-1")) == 2, seconds=30)
    recovered = time.monotonic() - killed
    asked = len(load.answers)
    eventually(lambda: len(load.answers) > asked + 200)
    answers = load.stop()
    failed = [answer for answer in answers if answer != 200]
    assert failed == [], f"{len(failed)} of {len(answers)} requests failed; recovered after {recovered:.1f} s"
