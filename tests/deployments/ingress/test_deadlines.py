import asyncio
import contextlib
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from deployments.deadlines import deadlines_of
from deployments.errors import BadRequest, RequestTimeout
from deployments.ingress.deadlines import CLIENT_TIMEOUT, KEPT_TIMEOUT, before_deadline, deadline_of
from deployments.ingress.outermost import middlewares
from deployments.ingress.settings import IngressSettings

SETTINGS = IngressSettings(request_timeout_seconds=60)


def request(**headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


async def left(request, settings=SETTINGS):
    async def work(deadline):
        return deadline - time.monotonic()

    return await before_deadline(request, settings, work)


async def test_the_services_limit_holds_and_a_client_may_ask_for_less():
    assert await left(request()) == pytest.approx(60, abs=1)
    assert await left(request(x_request_timeout_seconds="2.5")) == pytest.approx(2.5, abs=1)
    assert await left(request(x_request_timeout_seconds="1000")) == pytest.approx(60, abs=1)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e3", "", " ", "soon", "0.0", "1" * 10, "٣"])
async def test_what_is_no_number_of_seconds_is_refused(text):
    sent = Request({"type": "http", "headers": [(CLIENT_TIMEOUT.encode(), text.encode("utf-8"))]})
    with pytest.raises(BadRequest, match="above 0"):
        await left(sent)


@given(st.text(max_size=12))
def test_any_text_is_a_number_of_seconds_or_refused(text):
    sent = Request({"type": "http", "headers": [(CLIENT_TIMEOUT.encode(), text.encode("utf-8"))]})
    with contextlib.suppress(BadRequest, RequestTimeout):
        assert 0 < asyncio.run(left(sent)) <= 60


async def test_work_that_is_not_done_by_then_is_cancelled():
    cancelled = asyncio.Event()

    async def work(_deadline):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(RequestTimeout):
        await before_deadline(request(x_request_timeout_seconds="0.01"), SETTINGS, work)
    assert cancelled.is_set()


async def test_all_steps_of_a_request_have_one_deadline():
    async def work(deadline):
        return deadline

    sent = request()
    first = await before_deadline(sent, SETTINGS, work)
    assert await before_deadline(Request(sent.scope), SETTINGS, work) == first


async def test_a_request_may_bring_its_deadline_forward_while_it_runs():
    async def work(_deadline):
        assert deadline_of(sent).bring_forward(100) - time.monotonic() == pytest.approx(60, abs=1)
        assert deadline_of(sent).bring_forward(0.01) < time.monotonic() + 1
        await asyncio.Event().wait()

    sent = request()
    with pytest.raises(RequestTimeout):
        await before_deadline(sent, SETTINGS, work)


async def test_stages_are_told_the_clients_deadline(client, faq):
    told = []

    async def submit(item, *, deadline=None):
        told.append(deadline)
        return await type(faq).submit(faq, item, deadline=deadline)

    faq.submit = submit
    await client.post("/faq/score", json={"input": "x"}, headers={CLIENT_TIMEOUT: "7"})
    assert deadlines_of([7.0], 1)[0] - 7 < told[0] < deadlines_of([7.0], 1)[0]


async def test_a_client_that_waits_no_longer_gets_408(client, faq):
    faq.gate.clear()
    response = await client.post("/faq/score", json={"input": "x"}, headers={CLIENT_TIMEOUT: "0.01"})
    assert (response.status_code, response.json()["code"]) == (408, "request_timeout")


async def test_ray_never_sees_the_clients_header_and_the_ingress_does():
    async def echo(scope, receive, send):
        headers = Request(scope).headers
        text = f"{headers.get(CLIENT_TIMEOUT)} {headers.getlist(KEPT_TIMEOUT)}"
        await PlainTextResponse(text)(scope, receive, send)

    app = echo
    for middleware in middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scoring") as client:
        response = await client.get("/", headers={CLIENT_TIMEOUT: "7", KEPT_TIMEOUT: "9"})
    assert response.text == "None ['7']"
