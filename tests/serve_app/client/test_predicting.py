"""Both clients ask models that they know nothing of, by the real ingress."""

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest

from deployments.errors import Overloaded
from serve_app.client import (
    DeadlineExceeded,
    InvalidInput,
    Keys,
    ModelError,
    NotFound,
    RequestTimeout,
    Retries,
    Unauthenticated,
    Unavailable,
)
from serve_app.client.inference import predicting
from serve_app.client.inference.request import example_call

WORDS, SUMS = "/v2/models/words", "/v2/models/sums"


@pytest.fixture
def client(loopback, connect):
    return connect(loopback.url)


async def test_a_text_is_asked_as_it_is(client, loopback):
    prediction = await client.predict("words", "to be or not to be", parameters={"least": 2}, request_id="r-1")
    assert prediction.outputs == {"counts": [{"to": 2, "be": 2, "not": 1}]}
    origin = prediction.origin
    assert (origin.model, origin.version, origin.weights) == ("words", "1", "trained")
    assert origin.seconds["infer"] == 0.001
    assert loopback.requests[-1][1]["x-request-id"] == "r-1"


async def test_what_a_model_takes_is_asked_once(client, loopback):
    await client.predict("words", "a")
    await client.predict("words", ["a", "b"])
    await client.predict("words", "a", version="1")
    first = [WORDS, f"{WORDS}/infer", f"{WORDS}/infer"]
    assert loopback.paths == [*first, f"{WORDS}/versions/1", f"{WORDS}/versions/1/infer"]


async def test_it_is_asked_again_after_a_while(client, loopback, monkeypatch):
    monkeypatch.setattr(predicting, "DESCRIPTION_SECONDS", 0.0)
    await client.predict("words", "a")
    await client.predict("words", "a")
    assert loopback.paths == [WORDS, f"{WORDS}/infer"] * 2


async def test_lists_have_lists_for_an_answer_and_arrays_have_arrays(client, loopback):
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    told = await client.predict("sums", {"values": rows, "weights": [[1.0, 0.0, 0.0]] * 2})
    assert told.outputs == {"sums": [1.0, 4.0], "largest": [0, 0]}
    arrays = await client.predict("sums", {"values": np.array(rows), "weights": np.eye(3)[:2]})
    assert arrays["sums"].dtype == np.float32
    assert arrays["sums"].tolist() == [1.0, 5.0]
    assert (await client.predict("sums", {"values": rows, "weights": rows}, arrays=True))["largest"].tolist() == [2, 2]


async def test_many_numbers_travel_as_binary_data(client, loopback):
    values = np.random.default_rng(1).random((500, 3)).astype("float32")
    prediction = await client.predict("sums", {"values": values, "weights": values}, outputs=["sums"])
    assert loopback.requests[-1][1]["content-type"] == "application/octet-stream"
    assert list(prediction.outputs) == ["sums"]
    assert np.allclose(prediction["sums"], (values**2).sum(axis=1))


async def test_what_a_model_does_not_take_is_not_sent(client, loopback):
    with pytest.raises(
        ValueError, match="'least' of the model 'words' must be a whole number of at least 1 and at most"
    ):
        await client.predict("words", "a", parameters={"least": 0})
    with pytest.raises(ValueError, match="has no input 'z'; it takes 'values'"):
        await client.predict("sums", {"z": [1]})
    with pytest.raises(FileNotFoundError):
        await client.predict("words", [io.BytesIO(b"a"), Path("none.txt")])
    assert not [path for path in loopback.paths if path.endswith("/infer")]


async def test_what_a_model_takes_is_asked_again_after_a_refusal(client, loopback):
    for _ in range(2):
        with pytest.raises(ValueError, match="has no output"):
            await client.predict("words", "a", outputs=["x"])
    with pytest.raises(InvalidInput, match="the character 0"):
        await client.predict("words", "\x00")
    await client.predict("words", "a")
    assert loopback.paths.count(WORDS) == 4


async def test_errors_are_those_of_every_call(client, loopback, connect):
    with pytest.raises(NotFound):
        await client.predict("other", "a")
    with pytest.raises(ModelError):
        await client.predict("words", "crash")
    with pytest.raises((DeadlineExceeded, RequestTimeout)):
        await client.predict("faq", "for ever", timeout_seconds=0.3)


async def test_a_request_is_sent_again_as_every_other_is(loopback, connect, monkeypatch):
    monkeypatch.setattr(Overloaded, "retry_after_seconds", 0)
    client = connect(loopback.url, retries=Retries(attempts=3, first_seconds=0, most_seconds=0))
    await client.predict("faq", "a")
    loopback.faq.errors = [Overloaded("Full.")] * 2
    assert (await client.predict("faq", "a", parameters={"top_k": 1}))["ids"] == [[7]]
    loopback.faq.errors = [Overloaded("Full.")] * 3
    with pytest.raises(Unavailable):
        await client.predict("faq", "a")


async def test_credentials_go_with_both_requests(guarded, directory, connect):
    with pytest.raises(Unauthenticated):
        await connect(guarded.url).predict("words", "a")
    new = directory.create("batch", ["scoring.invoke:words"])
    client = connect(guarded.url, credentials=Keys(new.primary.text, with_tokens=True))
    predictions = await asyncio.gather(*(client.predict("words", "a") for _ in range(4)))
    assert {each.origin.model for each in predictions} == {"words"}


async def test_kinds_with_wire_formats_of_their_own_are_asked_in_the_same_way(client, loopback):
    matches = await client.predict("faq", ["a", "b"], parameters={"top_k": 1, "threshold": "trained"})
    assert matches.outputs == {
        "ids": [[7], [7]],
        "answer_ids": [["70"], ["70"]],
        "probabilities": [[0.5], [0.5]],
        "matched": [True, True],
    }
    assert (await client.predict("faq", "a", outputs=["answers"]))["answers"] == [["Seven.", ""]]


async def test_files_are_asked_as_they_are(client, loopback, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"IMGa")
    for image in (b"IMGa", tmp_path / "a.jpg", [b"IMGa"], {"image": io.BytesIO(b"IMGa")}):
        prediction = await client.predict("image", image, parameters={"top_k": 1}, outputs=["labels"])
        assert prediction.outputs == {"labels": [["n1 a"]]}
        assert prediction.origin.weights == "untrained"
    with pytest.raises(InvalidInput, match="not an image"):
        await client.predict("image", b"GIF")
    with pytest.raises(ValueError, match=r"of image/\*: a text is no file"):
        await client.predict("image", "a.jpg")
    with pytest.raises(ValueError, match=r"must be UINT8 \[any, 4, 4, 3\]: it has the shape \[1, 4, 4, 4\]"):
        await client.predict("image", {"pixels": np.zeros((1, 4, 4, 4), "uint8")})


async def test_a_model_gives_its_own_example(client):
    description = await client.describe("sums")
    assert (await client.call(example_call(description))).outputs == {"sums": [1.75], "largest": [0]}
