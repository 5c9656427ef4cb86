import base64

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from deployments.contracts import EncodedImage, Question
from deployments.errors import ModelError, Overloaded
from deployments.ingress.settings import IngressSettings

FAQ, IMAGE = "/api/v1/service/faq/score", "/api/v1/service/image/score"
ROWS = [[7, 70, 0.5], [8, 80, 0.3], [9, 90, 0.2]]
CLASSES = [["n1 a", 0.9], ["n2 b", 0.1]]
B64 = base64.b64encode(b"IMG").decode()


async def test_questions_as_data_are_answered_in_their_order(client, faq):
    response = await client.post(FAQ, json={"data": ["x", "y"], "answers": True})
    assert response.status_code == 200
    assert response.json() == {
        "result": [ROWS, ROWS],
        "matched": [True, True],
        "answers": [["Seven.", None, "Nine."]] * 2,
    }
    assert faq.items == [Question("x", answers=True), Question("y", answers=True)]


async def test_images_as_data_are_answered_in_their_order(client, image):
    response = await client.post(IMAGE, json={"data": [B64, B64], "top_k": 2})
    assert response.json() == {"result": [CLASSES, CLASSES], "weights": "untrained"}
    assert image.items == [EncodedImage(b"IMG", 2)] * 2


@pytest.mark.parametrize(
    ("path", "body", "result"),
    [(FAQ, "x", ROWS), (FAQ, ["x"], [ROWS]), (IMAGE, {"a": B64}, {"a": CLASSES})],
)
async def test_the_references_own_json_is_answered_as_the_reference_does(client, path, body, result):
    (got, computed) = (await client.post(path, json={"input": body})).json()["result"]
    assert got == result
    assert computed.startswith("Computed in")


async def test_raw_bytes_and_forms_are_answered(client, faq, image):
    for kind in ("application/octet-stream", "image/jpeg"):
        response = await client.post(IMAGE, content=b"IMG", headers={"content-type": kind})
        assert response.json()["result"][0] == {"image": CLASSES}
    response = await client.post(IMAGE, files={"image": ("x.jpg", b"IMG", "image/jpeg")})
    assert response.json()["result"][0] == {"x.jpg": CLASSES}
    for kind in ("text/plain; charset=utf-8", "application/octet-stream"):
        response = await client.post(FAQ, content="grün?".encode(), headers={"content-type": kind})
        assert response.json()["result"][0] == ROWS
    assert faq.items == [Question("grün?")] * 2


async def test_a_version_is_addressed_and_named_by_the_header(client):
    response = await client.post(FAQ, json={"data": ["x"]})
    assert response.headers["azureml-model-deployment"] == "1"
    response = await client.post(FAQ, json={"data": ["x"]}, headers={"azureml-model-deployment": "2"})
    assert response.headers["azureml-model-deployment"] == response.headers["x-model-version"] == "2"
    response = await client.post(FAQ, json={"data": ["x"]}, headers={"azureml-model-deployment": "blue"})
    assert response.status_code == 404
    assert "1, 2" in response.json()["detail"]


@pytest.mark.parametrize("body", [{"data": ["x"]}, {}])
async def test_every_response_carries_the_requests_identifiers(client, body):
    response = await client.post(FAQ, json=body, headers={"x-ms-client-request-id": "mine"})
    assert response.headers["x-ms-request-id"] == response.headers["x-request-id"]
    assert response.headers["x-ms-client-request-id"] == "mine"
    response = await client.post(FAQ, json=body, headers={"x-request-id": "r-1", "x-ms-client-request-id": 'a" b'})
    assert response.headers["x-ms-request-id"] == "r-1"
    assert "x-ms-client-request-id" not in response.headers


@pytest.mark.parametrize(("error", "status"), [(Overloaded("full"), 429), (ModelError("failed"), 424)])
async def test_statuses_are_those_of_azure_machine_learning(client, faq, error, status):
    faq.error = error
    response = await client.post(FAQ, json={"data": ["x"]})
    assert (response.status_code, response.json()["detail"]) == (status, error.message)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)


async def test_a_request_past_its_deadline_gets_408(client, faq, limits):
    limits["settings"] = IngressSettings(request_timeout_seconds=0.05)
    faq.gate.clear()
    assert (await client.post(FAQ, json={"data": ["x"]})).status_code == 408


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (FAQ, {}, "either the field 'data' or the field 'input'"),
        (FAQ, {"data": ["x"], "input": "x"}, "either"),
        (FAQ, {"data": []}, "'data'"),
        (FAQ, {"data": "x"}, "'data'"),
        (FAQ, {"data": [3]}, "'data[0]'"),
        (FAQ, {"data": ["x", " "]}, "data[1]: The text is empty."),
        (FAQ, {"data": ["x"] * 6}, "The field 'data' has 6 questions; the limit is 5."),
        (FAQ, {"datas": ["x"]}, "'datas' is not known"),
        (IMAGE, {"data": ["%"]}, "'data[0]' is not valid base64"),
        (IMAGE, {"data": [B64] * 4}, "limit is 3"),
        (IMAGE, {"data": [B64, base64.b64encode(b"no").decode()]}, "'data[1]': This is not an image."),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(client, path, body, words):
    response = await client.post(path, json=body)
    assert response.status_code == 422
    assert words in response.json()["detail"]


async def test_bytes_that_are_no_text_are_refused(client):
    response = await client.post(FAQ, content=b"\xff", headers={"content-type": "text/plain"})
    assert (response.status_code, response.json()["detail"]) == (422, "The body is not text in UTF-8.")


async def test_a_service_is_healthy_and_an_unknown_one_is_not_there(client):
    response = await client.get("/api/v1/service/faq/")
    assert (response.status_code, response.text) == (200, "Healthy")
    assert response.headers["x-ms-request-id"]
    for path in ("", "swagger.json"):
        assert (await client.get(f"/api/v1/service/nothing/{path}")).status_code == 404
    assert (await client.post("/api/v1/service/nothing/score", json={"data": ["x"]})).status_code == 404


@pytest.mark.parametrize("name", ["faq", "image"])
async def test_a_service_is_described_in_swagger_whose_example_is_answered(client, name):
    document = (await client.get(f"/api/v1/service/{name}/swagger.json")).json()
    OpenAPIV2SpecValidator(document).validate()
    assert set(document["paths"]) == {f"/api/v1/service/{name}/", f"/api/v1/service/{name}/score"}
    example = document["definitions"]["ServiceInput"]["example"]
    if name == "image":
        example = {**example, "data": [B64 for _ in example["data"]]}
    response = await client.post(f"/api/v1/service/{name}/score", json=example)
    assert response.status_code == 200
    assert set(response.json()) - {"weights"} == set(document["definitions"]["ServiceOutput"]["properties"])
