import json
import ssl

import httpx
import pytest

from serve_app.client.credentials import HeldKeys, NoCredentials
from serve_app.client.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    PayloadTooLarge,
    ServiceError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedResponse,
)
from serve_app.client.exchange import TIMEOUT_HEADER, Exchange, Service
from serve_app.client.retries import Retries
from serve_app.faq.asking import ask as ask_question
from serve_app.image.classifying import classify

URL = "http://service/prefix"
ANSWER = {"result": [[[7, 70, 0.5]], "Computed in 1.0 ms"], "matched": True}


@pytest.fixture
def exchange(drive):
    def exchange(seconds=60, **retries):
        # The longest pause each time, so that sums are known.
        service = Service(URL, Retries(**retries), uniform=lambda _low, high: high)
        return Exchange(service, drive.time.deadline(seconds))

    return exchange


@pytest.fixture
def ask(drive, exchange):
    def ask(*replies, credentials=None, seconds=60, call=None, **retries):
        steps = exchange(seconds, **retries).answer(
            call or ask_question("port?", top_k=1), credentials or NoCredentials()
        )
        return drive(steps, *replies)

    return ask


def test_a_request_says_what_is_asked_how_long_it_may_take_and_who_asks(drive, ask, reply):
    assert ask(reply(200, ANSWER), credentials=HeldKeys("k-1"), seconds=12).best.id == 7
    (sent,) = drive.sent
    assert (sent.method, sent.url) == ("POST", "http://service/prefix/faq/score")
    assert json.loads(sent.payload.content) == {"input": "port?", "top_k": 1}
    assert sent.headers == {
        "user-agent": "ray-scoring-client",
        "accept": "application/json, application/problem+json",
        "content-type": "application/json",
        TIMEOUT_HEADER: "12.000",
        "authorization": "Bearer k-1",
    }
    assert sent.timeout == httpx.Timeout(12, connect=5)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_what_is_refused_for_the_moment_is_sent_again_with_growing_pauses(drive, ask, problem, reply, status):
    refused = problem(status)
    assert ask(refused, refused, reply(200, ANSWER), first_seconds=0.2).matched
    assert drive.slept == [0.2, 0.4]
    assert [step.headers[TIMEOUT_HEADER] for step in drive.sent] == ["60.000", "59.800", "59.400"]


def test_retry_after_is_waited_for(drive, ask, problem, reply):
    ask(problem(503, retry_after="7"), reply(200, ANSWER), first_seconds=0.5)
    assert drive.slept == [7.5]


def test_after_the_last_attempt_its_error_is_raised(drive, ask, problem):
    with pytest.raises(Unavailable):
        ask(*[problem(503)] * 9, attempts=3)
    assert len(drive.sent) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"retry_after": "30"}, 20), ({"retry_after": "86400"}, 3600), ({}, 0.1)]
)
def test_nobody_waits_beyond_the_deadline(drive, ask, problem, headers, seconds):
    with pytest.raises(TooManyRequests) as refused:
        ask(problem(429, **headers), seconds=seconds)
    assert drive.slept == []
    assert refused.value.retry_after_seconds == (float(headers["retry_after"]) if headers else None)


def test_the_deadline_is_one_for_all_attempts(drive, ask, problem):
    drive.seconds_for_each = 4
    with pytest.raises(Unavailable):
        ask(*[problem(503)] * 9, seconds=10, attempts=9, first_seconds=1, most_seconds=1)
    # 0 to 4, 5 to 9; the pause to 10 would leave nothing.
    assert len(drive.sent) == 2
    assert drive.time.now == 1009


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 408, 413, 415, 422, 424, 500, 504])
def test_other_errors_are_raised_at_once(drive, ask, problem, status):
    with pytest.raises(ServiceError) as error:
        ask(problem(status, retry_after="1"))
    assert error.value.status == status
    assert len(drive.sent) == 1


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("[Errno 111] Connection refused"),
        httpx.ConnectTimeout("timed out"),
        httpx.ReadError("reset"),
        httpx.WriteError("broken pipe"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
)
def test_connections_that_fail_are_tried_again(drive, ask, reply, error):
    assert ask(error, reply(200, ANSWER)).matched
    with pytest.raises(ConnectionFailed, match=r"http://service/prefix cannot be reached: .*\.$"):
        ask(error, error, attempts=2)


@pytest.mark.parametrize("error", [httpx.ReadTimeout(""), httpx.WriteTimeout(""), httpx.PoolTimeout("")])
def test_what_takes_until_the_deadline_is_not_tried_again(drive, ask, error):
    with pytest.raises(DeadlineExceeded):
        ask(error)
    assert len(drive.sent) == 1


def test_a_deadline_that_has_passed_sends_nothing(drive, ask):
    with pytest.raises(TimeoutError):
        ask(seconds=-1)
    assert drive.sent == []


def test_a_wrong_certificate_stays_wrong(drive, ask):
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("certificate verify failed")
    with pytest.raises(ConnectionFailed, match="certificate verify failed"):
        ask(error)
    assert len(drive.sent) == 1


def test_an_error_brings_no_request_and_so_no_key_along(ask):
    error = httpx.ReadTimeout("", request=httpx.Request("POST", URL, headers={"authorization": "Bearer k-1"}))
    with pytest.raises(DeadlineExceeded) as raised:
        ask(error, credentials=HeldKeys("k-1"))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_what_cannot_be_decoded_is_unexpected(ask):
    with pytest.raises(UnexpectedResponse):
        ask(httpx.DecodingError("gzip"))


def test_a_refused_key_is_followed_by_the_other_one_once(drive, ask, problem, reply):
    keys = HeldKeys("primary", "secondary")
    assert ask(problem(401), reply(200, ANSWER), credentials=keys).matched
    assert drive.credentials == ["Bearer primary", "Bearer secondary"]
    ask(reply(200, ANSWER), credentials=keys)
    assert drive.credentials[2:] == ["Bearer secondary"]
    with pytest.raises(Unauthenticated):
        ask(problem(401), problem(401), reply(200, ANSWER), credentials=keys)
    assert drive.credentials[3:] == ["Bearer secondary", "Bearer primary"]


@pytest.mark.parametrize("status", [403, 413])
def test_no_other_refusal_tries_another_key(drive, ask, problem, status):
    with pytest.raises(ServiceError):
        ask(problem(status), credentials=HeldKeys("primary", "secondary"))
    assert drive.credentials == ["Bearer primary"]


@pytest.mark.parametrize(("status", "error"), [(503, Unavailable), (401, Unauthenticated), (413, PayloadTooLarge)])
def test_a_body_that_was_begun_is_never_sent_again(exchange, problem, status, error):
    call = classify(iter([b"IMG", b"a"]))
    steps = exchange().answer(call, HeldKeys("primary", "secondary"))
    send = steps.send(next(steps).function())
    assert next(send.payload.content.read()) == b"IMG"
    with pytest.raises(error):
        steps.send(problem(status))


def test_a_body_that_nobody_has_begun_is_sent_after_the_connection_comes_back(exchange):
    call = classify(iter([b"IMG", b"a"]))
    steps = exchange().answer(call, NoCredentials())
    steps.send(next(steps).function())
    steps.throw(httpx.ConnectError("refused"))
    assert b"".join(steps.send(None).payload.content.read()) == b"IMGa"
