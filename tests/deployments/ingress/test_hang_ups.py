import asyncio
import json

import pytest

from deployments.errors import ClientGone
from deployments.ingress.hang_ups import given_up_without_client


class Client:
    """Sends nothing more, and hangs up when told to."""

    def __init__(self):
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}


@pytest.fixture(autouse=True)
def watch_at_once(monkeypatch):
    monkeypatch.setattr("deployments.ingress.hang_ups.WATCH_AFTER_SECONDS", 0)


async def test_a_block_that_ends_leaves_no_watcher():
    before = asyncio.all_tasks()
    with given_up_without_client(Client()):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_hang_up_cancels_the_block_and_says_so():
    client = Client()
    work = asyncio.get_running_loop().create_future()

    async def handle():
        with given_up_without_client(client):
            await work

    task = asyncio.create_task(handle())
    await asyncio.sleep(0.01)
    client.gone.set()
    with pytest.raises(ClientGone):
        await task
    assert work.cancelled()
    assert task.cancelling() == 0


async def test_a_cancellation_from_elsewhere_stays_one():
    async def handle():
        with given_up_without_client(Client()):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(handle())
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
