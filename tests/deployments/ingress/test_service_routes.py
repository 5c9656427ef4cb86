import httpx
import pytest
from openapi_spec_validator import validate


async def test_the_root_is_healthy_as_in_the_reference(client):
    response = await client.get("/")
    assert (response.status_code, response.text) == (200, "Healthy")


async def test_the_version_names_frameworks(client):
    text = (await client.get("/version")).text
    assert text.startswith("ray-scoring ")
    assert "ray " in text


async def test_live_says_so_even_when_no_model_is_ready(client, faq):
    faq.ready = False
    assert (await client.get("/v2/health/live")).json() == {"live": True}


async def test_ready_tells_the_truth(client, faq):
    assert (await client.get("/v2/health/ready")).json() == {"ready": True}
    faq.ready = False
    response = await client.get("/v2/health/ready")
    assert response.status_code == 503
    assert response.json()["detail"] == "Not ready: faq/1, faq/2."
    assert response.headers["retry-after"] == "1"


async def test_a_model_is_described(client):
    told = (await client.get("/v2/models/faq")).json()
    asked = told.pop("request_parameters")
    assert set(asked) == {"top_k", "threshold", "explain", "answers"}
    assert asked["answers"]["type"] == "boolean"
    assert told.pop("example")["request"]["inputs"][0]["name"] == "question"
    assert told == {
        "name": "faq",
        "versions": ["1", "2"],
        "platform": "sklearn",
        "inputs": [{"name": "question", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "ids", "datatype": "INT64", "shape": [-1, -1]},
            {"name": "answer_ids", "datatype": "INT64", "shape": [-1, -1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, -1]},
            {"name": "matched", "datatype": "BOOL", "shape": [-1]},
        ],
        "weights": "trained",
        "parameters": {"originals": 3},
        "optional_outputs": ["answers", "explanations"],
    }
    image = (await client.get("/v2/models/image")).json()
    assert (image["weights"], image["optional_outputs"]) == ("untrained", ["explanations"])


async def test_a_version_is_described(client):
    assert (await client.get("/v2/models/faq/versions/2")).json()["platform"] == "sklearn"
    response = await client.get("/v2/models/faq/versions/3")
    assert response.status_code == 404
    assert "1, 2" in response.json()["detail"]


async def test_an_unknown_model_is_not_found(client):
    response = await client.get("/v2/models/nothing")
    assert response.status_code == 404
    assert "faq, image" in response.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/faq", "/faq/score/x", "/faq/versions/3/score", "/v2x", "/docs/assets/../../app.py", "/faq/score/"],
)
async def test_an_unknown_path_is_not_found(client, path):
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == response.json()["request_id"]


@pytest.mark.parametrize("path", ["/v2/", "/v2/models/a/b", "/v2/models/nothing", "/v2/models/faq/versions/9/ready"])
async def test_below_v2_an_error_has_the_form_that_its_clients_read(client, path):
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    content = response.json()
    assert content["error"] == content["detail"]
    assert content["error"].endswith(".")
    assert response.headers["x-request-id"] == content["request_id"]


async def test_the_server_is_described(client):
    about = (await client.get("/v2")).json()
    assert about["name"] == "ray-scoring"
    assert "binary_tensor_data" in about["extensions"]


async def test_a_model_and_each_version_are_ready_or_not(client, faq):
    for path in ("/v2/models/faq/ready", "/v2/models/faq/versions/2/ready"):
        faq.ready = True
        assert (await client.get(path)).json() == {"name": "faq", "ready": True}
        faq.ready = False
        response = await client.get(path)
        assert response.status_code == 503
        assert response.json()["error"] == "No replica of this model is ready."


async def test_an_unknown_method_is_refused_and_told_which_are_known(client):
    response = await client.get("/faq/score")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert "POST" in response.json()["detail"]
    assert (await client.delete("/version")).status_code == 405


async def test_the_document_is_valid_openapi_and_names_every_route(client, application):
    document = (await client.get("/swagger.json")).json()
    validate(document)
    served = {route.path for route in application.routes if "assets" not in route.path}
    assert set(document["paths"]) == served


async def test_the_page_and_all_that_it_needs_come_from_here(client):
    page = (await client.get("/docs")).text
    assets = [part.split('"')[0] for part in page.split('="')[1:] if part.startswith("/docs/assets/")]
    assert len(assets) == 2
    for asset in assets:
        response = await client.get(asset)
        assert response.status_code == 200
        assert len(response.content) > 10_000
    assert "http://" not in page
    assert "https://" not in page


async def test_head_is_answered_where_get_is(client):
    response: httpx.Response = await client.head("/v2/health/live")
    assert response.status_code == 200
