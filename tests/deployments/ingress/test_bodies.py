import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.errors import Overloaded, RequestTimeout
from deployments.ingress.body_memory import SMALL_BYTES, BodyMemory, Held
from deployments.ingress.settings import MEBIBYTE, IngressSettings

JSON = {"content-type": "application/json"}


async def read(context):
    """Read the body as the pipeline does."""
    try:
        context.start_timer()
        return (await context.read()).content
    except asyncio.CancelledError:
        raise context.reason() from None
    finally:
        context.stop_timer()


def sender(*chunks, hangs=False):
    """Send the chunks; where it hangs, the last never comes."""
    left = list(chunks)

    async def receive():
        if not left:
            await asyncio.Event().wait()
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": hangs or bool(left)}

    receive.left = left
    return receive


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(max_size=50), min_size=1, max_size=10).filter(any))
def test_what_comes_in_pieces_is_read_as_one(context_of, chunks):
    async def run():
        return await read(context_of(sender(*chunks)))

    assert asyncio.run(run()) == b"".join(chunks)


async def test_a_body_that_does_not_come_gets_408_long_before_the_request_would(context_of):
    settings = IngressSettings(body_timeout_seconds=0.02, min_body_kb_per_second=1e6)
    with pytest.raises(RequestTimeout, match="slowly"):
        await read(context_of(sender(b"x" * 1000, hangs=True), settings))


async def test_a_body_that_trickles_gets_408_however_often_something_comes(context_of):
    async def receive():
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(RequestTimeout, match="slowly"):
        await read(context_of(receive, IngressSettings(body_timeout_seconds=0.02)))


async def test_each_byte_gives_a_body_its_time(context_of):
    async def receive():
        nonlocal left
        left -= 1
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": bytes(1024), "more_body": left > 0}

    # Twenty pieces take 0.1 s at least; each brings 0.1 s.
    left = 20
    settings = IngressSettings(body_timeout_seconds=0.05, min_body_kb_per_second=10)
    assert len(await read(context_of(receive, settings))) == 20 * 1024


def memory_of(mebibytes):
    settings = IngressSettings(max_body_mb=mebibytes, max_body_memory_mb=mebibytes)
    return BodyMemory(lambda: settings)


async def test_a_declared_body_that_finds_no_memory_is_refused_before_anything_is_read(context_of):
    memory = memory_of(1)
    memory.take(MEBIBYTE - SMALL_BYTES)
    receive = sender(b"x")
    with pytest.raises(Overloaded):
        await read(context_of(receive, memory=memory, content_length=SMALL_BYTES + 1))
    assert len(receive.left) == 1


async def test_a_body_without_a_length_is_refused_when_it_finds_no_memory(context_of):
    memory = memory_of(1)
    memory.take(MEBIBYTE - 100_000)
    receive = sender(*[bytes(40_000)] * 10)
    with pytest.raises(Overloaded):
        await read(context_of(receive, memory=memory, transfer_encoding="chunked"))
    assert len(receive.left) == 7


async def test_small_bodies_always_have_room(context_of):
    memory = memory_of(1)
    memory.take(MEBIBYTE)
    assert await read(context_of(sender(bytes(SMALL_BYTES)), memory=memory))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3 * MEBIBYTE))))
def test_memory_is_never_more_than_the_limit_and_all_of_it_comes_back(steps):
    memory = memory_of(2)
    held = [Held(memory) for _ in range(6)]
    for who, size in steps:
        try:
            held[who].cover(size)
        except Overloaded:
            held[who].release()
        assert 0 <= memory.held <= 2 * MEBIBYTE
    for each in held:
        each.release()
    assert memory.held == 0


def test_a_body_of_the_size_that_is_allowed_has_room_alone():
    assert IngressSettings(max_body_mb=700).body_memory_bytes == 700 * MEBIBYTE


async def test_what_a_request_holds_comes_back_when_it_is_answered(client, faq, limits):
    limits["settings"] = IngressSettings(max_body_mb=1, max_body_memory_mb=1)
    body = json.dumps({"input": "x" * 700_000})
    faq.gate.clear()
    first = asyncio.create_task(client.post("/faq/score", content=body))
    while not faq.items:
        await asyncio.sleep(0)
    refused = await client.post("/faq/score", content=body)
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert (await client.get("/v2/health/live")).status_code == 200
    faq.gate.set()
    assert (await first).status_code == 200
    assert (await client.post("/faq/score", content=body)).status_code == 200


PATHS = ["/faq/score", "/faq/versions/1/score", "/api/v1/service/faq/score", "/v2/models/faq/infer"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_full_queue_refuses_before_the_body_is_read(application, faq, path):
    faq.is_full = True
    read, sent = [], []

    async def receive():
        read.append(1)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    await application(scope, receive, send)
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == (429 if "service" in path else 503)
    assert headers[b"retry-after"] == b"1"
    assert read == []
    # So short a rest is not worth a new connection.
    assert b"connection" not in headers
