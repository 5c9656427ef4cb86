"""Images by both clients against the real ingress, over real connections."""

import io

import pytest

from serve_app.client import AsyncScoringClient
from serve_app.image.classifying import classify, classify_all
from serve_app.image.results import ImageClass


@pytest.fixture
def client(loopback, connect):
    return connect(loopback.url)


async def test_an_image_has_classes_whatever_holds_it(client, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"IMGa")
    images = [b"IMGa", tmp_path / "a.jpg", str(tmp_path / "a.jpg"), io.BytesIO(b"IMGa"), iter([b"IM", b"Ga"])]
    for image in images:
        result = await client.call(classify(image))
        assert result.best == ImageClass("n1 a", 0.9)
        assert len(result.classes) == 3
        assert result.origin.weights == "untrained"
        assert result.explanation is None
    assert len((await client.call(classify(b"IMGa", top_k=1))).classes) == 1


async def test_several_images_are_answered_in_their_order_by_one_request(client, loopback, tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"IMGb")
    results = await client.call(classify_all([b"IMGa", tmp_path / "b.jpg", b"IMGc"], top_k=1))
    assert [result.best.label for result in results] == ["n1 a", "n1 b", "n1 c"]
    assert loopback.paths == ["/image/score"]


async def test_an_explanation_brings_its_heat_map(client):
    told = (await client.call(classify(b"IMGa", explain=True))).explanation
    assert (told.class_index, told.label, told.probability, told.method) == (1, "n1", 0.9, "occlusion")
    assert told.grid == ((0.0, 1.0),)
    assert told.largest_drop == 0.25
    assert told.heat_map == b"\x89PNG heat map"
    told = (await client.call(classify_all([b"IMGa", b"IMGb"], explain_class=3)))[1].explanation
    assert told.class_index == 3


async def test_chunks_may_come_from_the_event_loop(loopback, connect, kind):
    async def chunks():
        yield b"IM"
        yield b"Ga"

    client = connect(loopback.url)
    if kind is AsyncScoringClient:
        assert (await client.call(classify(chunks()))).best.label == "n1 a"
    else:
        with pytest.raises(TypeError, match="AsyncScoringClient"):
            await client.call(classify(chunks()))
