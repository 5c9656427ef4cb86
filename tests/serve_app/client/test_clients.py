"""Both clients against the real ingress, over real connections."""

import asyncio
import socket
import threading

import httpx
import pytest

from deployments.errors import Overloaded, Unavailable
from serve_app.client import (
    NO_RETRIES,
    AsyncScoringClient,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    Retries,
    ScoringClient,
    ServiceError,
    Tensor,
    UnexpectedResponse,
)
from serve_app.client import Unavailable as ServiceUnavailable
from serve_app.client.calls import Call
from serve_app.client.payloads import json_payload
from serve_app.client.readings import read_json
from serve_app.faq.asking import ask, ask_all
from serve_app.faq.results import Match
from serve_app.image.classifying import classify, classify_all

SEVEN = Match(7, 70, 0.5)
QUICK = Retries(first_seconds=0, most_seconds=0)


@pytest.fixture
def client(loopback, connect):
    return connect(loopback.url)


async def test_a_call_without_a_method_of_its_own_is_made_as_the_others_are(client, loopback):
    call = Call("POST", "/api/v1/service/faq/score", read_json, "faq", json_payload({"data": ["port?"]}))
    assert (await client.call(call))["matched"] == [True]
    assert loopback.paths == ["/api/v1/service/faq/score"]


async def test_versions_and_models_are_named(client, loopback):
    assert (await client.call(ask("a", version="2"))).origin.version == "2"
    with pytest.raises(NotFound) as error:
        await client.call(ask("a", model="../image/score?x="))
    assert error.value.code == "not_found"
    assert loopback.paths[0] == "/faq/versions/2/score"


async def test_an_error_says_what_the_service_says_and_which_image_it_means(client, tmp_path):
    (tmp_path / "no.jpg").write_bytes(b"GIF")
    with pytest.raises(InvalidInput, match=r"'no\.jpg': This is not an image\.") as error:
        await client.call(classify_all([b"IMGa", tmp_path / "no.jpg"]))
    assert (error.value.status, error.value.code) == (422, "invalid_image")
    assert error.value.request_id in str(error.value)
    with pytest.raises(InvalidInput, match="The text is empty"):
        await client.call(ask(" "))


async def test_what_is_too_large_is_not_sent_again(client, loopback):
    with pytest.raises(PayloadTooLarge):
        await client.call(classify(b"IMG" + bytes(2**20)))
    assert len(loopback.requests) == 1


async def test_a_model_describes_itself(client):
    told = await client.describe("faq", version="2")
    assert (told.name, told.versions, told.platform, told.weights) == ("faq", ("1", "2"), "numba", "trained")
    assert told.inputs == (Tensor("question", "BYTES", (-1,)),)
    assert told.parameters == {"originals": 2}
    with pytest.raises(NotFound):
        await client.describe("other")


async def test_readiness_is_asked_once(client, loopback, connect):
    assert await client.is_ready() is True
    assert await client.is_ready(model="faq", version="1") is True
    loopback.faq.errors = [Unavailable("No replica.")]
    assert await client.is_ready(model="faq") is False
    assert loopback.paths == ["/v2/health/ready", "/v2/models/faq/versions/1/ready", "/v2/models/faq/ready"]
    with pytest.raises(NotFound):
        await client.is_ready(model="other")
    assert await connect("http://127.0.0.1:1").is_ready() is False


async def test_waiting_ends_when_it_is_ready_or_the_time_is_over(client, loopback, connect):
    loopback.faq.errors = [Unavailable("No replica."), Unavailable("No replica.")]
    await client.wait_until_ready(60, model="faq")
    assert loopback.paths == ["/v2/models/faq/ready"] * 3
    with pytest.raises(DeadlineExceeded, match=r"was not ready in 0\.01 seconds"):
        await connect("http://127.0.0.1:1").wait_until_ready(0.01)


async def test_an_overload_is_asked_again(loopback, connect, monkeypatch):
    monkeypatch.setattr(Unavailable, "retry_after_seconds", 0)
    client = connect(loopback.url, retries=QUICK)
    loopback.faq.errors = [Overloaded("Full."), Overloaded("Full.")]
    assert (await client.call(ask("a"))).matched
    assert len(loopback.faq.items) == 3
    loopback.faq.errors = [Overloaded("Full.")] * 9
    with pytest.raises(ServiceUnavailable) as error:
        await connect(loopback.url, retries=NO_RETRIES).call(ask("a"))
    assert (error.value.code, error.value.retry_after_seconds) == ("overloaded", 0)


async def test_the_service_is_told_how_long_it_may_take(client, loopback):
    await client.call(ask("a", timeout_seconds=7))
    assert 6 < float(loopback.requests[0][1]["x-request-timeout-seconds"]) <= 7


async def test_a_call_ends_with_its_deadline(client):
    with pytest.raises(TimeoutError):
        await client.call(ask("for ever", timeout_seconds=0.2))


async def test_a_service_that_is_not_there_is_named(connect):
    with pytest.raises(ConnectionFailed, match=r"^http://127\.0\.0\.1:1 cannot be reached: "):
        await connect("http://127.0.0.1:1/", retries=QUICK).call(ask("a"))


async def test_a_redirect_is_not_followed(connect, kind):
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(307, headers={"location": "http://elsewhere/faq/score"})

    http = (httpx.Client if kind is ScoringClient else httpx.AsyncClient)(
        transport=httpx.MockTransport(answer), follow_redirects=True, auth=("user", "password")
    )
    with pytest.raises(ServiceError) as error:
        await connect("http://service", credentials="k-1", http=http).call(ask("a"))
    assert error.value.status == 307
    assert seen == ["http://service/faq/score"]


async def test_a_client_of_the_callers_own_stays_open(kind):
    http = (httpx.Client if kind is ScoringClient else httpx.AsyncClient)(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    )
    client = kind("http://service", http=http)
    await asyncio.to_thread(client.close) if kind is ScoringClient else await client.close()
    assert not http.is_closed


async def test_another_server_is_told_from_the_service(connect, kind):
    http = (httpx.Client if kind is ScoringClient else httpx.AsyncClient)(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    )
    with pytest.raises(UnexpectedResponse):
        await connect("http://service", http=http).call(ask("a"))


class Dripping:
    """A server that sends a header and then a byte now and then, each sooner than any limit for one read."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while not self._end.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    def close(self):
        self._end.set()
        self._thread.join()
        self._listener.close()


async def test_a_response_that_never_ends_ends_with_the_deadline(connect):
    server = Dripping()
    try:
        with pytest.raises(DeadlineExceeded):
            await connect(server.url, timeout_seconds=0.3).call(ask("a"))
    finally:
        server.close()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda client: client.call(ask(["a"])), TypeError),
        (lambda client: client.call(ask("a", topk=3)), TypeError),
        (lambda client: client.call(ask("a", explain_class=3)), TypeError),
        (lambda client: client.call(ask_all("a")), TypeError),
        (lambda client: client.call(ask_all([])), ValueError),
        (lambda client: client.call(classify_all(b"IMG")), TypeError),
        (lambda client: client.call(classify(None)), TypeError),
        (lambda client: client.call(ask("a", model="..")), ValueError),
        (lambda client: client.call(ask("a", timeout_seconds=0)), ValueError),
        (lambda client: client.call(ask("a", timeout_seconds=float("nan"))), ValueError),
        (lambda client: client.is_ready(version="1"), TypeError),
        (lambda client: client.call(classify("none.jpg")), FileNotFoundError),
    ],
)
async def test_what_makes_no_request_is_refused_before_it_is_sent(client, loopback, wrong, error):
    with pytest.raises(error):
        await wrong(client)
    assert loopback.requests == []


@pytest.mark.parametrize(
    "url",
    ["", "service", "ftp://service", "http://", "http://u:hidden@service", "http://s/?x=hidden", "http://s/#hidden"],
)
def test_an_address_that_is_none_is_refused_without_being_shown(kind, url):
    with pytest.raises(ValueError, match="address must") as error:
        kind(url)
    assert "hidden" not in str(error.value)


def test_threads_share_a_client(loopback):
    with ScoringClient(loopback.url, max_connections=4) as client:
        results = []
        threads = [threading.Thread(target=lambda: results.append(client.call(ask("a")).best)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [SEVEN] * 16


async def test_a_call_that_is_cancelled_leaves_the_client_usable(loopback):
    async with AsyncScoringClient(loopback.url, max_connections=1) as client:
        call = asyncio.create_task(client.call(ask("for ever")))
        while not loopback.faq.items:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.call(ask("a"))).matched
