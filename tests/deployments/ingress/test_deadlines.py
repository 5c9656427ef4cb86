import asyncio
import contextlib
import time

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from deployments.deadlines import deadlines_of
from deployments.errors import BadRequest, RequestTimeout
from deployments.ingress.http_context import CLIENT_TIMEOUT, KEPT_TIMEOUT
from deployments.ingress.outermost import middlewares
from deployments.ingress.settings import IngressSettings

SETTINGS = IngressSettings(request_timeout_seconds=60)


@pytest.fixture
def left(context_of):
    """How many seconds a request has that sends these headers."""

    async def left(**headers):
        context = context_of(settings=SETTINGS, **headers)
        try:
            context.start_timer()
            return context.deadline - time.monotonic()
        finally:
            context.stop_timer()

    return left


async def awaiting(context, work):
    """Await what never comes, as the pipeline does."""
    try:
        context.start_timer()
        return await work
    except asyncio.CancelledError:
        raise context.reason() from None
    finally:
        context.stop_timer()


async def test_the_services_limit_holds_and_a_client_may_ask_for_less(left):
    assert await left() == pytest.approx(60, abs=1)
    assert await left(x_request_timeout_seconds="2.5") == pytest.approx(2.5, abs=1)
    assert await left(x_request_timeout_seconds="1000") == pytest.approx(60, abs=1)
    assert await left(x_scoring_timeout_seconds="2.5") == pytest.approx(2.5, abs=1)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e3", "", " ", "soon", "0.0", "1" * 10, "٣"])
async def test_what_is_no_number_of_seconds_is_refused(left, text):
    with pytest.raises(BadRequest, match="above 0"):
        await left(x_request_timeout_seconds=text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=12))
def test_any_text_is_a_number_of_seconds_or_refused(left, text):
    with contextlib.suppress(BadRequest):
        assert 0 < asyncio.run(left(x_request_timeout_seconds=text)) <= 60


async def test_work_that_is_not_done_by_then_is_cancelled(context_of):
    work = asyncio.get_running_loop().create_future()
    with pytest.raises(RequestTimeout):
        await awaiting(context_of(settings=SETTINGS, x_request_timeout_seconds="0.01"), work)
    assert work.cancelled()


async def test_a_request_may_bring_its_deadline_forward_while_it_runs(context_of):
    context = context_of(settings=SETTINGS)

    async def work():
        context.bring_forward(100)
        assert context.deadline - time.monotonic() == pytest.approx(60, abs=1)
        context.bring_forward(0.01)
        assert context.deadline < time.monotonic() + 1
        context.check_timer()
        await asyncio.Event().wait()

    with pytest.raises(RequestTimeout):
        await awaiting(context, work())


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
