import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from deployments.ingress.outermost import middlewares


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
