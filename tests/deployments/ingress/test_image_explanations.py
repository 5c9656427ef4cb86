import base64

import httpx
import pytest

from deployments.contracts import EncodedImage
from deployments.errors import Overloaded
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings

OPEN = AccessSettings(required=False)
IMAGE = base64.b64encode(b"IMG").decode()
PNG = {"content-type": "image/png"}
AZURE = "/api/v1/service/image/score"
OCCLUSION = {
    "class_index": 1,
    "label": "n1",
    "probability": 0.5,
    "method": "occlusion",
    "grid": [[0.0, 1.0]],
    "largest_drop": 0.25,
    "heat_map_png": base64.b64encode(b"PNG").decode(),
}


async def test_the_top_class_is_explained_beside_the_result(client, image, explainer):
    response = await client.post("/image/score", json={"input": {"a.jpg": IMAGE}, "top_k": 2, "explain": True})
    assert response.status_code == 200, response.text
    content = response.json()
    assert content["result"][0] == {"a.jpg": [["n1 a", 0.9], ["n2 b", 0.1]]}
    assert content["explanations"] == {"a.jpg": OCCLUSION}
    assert content["weights"] == "untrained"
    assert "explain;dur=500.00" in response.headers["server-timing"]
    assert explainer.items == [EncodedImage(b"IMG", 2, "top")]
    assert image.items == []


async def test_a_class_is_explained_for_each_image_by_name(client, explainer):
    body = {"input": {"a": IMAGE, "b": IMAGE}, "explain": {"class": 2}}
    explanations = (await client.post("/image/score", json=body)).json()["explanations"]
    assert list(explanations) == ["a", "b"]
    for explanation in explanations.values():
        assert (explanation["class_index"], explanation["method"]) == (2, "grad-cam")
        assert "largest_drop" not in explanation
    assert explainer.items == [EncodedImage(b"IMG", 3, 2)] * 2


@pytest.mark.parametrize("path", ["/score", "/image/versions/1/score"])
async def test_other_routes_of_the_reference_explain_too(client, explainer, path):
    body = {"explain": {"class": 2}, "input": {"a": IMAGE}}
    assert (await client.post(path, json=body)).json()["explanations"]["a"]["class_index"] == 2
    bare = await client.post(f"{path}?explain=true", content=b"IMG", headers=PNG)
    assert bare.json()["explanations"] == {"image": OCCLUSION}
    assert [item.explain for item in explainer.items] == [2, "top"]


async def test_azure_machine_learning_gets_explanations_in_the_order_of_its_data(client, explainer, image):
    response = await client.post(AZURE, json={"data": [IMAGE, IMAGE], "explain": True})
    content = response.json()
    assert content["result"] == [[["n1 a", 0.9], ["n2 b", 0.1]]] * 2
    assert content["explanations"] == [OCCLUSION] * 2
    response = await client.post(AZURE, json={"input": {"a": IMAGE}, "explain": True})
    assert response.json()["explanations"] == {"a": OCCLUSION}
    assert [item.explain for item in explainer.items] == ["top"] * 3
    assert image.items == []


async def test_azure_machine_learning_is_told_of_a_full_explainer_by_429(client, explainer):
    explainer.error = Overloaded("The queue of this model is full; try again shortly.")
    response = await client.post(AZURE, json={"data": [IMAGE], "explain": True})
    assert response.status_code == 429
    assert "Too many explanations" in response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "explain"),
    [
        ("explain=true", "top"),
        ("explain=true&explain_class=0", 0),
        ("explain=true&explain_class=2&top_k=1", 2),
    ],
)
async def test_a_bare_image_and_a_form_ask_by_query(client, explainer, query, explain):
    bare = await client.post(f"/image/score?{query}", content=b"IMG", headers=PNG)
    form = await client.post(f"/image/score?{query}", files={"image": ("a", b"IMG")})
    assert list(bare.json()["explanations"]) == ["image"]
    assert list(form.json()["explanations"]) == ["a"]
    assert [item.explain for item in explainer.items] == [explain] * 2


@pytest.mark.parametrize("path", ["/score", "/image/score", "/api/v1/service/image/score"])
@pytest.mark.parametrize("query", ["explain=true", "explain_class=1", "top_k=1", "api-version=1&top_k=x"])
async def test_beside_json_the_query_is_refused_and_not_ignored(client, image, path, query):
    response = await client.post(f"{path}?{query}", json={"input": {"a": IMAGE}})
    assert response.status_code == 422
    assert "is a field of it, not of the query" in response.json()["detail"]
    assert image.items == []


async def test_a_query_that_says_something_else_is_ignored_beside_json(client):
    assert (await client.post("/image/score?api-version=1", json={"input": {"a": IMAGE}})).status_code == 200


@pytest.mark.parametrize("query", ["", "explain=false"])
async def test_what_is_not_asked_for_is_not_explained(client, image, explainer, query):
    responses = [
        await client.post(f"/image/score?{query}", content=b"IMG", headers=PNG),
        await client.post("/image/score", json={"input": {"a": IMAGE}, "explain": False}),
    ]
    assert [set(response.json()) for response in responses] == [{"result", "weights"}] * 2
    assert explainer.items == []
    assert [item.explain for item in image.items] == [None, None]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("explain=yes", "'explain' must be true or false"),
        ("explain=", "'explain' must be true or false"),
        ("explain_class=1", "needs 'explain=true'"),
        ("explain=false&explain_class=1", "needs 'explain=true'"),
        ("explain=true&explain_class=x", "'explain_class' must be the index"),
        ("explain=true&explain_class=-1", "'explain_class' must be the index"),
        ("explain=true&explain_class=", "'explain_class' must be the index"),
        ("explain=true&explain_class=\u00b2", "'explain_class' must be the index"),
        ("explain=true&explain_class=" + "9" * 5000, "'explain_class' must be the index"),
        ("explain=true&explain_class=7", "no class 7 to explain; its classes are 0 to 2"),
    ],
)
async def test_a_bad_query_is_refused_with_a_sentence(client, query, words):
    response = await client.post(f"/image/score?{query}", content=b"IMG", headers=PNG)
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_input"
    assert words in response.json()["detail"]


@pytest.mark.parametrize(
    ("explain", "words"),
    [
        ("true", "'explain'"),
        (1, "'explain'"),
        (None, "'explain'"),
        ({}, "'explain.class'"),
        ({"class": "1"}, "'explain.class'"),
        ({"class": True}, "'explain.class'"),
        ({"class": -1}, "'explain.class'"),
        ({"class": 10**9}, "'explain.class'"),
        ({"index": 1}, "'explain"),
        ({"class": 7}, "no class 7 to explain"),
    ],
)
async def test_a_bad_field_is_refused_with_a_sentence(client, explain, words):
    response = await client.post("/image/score", json={"input": {"a": IMAGE}, "explain": explain})
    assert response.status_code == 422
    assert words in response.json()["detail"]


async def test_a_bad_image_is_named(client):
    body = {"input": {"good": IMAGE, "bad": base64.b64encode(b"no").decode()}, "explain": True}
    response = await client.post("/image/score", json=body)
    assert response.status_code == 422
    assert "'bad': This is not an image." in response.json()["detail"]


async def test_more_images_than_may_be_explained_are_refused_before_any_is(client, explainer, limits):
    body = {"input": dict.fromkeys("abc", IMAGE)}
    response = await client.post("/image/score", json={**body, "explain": True})
    assert response.status_code == 422
    assert response.json()["detail"] == "The request has 3 images to explain; the limit is 2."
    assert explainer.items == []
    assert (await client.post("/image/score", json=body)).status_code == 200
    limits["settings"] = IngressSettings(max_items_per_request={"explained_images": 3})
    assert len((await client.post("/image/score", json={**body, "explain": True})).json()["explanations"]) == 3


async def test_a_full_explainer_is_told_as_such_and_scoring_goes_on(client, explainer):
    explainer.error = Overloaded("The queue of this model is full; try again shortly.")
    for body in ({"a": IMAGE}, {"a": IMAGE, "b": IMAGE}):
        response = await client.post("/image/score", json={"input": body, "explain": True})
        assert response.status_code == 503
        assert response.json()["code"] == "overloaded"
        assert response.headers["retry-after"] == "1"
        assert "Too many explanations" in response.json()["detail"]
        assert (await client.post("/image/score", json={"input": body})).status_code == 200


async def test_a_model_that_gives_no_explanations_says_so(image, limits):
    table = ModelTable([Model("image", IMAGE_CLASSES, {"1": Version("1", image)})])
    transport = httpx.ASGITransport(build_app(table, Door(lambda: IngressSettings(access=OPEN))))
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        response = await client.post("/image/score", json={"input": {"a": IMAGE}, "explain": True})
    assert response.status_code == 422
    assert "gives no explanations; leave out 'explain'" in response.json()["detail"]
    assert image.items == []
