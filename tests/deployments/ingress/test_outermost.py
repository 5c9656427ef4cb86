from functools import partial

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from deployments.ingress.outermost import Outermost, ShortWay, middlewares


async def echo(scope, receive, send):
    await PlainTextResponse(Request(scope).headers["x-request-id"])(scope, receive, send)


@pytest.fixture
async def client():
    app = echo
    for middleware in middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scoring") as client:
        yield client


async def test_a_harmless_identifier_is_taken_over(client):
    assert (await client.get("/", headers={"x-request-id": "abc-1.2_3"})).text == "abc-1.2_3"


@pytest.mark.parametrize("sent", [b'a" 200 b', b"\xff\xfe", b"a b", b"", b"x" * 129, b"a\x1b[31m"])
async def test_an_identifier_that_could_forge_a_log_line_is_replaced(client, sent):
    text = (await client.get("/", headers=[(b"x-request-id", sent)])).text
    assert len(text) == 36
    assert text != sent.decode("latin-1")


async def test_a_request_without_gets_one(client):
    first, second = [(await client.get("/")).text for _ in range(2)]
    assert len(first) == 36
    assert first != second


async def test_a_problem_names_the_identifier_of_its_request(application):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://scoring") as client:
        response = await client.get("/nothing", headers={"x-request-id": "abc-1"})
        assert response.json()["request_id"] == "abc-1"


class TestShortWay:
    @pytest.fixture
    def asked(self):
        """Asks through an open short way; tells who answered."""

        async def named(name, scope, receive, send):
            await PlainTextResponse(name)(scope, receive, send)

        short_way = ShortWay()
        app = Outermost(partial(named, "ray"), short_way)

        async def asked(method, path):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scoring") as client:
                return (await client.request(method, path)).text

        asked.open = lambda: short_way.open(partial(named, "application"), {"/faq/score"})
        return asked

    async def test_requests_that_score_go_past_ray(self, asked):
        asked.open()
        assert await asked("POST", "/faq/score") == "application"

    @pytest.mark.parametrize(("method", "path"), [("GET", "/faq/score"), ("POST", "/other"), ("GET", "/-/healthz")])
    async def test_all_others_go_through_ray(self, asked, method, path):
        asked.open()
        assert await asked(method, path) == "ray"

    async def test_without_an_application_in_this_process_all_do(self, asked):
        assert await asked("POST", "/faq/score") == "ray"


async def test_an_answer_of_the_short_way_names_the_identifier_of_its_request(application):
    short_way = ShortWay()
    short_way.open(application, {"/faq/score"})
    transport = httpx.ASGITransport(Outermost(echo, short_way))
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        response = await client.post("/faq/score", content=b"", headers={"x-request-id": "abc-1"})
        assert response.headers.get_list("x-request-id") == ["abc-1"]
