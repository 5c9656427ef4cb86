import asyncio

import pytest

from deployments.ingress import http_response


async def ask(application, receive, *headers):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/nothing/score", "headers": headers, "query_string": b""}
    await application(scope, receive, send)
    return sent


async def test_what_follows_a_refusal_is_thrown_away_for_a_moment_and_the_connection_ends(application, monkeypatch):
    monkeypatch.setattr(http_response, "LINGER_SECONDS", 0.02)
    asked = 0

    async def receive():
        nonlocal asked
        asked += 1
        if asked > 5:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": bytes(1000), "more_body": True}

    start, *bodies = await ask(application, receive, (b"content-length", b"100000000"))
    assert start["status"] == 404
    assert dict(start["headers"])[b"connection"] == b"close"
    assert asked == 6
    # The whole answer is out before anything of the rest is awaited.
    assert b"not_found" in bodies[0]["body"]
    assert [body.get("more_body", False) for body in bodies] == [True, False]


async def test_a_rest_that_ends_is_awaited_no_longer(application):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    start, *_ = await ask(application, receive, (b"transfer-encoding", b"chunked"))
    assert dict(start["headers"])[b"connection"] == b"close"


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"1000")]])
async def test_for_a_short_rest_the_connection_serves_on(application, headers):
    async def receive():
        raise AssertionError("nothing is to be read")

    start, body = await ask(application, receive, *headers)
    assert b"connection" not in dict(start["headers"])
    assert not body.get("more_body", False)
