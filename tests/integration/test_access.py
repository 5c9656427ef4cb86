"""Keys that are made, rotated and revoked while clients send requests to several replicas of the ingress."""

import threading
import time
from dataclasses import dataclass

import httpx
import pytest
from services import write_config

# What the product promises: on every replica, a change holds by then.
SECONDS = 5

# How long requests go on after a change has to hold.
AFTER = 3
QUESTION = {"input": "port", "top_k": 1}


@dataclass(frozen=True)
class Answer:
    """What became of a request: when it left, when it was answered, with what status."""

    sent: float
    answered: float
    status: int


class Load:
    """Sends requests with several keys from several threads, each over a new connection: all replicas answer."""

    def __init__(self, url, credentials):
        self.url = url
        self.answers = {name: [] for name in credentials}
        self.errors = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, text))
            for name, text in credentials.items()
            for _ in range(2)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, name, text):
        headers = {"authorization": f"Bearer {text}", "connection": "close"}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30, headers=headers) as client:
            while not self._stop.is_set():
                sent = time.monotonic()
                try:
                    status = client.post("/faq/score", json=QUESTION).status_code
                except httpx.HTTPError as error:
                    self.errors.append(repr(error))
                    return
                self.answers[name].append(Answer(sent, time.monotonic(), status))

    def until(self, moment):
        """Let requests go on until each key's threads have had an answer after a moment."""
        while not self.errors and not all(found and found[-1].sent > moment for found in self.answers.values()):
            time.sleep(0.05)
        assert self.errors == []

    def statuses(self, name, *, since=float("-inf"), before=float("inf")):
        return {each.status for each in self.answers[name] if each.sent >= since and each.answered < before}


@pytest.fixture(scope="module")
def guarded(directory, tmp_path_factory):
    """A service of two ingress replicas whose requests need a key."""
    from services import Service

    args = {
        "profile": "production",
        "ingress": {"access": {"directory": str(directory)}, "scaling": {"min_replicas": 2, "max_replicas": 2}},
        "models": [{"kind": "faq_matcher"}],
    }
    service = Service("--config", write_config(tmp_path_factory.mktemp("guarded") / "c.yaml", args))
    service.wait_for("Everything else")
    yield service
    assert service.stop() == []


def status(service, key, path="/faq/score"):
    headers = {} if key is None else {"x-api-key": key}
    return service.client.post(path, json=QUESTION, headers=headers).status_code


def test_a_first_start_tells_how_to_make_a_key_and_shows_its_models(guarded, directory):
    assert f"scoring keys create NAME --directory {directory}" in guarded.output
    assert "faq" in guarded.output
    assert "trained" in guarded.output
    assert len(guarded.replicas("ingress")) == 2


def test_without_a_key_nobody_gets_in_and_health_is_open(guarded):
    assert status(guarded, None) == 401
    for path in ("/", "/v2/health/live", "/v2/health/ready"):
        assert guarded.client.get(path).status_code == 200
    for path in ("/v2/models/faq", "/swagger.json", "/docs", "/version"):
        assert guarded.client.get(path).status_code == 401


def token_of(service, key):
    return service.client.post("/api/v1/service/faq/token", headers={"x-api-key": key}).json()["accessToken"]


def test_rotating_and_revoking_under_load(guarded, keys):
    """No wrong accept after 5 seconds; no wrong refusal of the other keys ever."""
    batch, other = keys("create", "batch", "--json"), keys("create", "other", "--json")
    created = time.monotonic()
    with Load(guarded.url, {"primary": batch["primaryKey"], "secondary": batch["secondaryKey"]}) as load:
        load.until(created + SECONDS + AFTER)
    for name in ("primary", "secondary"):
        assert load.statuses(name, since=created + SECONDS) == {200}

    credentials = {
        "primary": batch["primaryKey"],
        "secondary": batch["secondaryKey"],
        "other": other["primaryKey"],
        "token of primary": token_of(guarded, batch["primaryKey"]),
        "token of secondary": token_of(guarded, batch["secondaryKey"]),
    }
    with Load(guarded.url, credentials) as load:
        load.until(time.monotonic() + 1)
        begun = time.monotonic()
        rotated = keys("rotate", "batch", "primary", "--json")["primaryKey"]
        done = time.monotonic()
        load.until(done + SECONDS + AFTER)
    for name in ("primary", "token of primary"):
        assert load.statuses(name, before=begun) == {200}
        assert load.statuses(name, since=done + SECONDS) == {401}
    for name in ("secondary", "other", "token of secondary"):
        assert load.statuses(name) == {200}

    with Load(
        guarded.url, {"rotated": rotated, "secondary": batch["secondaryKey"], "other": other["primaryKey"]}
    ) as load:
        load.until(time.monotonic() + 1)
        begun = time.monotonic()
        keys("revoke", "batch")
        done = time.monotonic()
        load.until(done + SECONDS + AFTER)
    for name in ("rotated", "secondary"):
        assert load.statuses(name, before=begun) == {200}
        assert load.statuses(name, since=done + SECONDS) == {401}
    assert load.statuses("other") == {200}


def test_signing_keys_are_rotated_under_load_without_a_wrong_refusal(guarded, keys):
    key = keys("create", "signed", "--json")["primaryKey"]
    created = time.monotonic()
    with Load(guarded.url, {"key": key}) as load:
        load.until(created + SECONDS)
    tokens = [token_of(guarded, key)]
    with Load(guarded.url, {"before": tokens[0]}) as load:
        keys("rotate-signing")
        # Until the new key signs, and every replica has been asked with what it signed.
        until = time.monotonic() + 10 + SECONDS
        while time.monotonic() < until:
            tokens.append(token_of(guarded, key))
            assert {status(guarded, tokens[-1]) for _ in range(8)} == {200}
        load.until(until)
    assert load.statuses("before") == {200}
    assert len({kid(token) for token in tokens}) == 2


def kid(token):
    import jwt

    return jwt.get_unverified_header(token)["kid"]
