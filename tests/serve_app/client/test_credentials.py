import email.utils
import json
import pickle
from datetime import UTC, datetime

import httpx
import pytest

from serve_app.client import Keys, ServiceError
from serve_app.client.credentials import SECONDS_BETWEEN_TRIES, credentials_of
from serve_app.client.errors import Forbidden, Unauthenticated
from serve_app.client.exchange import Exchange, Service
from serve_app.client.retries import NO_RETRIES
from serve_app.client.steps import Reply
from serve_app.faq.asking import ask as ask_question

# What the service says it is; this machine's clock may say anything.
SERVICE_NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
ANSWER = {"result": [[], "Computed in 1.0 ms"], "matched": False}
OK = Reply(200, httpx.Headers(), json.dumps(ANSWER).encode())
TOKENS = Keys("primary", "secondary", with_tokens=True)


@pytest.fixture
def issued(reply):
    def issued(text, *, refresh=1800, seconds=3600):
        now = int(SERVICE_NOW.timestamp())
        content = {
            "accessToken": text,
            "tokenType": "Bearer",
            "refreshAfterTimeUtc": now + refresh,
            "expiryTimeUtc": now + seconds,
        }
        return reply(200, content, date=email.utils.format_datetime(SERVICE_NOW, usegmt=True))

    return issued


@pytest.fixture
def ask(drive, lock):
    made = {}

    def ask(given, *replies, model="faq"):
        credentials = made.setdefault(id(given), credentials_of(given, drive.time, lock))
        exchange = Exchange(Service("http://s", NO_RETRIES), drive.time.deadline(60))
        try:
            return drive(exchange.answer(ask_question("port?", model=model), credentials), *replies)
        finally:
            assert lock.held == 0
            assert drive.left == []

    return ask


@pytest.fixture
def sent(drive):
    """The last requests, as path and credential."""

    def sent():
        last = [(step.url.removeprefix("http://s"), step.headers.get("authorization")) for step in drive.sent]
        drive.sent.clear()
        return last

    return sent


TOKEN_PATH = "/api/v1/service/faq/token"  # noqa: S105 - a path


def test_a_token_goes_in_place_of_the_key_until_it_should_be_renewed(drive, ask, sent, issued):
    ask(TOKENS, issued("t1"), OK)
    drive.time.now += 1799
    ask(TOKENS, OK)
    assert sent() == [
        (TOKEN_PATH, "Bearer primary"),
        ("/faq/score", "Bearer t1"),
        ("/faq/score", "Bearer t1"),
    ]
    drive.time.now += 1
    ask(TOKENS, issued("t2"), OK)
    assert sent() == [(TOKEN_PATH, "Bearer primary"), ("/faq/score", "Bearer t2")]


def test_each_model_has_a_token_of_its_own(ask, sent, issued):
    ask(TOKENS, issued("t1"), OK)
    ask(TOKENS, issued("t2"), OK, model="other")
    ask(TOKENS, OK)
    assert [credential for _, credential in sent()][1::2] == ["Bearer t1", "Bearer t2"]


def test_a_refused_token_is_followed_by_a_fresh_one_once(ask, sent, issued, problem):
    ask(TOKENS, issued("t1"), problem(401), issued("t2"), OK)
    assert [credential for _, credential in sent()] == [
        "Bearer primary",
        "Bearer t1",
        "Bearer primary",
        "Bearer t2",
    ]
    with pytest.raises(Unauthenticated):
        ask(TOKENS, problem(401), issued("t3"), problem(401))


def test_a_token_is_fetched_with_the_secondary_key_where_the_primary_is_refused(ask, sent, issued, problem):
    ask(TOKENS, problem(401), issued("t1"), OK)
    assert [credential for _, credential in sent()] == ["Bearer primary", "Bearer secondary", "Bearer t1"]


def test_a_token_serves_on_while_it_cannot_be_renewed(drive, ask, sent, issued, problem):
    ask(TOKENS, issued("t1"), OK)
    drive.time.now += 2000
    ask(TOKENS, problem(503), OK)
    ask(TOKENS, OK)
    drive.time.now += SECONDS_BETWEEN_TRIES
    ask(TOKENS, issued("t2"), OK)
    assert [credential for path, credential in sent() if path != TOKEN_PATH] == [
        "Bearer t1",
        "Bearer t1",
        "Bearer t1",
        "Bearer t2",
    ]


def test_a_token_that_has_ended_serves_no_more(drive, ask, issued, problem):
    ask(TOKENS, issued("t1"), OK)
    drive.time.now += 3600
    with pytest.raises(ServiceError, match="503"):
        ask(TOKENS, problem(503))


def test_a_client_that_may_have_no_token_is_told(ask, problem):
    with pytest.raises(Forbidden):
        ask(TOKENS, problem(403))


def test_a_function_is_asked_each_time_and_again_after_a_refusal(ask, sent, problem):
    tokens = iter(["e1", "e2", "e3", "e4", "e4"])
    provider = lambda: next(tokens)  # noqa: E731
    ask(provider, OK)
    ask(provider, problem(401), OK)
    with pytest.raises(Unauthenticated):
        ask(provider, problem(401))
    assert [credential for _, credential in sent()] == ["Bearer e1", "Bearer e2", "Bearer e3", "Bearer e4"]


def test_without_credentials_none_is_sent(ask, sent, problem):
    with pytest.raises(Unauthenticated):
        ask(None, problem(401))
    assert sent() == [("/faq/score", None)]


@pytest.mark.parametrize("wrong", ["", "two words", "line\n", "clé", b"bytes", 7])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(drive, lock, wrong):
    with pytest.raises(ValueError, match=r"^A key or token must be a text of visible ASCII characters\.$"):
        credentials_of(Keys(wrong), drive.time, lock)


def test_a_function_that_returns_no_text_is_refused(ask):
    with pytest.raises(ValueError, match="visible ASCII"):
        ask(lambda: None)


def test_what_is_no_credential_is_refused(drive, lock):
    with pytest.raises(TypeError, match="a function that returns one"):
        credentials_of(7, drive.time, lock)


def test_keys_do_not_show_themselves(drive, lock):
    keys = Keys("primary-secret", "secondary-secret")
    held = credentials_of(keys, drive.time, lock)
    assert "secret" not in repr(keys) + repr(held) + repr(vars(held))


def test_errors_travel_between_processes(ask, problem):
    with pytest.raises(Unauthenticated) as error:
        ask("key", problem(401))
    again = pickle.loads(pickle.dumps(error.value))  # noqa: S301 - its own
    assert (again.code, str(again)) == ("some_code", "One sentence. (401 some_code, request r-1)")
