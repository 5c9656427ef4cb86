"""More than the service can do: what is refused, what is given up, and what is answered all the same."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from payloads import JPEG, photo
from services import Service, write_config

MEBIBYTE = 1024 * 1024
DEADLINE = "x-request-timeout-seconds"

# A network that takes its time, room for all requests of a test before it, and limits that tests can reach.
ARGS = {
    "ingress": {
        "max_body_mb": 8,
        "max_body_memory_mb": 8,
        # More than a hundred clients on a few cores need for a body of theirs.
        "body_timeout_seconds": 5,
        "min_body_kb_per_second": 4096,
        "scaling": {"max_replicas": 1},
    },
    "models": [
        {"kind": "faq_matcher"},
        {
            "kind": "image_classifier",
            "versions": [
                {
                    "model": {"architecture": "resnet152", "weights": "DEFAULT", "download": False},
                    "preprocess_scaling": {"max_replicas": 1, "max_queued_requests": 40},
                }
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service("--config", write_config(tmp_path_factory.mktemp("overload") / "config.yaml", ARGS))
    service.wait_for("Everything else")
    yield service
    assert service.stop() == []


IMAGE = photo()


def ask(service, **headers):
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
        return client.post("/image/score", content=IMAGE, headers={**JPEG, **headers})


def all_at_once(service, headers):
    with ThreadPoolExecutor(len(headers)) as clients:
        return list(clients.map(lambda each: ask(service, **each), headers))


def classifier_seconds(service):
    """Processor time of the classifier so far."""
    (replica,) = [each for each in service.replicas("image-1") if "preprocess" not in " ".join(each.cmdline())]
    times = replica.cpu_times()
    return times.user + times.system


def work_of(service, action):
    """Return the classifier's processor time for an action and whatever is still queued after it."""
    before = classifier_seconds(service)
    result = action()
    # Calls are worked on in their order: once this is answered, nothing is left of those before.
    while (status := ask(service).status_code) == 503:
        pass
    assert status == 200
    return classifier_seconds(service) - before, result


@pytest.fixture(scope="module")
def work_of_forty(service):
    work_of(service, lambda: all_at_once(service, [{}] * 8))
    work, responses = work_of(service, lambda: all_at_once(service, [{}] * 40))
    assert {response.status_code for response in responses} == {200}
    return work


def test_what_is_past_its_deadline_is_not_inferred_though_its_neighbours_are(service, work_of_forty):
    # Most are impatient: those that are left go into smaller batches, in which each costs more.
    headers = [{DEADLINE: "0.1"} if number % 4 else {} for number in range(40)]
    work, responses = work_of(service, lambda: all_at_once(service, headers))
    patient = responses[::4]
    impatient = [response for number, response in enumerate(responses) if number % 4]
    assert {response.status_code for response in patient} == {200}
    late = [response for response in impatient if response.status_code == 408]
    assert len(late) > 10
    for response in late:
        assert response.json()["code"] == "request_timeout"
    assert work < 0.8 * work_of_forty


def test_what_nobody_waits_for_any_more_is_not_inferred(service, work_of_forty):
    head = f"POST /image/score HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(IMAGE)}\r\n\r\n"

    def hang_up():
        connections = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(40)]
        for connection in connections:
            connection.sendall(head.encode() + IMAGE)
        for connection in connections:
            connection.close()

    work, _ = work_of(service, hang_up)
    assert work < 0.8 * work_of_forty


@pytest.mark.parametrize("timeout", ["0", "soon"])
def test_a_deadline_that_is_none_is_refused(service, timeout):
    response = ask(service, **{DEADLINE: timeout})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_far_too_many_requests_are_answered_or_refused_and_health_checks_are_answered(service):
    statuses, checks = Counter(), []
    over = threading.Event()

    def insist():
        with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
            while not over.is_set():
                response = client.post("/image/score", content=IMAGE, headers=JPEG)
                statuses[response.status_code] += 1
                if response.status_code == 503:
                    assert response.headers["retry-after"] == "1"
                    assert response.json()["code"] == "overloaded"

    with ThreadPoolExecutor(100) as clients:
        running = [clients.submit(insist) for _ in range(100)]
        while not (statuses[503] > 100 and statuses[200] > 20 and len(checks) >= 3 * len(HEALTH)):
            assert not any(each.done() for each in running)
            checks += [httpx.get(service.url + path, trust_env=False, timeout=60).status_code for path in HEALTH]
        over.set()
        for each in running:
            each.result()
    assert set(statuses) == {200, 503}
    assert set(checks) == {200}
    assert ask(service).status_code == 200


HEALTH = ("/", "/v2/health/live", "/v2/health/ready")


def opened(service, *headers):
    connection = socket.create_connection(("127.0.0.1", service.port))
    connection.settimeout(60)
    lines = ["POST /image/score HTTP/1.1", "Host: x", "Content-Type: image/jpeg", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def answer(connection):
    """Read one answer; HAProxy keeps the connection open for as long as its client may be silent."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.headers, json.loads(response.read())


def test_a_body_that_comes_too_slowly_gets_408(service):
    for header in ("Content-Length: 100000", "Transfer-Encoding: chunked"):
        with opened(service, header) as connection:
            connection.sendall(b"5\r\nhello\r\n")
            status, _, problem = answer(connection)
        assert (status, problem["code"]) == (408, "request_timeout")
        assert "slowly" in problem["detail"]


def test_a_body_over_the_limit_is_refused_while_it_is_read(service):
    with opened(service, "Transfer-Encoding: chunked") as connection:
        for _ in range(9):
            connection.sendall(b"100000\r\n" + bytes(MEBIBYTE) + b"\r\n")
        status, _, problem = answer(connection)
    assert (status, problem["code"]) == (413, "payload_too_large")


def test_bodies_beyond_the_memory_for_them_are_refused_unread_and_small_ones_are_not(service):
    body = bytes(7 * MEBIBYTE)
    with opened(service, f"Content-Length: {len(body)}") as holder:
        holder.sendall(body[: 5 * MEBIBYTE])
        until = time.monotonic() + 30
        while True:
            # Not a byte of this body is ever sent.
            with opened(service, f"Content-Length: {len(body)}") as other:
                status, headers, problem = answer(other)
            if status == 503 or time.monotonic() > until:
                break
        assert (status, problem["code"]) == (503, "overloaded")
        assert headers["retry-after"] == "1"
        question = httpx.post(f"{service.url}/faq/score", json={"input": "port"}, trust_env=False, timeout=60)
        assert question.status_code == 200
        holder.sendall(body[5 * MEBIBYTE :])
        # It is no image; but it was read.
        assert answer(holder)[0] == 422
    assert httpx.post(f"{service.url}/image/score", content=body, headers=JPEG, trust_env=False).status_code == 422
