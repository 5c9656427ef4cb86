"""Both clients against the real ingress, where requests need keys."""

import asyncio
import logging

import httpx
import pytest

from serve_app.client import (
    AsyncScoringClient,
    ConnectionFailed,
    Forbidden,
    Keys,
    Retries,
    Unauthenticated,
)
from serve_app.faq.asking import ask
from serve_app.image.classifying import classify

QUICK = Retries(first_seconds=0, most_seconds=0)


async def test_keys_are_asked_for_and_the_other_one_is_tried(guarded, directory, connect):
    with pytest.raises(Unauthenticated):
        await connect(guarded.url).call(ask("a"))
    new = directory.create("batch", ["scoring.invoke:faq"])
    client = connect(guarded.url, credentials=Keys(new.primary.text, new.secondary.text))
    assert (await client.call(ask("a"))).matched
    with pytest.raises(Forbidden) as error:
        await client.call(classify(b"IMGa"))
    assert error.value.code == "forbidden"
    directory.revoke("batch", "primary")
    await until_refused(guarded, new.primary.text)
    assert (await client.call(ask("a"))).matched


async def until_refused(service, key):
    """The service looks at its files every so often."""
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(30):
        headers = {"authorization": f"Bearer {key}"}
        while (await http.post(f"{service.url}/faq/score", json={"input": "a"}, headers=headers)).status_code == 200:
            await asyncio.sleep(0.1)


async def test_tokens_go_in_place_of_the_key(guarded, directory, connect):
    new = directory.create("batch", ["scoring.invoke"])
    client = connect(guarded.url, credentials=Keys(new.primary.text, new.secondary.text, with_tokens=True))
    await asyncio.gather(*(client.call(ask("a")) for _ in range(8)))
    await client.call(classify(b"IMGa"))
    sent = [(path, headers["authorization"].split(".")[0]) for path, headers in guarded.requests]
    with_key = [path for path, credential in sent if credential == f"Bearer {new.primary.text}"]
    assert sorted(with_key) == ["/api/v1/service/faq/token", "/api/v1/service/image/token"]
    assert sum(credential.startswith("Bearer eyJ") for _, credential in sent) == 9


async def test_a_function_gives_the_key(guarded, directory, connect):
    new = directory.create("batch", ["scoring.invoke"])
    assert (await connect(guarded.url, credentials=lambda: new.primary.text).call(ask("a"))).matched


async def test_a_coroutine_gives_the_key_to_the_client_of_event_loops(guarded, directory, connect, kind):
    new = directory.create("batch", ["scoring.invoke"])

    async def provider():
        return new.primary.text

    client = connect(guarded.url, credentials=provider)
    if kind is AsyncScoringClient:
        assert (await client.call(ask("a"))).matched
    else:
        with pytest.raises(TypeError, match="AsyncScoringClient"):
            await client.call(ask("a"))


async def test_no_key_reaches_logs_errors_or_representations(guarded, directory, connect, caplog):
    caplog.set_level(logging.DEBUG)
    new = directory.create("batch", ["scoring.invoke:faq"])
    client = connect(guarded.url, credentials=new.primary.text)
    await client.call(ask("a"))
    errors = []
    absent = connect("http://127.0.0.1:1", credentials=new.primary.text, retries=QUICK)
    for call in (lambda: client.call(classify(b"IMGa")), lambda: absent.call(ask("a"))):
        with pytest.raises((Forbidden, ConnectionFailed)) as error:
            await call()
        errors.append(f"{error.value!r} {error.value} {vars(error.value)} {error.value.__context__!r}")
    shown = caplog.text + repr(client.client) + "".join(errors)
    assert "httpx" in caplog.text
    assert new.primary.text not in shown
    assert new.primary.secret not in shown
