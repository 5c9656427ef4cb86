import asyncio
import base64

import httpx
import pytest

from deployments.contracts import EncodedImage, Question
from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings

IMAGE = base64.b64encode(b"IMG").decode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": "x"}',
        b' {\n"input" :"x"}',
        b'{"top_k": null, "input": "x"}',
        b'{"answers": false, "explain": false, "input": "x"}',
    ],
)
async def test_a_text_is_for_the_faq(client, faq, body):
    response = await client.post("/score", content=body)
    assert response.json()["result"][0] == [[7, 70, 0.5], [8, 80, 0.3], [9, 90, 0.2]]
    assert response.headers["x-model-name"] == "faq"
    assert faq.items == [Question("x")]


async def test_a_list_of_texts_is_for_the_faq(client):
    assert len((await client.post("/score", json={"input": ["x", "y"]})).json()["result"][0]) == 2


@pytest.mark.parametrize("first", ["input", "top_k"])
async def test_an_object_of_images_is_for_the_classifier(client, image, first):
    fields = {"input": {"a": IMAGE}, "top_k": 2}
    body = {first: fields.pop(first), **fields}
    response = await client.post("/score", json=body)
    assert response.json()["result"][0] == {"a": [["n1 a", 0.9], ["n2 b", 0.1]]}
    assert response.headers["x-model-name"] == "image"
    assert image.items == [EncodedImage(b"IMG", 2)]


async def test_a_bare_image_and_a_form_are_for_the_classifier(client, image):
    assert (await client.post("/score", content=b"IMG", headers={"content-type": "image/png"})).status_code == 200
    assert (await client.post("/score", files={"image": ("a", b"IMG")})).status_code == 200
    assert len(image.items) == 2


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "not valid JSON"),
        (b"[]", 422, "'input'"),
        (b'{"input": 3}', 422, "a text, a list of texts, or an object of images"),
        (b'{"question": "x"}', 422, "'input'"),
        (b'{"input": "x", "input": {}}', 422, "'input'"),
        (b'{"input": "x", "topk": 1}', 422, "'topk' is not known"),
        (b'{"input": {"a": "%"}}', 422, "'a' is not valid base64"),
        (bytes(1024 * 1024 + 1), 413, "limit"),
    ],
)
async def test_what_cannot_be_told_is_refused(client, body, status, words):
    response = await client.post("/score", content=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert words in response.json()["detail"]


def client_of(models, defaults=None, **limits):
    open_to_all = AccessSettings(required=False)
    application = build_app(ModelTable(models, defaults), Door(lambda: IngressSettings(access=open_to_all, **limits)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://scoring")


@pytest.mark.parametrize(("defaults", "name"), [({}, "first"), ({"text": "second"}, "second")])
async def test_of_several_models_the_settings_name_the_default(faq, image, defaults, name):
    models = [Model(each, FAQ, {"1": Version("1", faq)}) for each in ("first", "second")]
    models.append(Model("image", IMAGE_CLASSES, {"1": Version("1", image)}))
    async with client_of(models, defaults) as client:
        response = await client.post("/score", json={"input": "x"})
    assert response.headers["x-model-name"] == name


async def test_the_only_kind_there_is_answers_with_its_own_errors(faq):
    async with client_of([Model("faq", FAQ, {"1": Version("1", faq)})]) as client:
        assert (await client.post("/score", json={"input": "x"})).status_code == 200
        response = await client.post("/score", content=b"IMG", headers={"content-type": "image/png"})
    assert response.status_code == 415


async def test_a_version_can_be_addressed_by_its_path(client):
    response = await client.post("/faq/versions/2/score", json={"input": "x"})
    assert response.headers["x-model-version"] == "2"
    assert (await client.post("/faq/versions/3/score", json={"input": "x"})).status_code == 404


async def test_a_body_that_does_not_end_gets_408(client, limits):
    async def endless():
        yield b'{"input": '
        await asyncio.Event().wait()

    limits["settings"] = IngressSettings(request_timeout_seconds=0.05)
    assert (await client.post("/score", content=endless())).status_code == 408
