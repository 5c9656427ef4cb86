import asyncio
import json

import pytest

from deployments.errors import ClientGone


class Client:
    """Sends nothing more, and hangs up when told to."""

    def __init__(self):
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}


@pytest.fixture(autouse=True)
def watch_at_once(monkeypatch):
    monkeypatch.setattr("deployments.ingress.context.WATCH_AFTER_SECONDS", 0)


@pytest.fixture
def answering(context_of):
    """Awaits work as the pipeline does once the body is read."""

    async def answering(client, work):
        context = context_of(client.receive)
        try:
            context.start_timer()
            context.body_was_read = True
            await work
        except asyncio.CancelledError:
            if (failure := context.reason()) is not None:
                raise failure from None
            raise
        finally:
            context.stop_timer()

    return answering


async def test_work_that_ends_leaves_no_watcher(answering):
    before = asyncio.all_tasks()
    await answering(Client(), asyncio.sleep(0.01))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_hang_up_cancels_the_work_and_says_so(answering):
    client = Client()
    work = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(answering(client, work))
    await asyncio.sleep(0.01)
    client.gone.set()
    with pytest.raises(ClientGone):
        await task
    assert work.cancelled()
    assert task.cancelling() == 0


async def test_a_cancellation_from_elsewhere_stays_one(answering):
    task = asyncio.create_task(answering(Client(), asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_client_that_hangs_up_frees_its_place(application, faq):
    faq.gate.clear()
    client = Client()
    body = [{"type": "http.request", "body": json.dumps({"input": "x"}).encode(), "more_body": False}]
    sent = []

    async def receive():
        return body.pop() if body else await client.receive()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/faq/score", "headers": [], "query_string": b""}
    request = asyncio.create_task(application(scope, receive, send))
    while not faq.items:
        await asyncio.sleep(0)
    client.gone.set()
    await request
    assert sent[0]["status"] == 499
