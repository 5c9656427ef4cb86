import base64

import pytest
from jsonschema import Draft202012Validator, ValidationError

from deployments.faq_matcher.protocols.questions import QuestionRequest
from deployments.image_classifier.protocols.images import ImagesRequest

QUESTION = {"inputs": [{"name": "question", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}
IMAGE = {"input": {"a": base64.b64encode(b"IMG").decode()}}

AZURE = "/api/v1/service"
INFER = "/v2/models/{model}/infer"
SCORING = ["/score", "/faq/score", "/image/score", f"{AZURE}/faq/score", f"{AZURE}/image/score", INFER]


@pytest.fixture
async def document(client):
    return (await client.get("/swagger.json")).json()


def bodies(document, path):
    """A route's JSON request and response, as the document has them."""
    operation = document["paths"][path]["post"]
    content = (operation["requestBody"]["content"], operation["responses"]["200"]["content"])
    return [kinds["application/json"] for kinds in content]


def check(document, schema, value):
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


@pytest.mark.parametrize("path", SCORING)
async def test_every_example_is_what_its_schema_says(document, path):
    for body in bodies(document, path):
        assert body["examples"]
        for example in body["examples"].values():
            check(document, body["schema"], example["value"])


@pytest.mark.parametrize("path", SCORING)
async def test_each_example_of_a_request_has_one_of_its_response(document, path):
    request, response = bodies(document, path)
    assert list(request["examples"]) == list(response["examples"])


@pytest.mark.parametrize(("path", "request_model"), [("/faq/score", QuestionRequest), ("/image/score", ImagesRequest)])
async def test_examples_of_requests_are_accepted(document, path, request_model):
    for example in bodies(document, path)[0]["examples"].values():
        request_model.model_validate(example["value"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faq/score", {"input": "x"}),
        ("/faq/score", {"input": "x", "threshold": 0.9}),
        ("/faq/score", {"input": "x", "threshold": "trained", "answers": True, "explain": True}),
        ("/faq/score", {"input": ["x", "y"], "answers": True, "explain": True}),
        ("/faq/score", {"input": ["x"], "threshold": 0.9, "answers": True, "explain": True}),
        ("/image/score", IMAGE),
        ("/image/score", {**IMAGE, "explain": True}),
        ("/image/score", {**IMAGE, "explain": {"class": 2}}),
        ("/score", {"input": "x"}),
        ("/score", IMAGE),
        ("/faq/versions/2/score", {"input": "x"}),
        (f"{AZURE}/faq/score", {"input": "x"}),
        (f"{AZURE}/faq/score", {"data": ["x", "y"], "answers": True, "explain": True}),
        (f"{AZURE}/image/score", {"data": [IMAGE["input"]["a"]]}),
        (f"{AZURE}/image/score", {"data": [IMAGE["input"]["a"]], "explain": True}),
        (f"{AZURE}/image/score", IMAGE),
        (INFER, QUESTION),
        (INFER.replace("/infer", "/versions/{version}/infer"), {**QUESTION, "id": "1", "outputs": [{"name": "ids"}]}),
    ],
)
async def test_requests_and_responses_are_what_the_document_says(client, document, path, body):
    request, response = bodies(document, path)
    check(document, request["schema"], body)
    answer = await client.post(path.format(model="faq", version="2"), json=body)
    assert answer.status_code == 200
    check(document, response["schema"], answer.json())


@pytest.mark.parametrize(
    "body", [{}, {"input": 3}, {"input": []}, {"input": "x", "threshold": 2}, {"input": "x", "threshold": "x"}]
)
async def test_what_the_service_refuses_is_wrong_by_the_document_too(client, document, body):
    assert (await client.post("/faq/score", json=body)).status_code == 422
    with pytest.raises(ValidationError):
        check(document, bodies(document, "/faq/score")[0]["schema"], body)


async def test_errors_are_what_the_document_says(client, document):
    answer = await client.post("/faq/score", json={"input": []})
    problem = document["paths"]["/faq/score"]["post"]["responses"]["422"]["content"]["application/problem+json"]
    check(document, problem["schema"], answer.json())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": []},
        {"inputs": [{"name": "question", "shape": [-1], "datatype": "BYTES", "data": ["x"]}]},
        {"inputs": [{"name": "question", "shape": [1], "datatype": "TEXT", "data": ["x"]}]},
        {**QUESTION, "parameters": {"top_k": None}},
    ],
)
async def test_what_inference_refuses_is_wrong_by_the_document_too(client, document, body):
    answer = await client.post(INFER.format(model="faq"), json=body)
    assert answer.status_code == 422
    with pytest.raises(ValidationError):
        check(document, bodies(document, INFER)[0]["schema"], body)
    problem = document["paths"][INFER]["post"]["responses"]["422"]["content"]["application/json"]
    check(document, problem["schema"], answer.json())


async def test_what_the_service_says_of_itself_is_what_the_document_says(client, document):
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/{model}", "/v2/models/{model}/ready"):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        check(document, content["schema"], (await client.get(path.format(model="faq"))).json())


async def test_a_response_with_a_row_that_is_no_match_is_none(document):
    for rows in ([[7, 70]], [[7, 70, 2]], [[7.5, 70, 0.5]]):
        with pytest.raises(ValidationError):
            check(document, bodies(document, "/faq/score")[1]["schema"], {"result": [rows, "x"], "matched": True})
