"""What a service says of kinds that the product knows nothing of, and what reads it: documents, fuzzing, load."""

import json
import subprocess

import own_kinds
import pytest
from fuzzing import LEAKS, check_everything
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV2SpecValidator, validate
from services import SCORING

CASES = 5000
REQUESTS = 40


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def service(directory):
    service = own_kinds.start(directory)
    yield service
    assert service.stop() == []


@pytest.fixture(scope="module")
def document(service):
    return service.client.get("/swagger.json").json()


def answered(service, path, body):
    response = service.client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_document_is_valid_and_has_the_routes_of_both_models(document):
    validate(document)
    assert document["openapi"].startswith("3.1")
    for model in ("words", "sums"):
        routes = [f"/{model}/score", f"/{model}/versions/1/score", f"/api/v1/service/{model}/score"]
        assert all("post" in document["paths"][route] for route in routes)
    (model,) = (
        each for each in document["paths"]["/v2/models/{model}/infer"]["post"]["parameters"] if each["in"] == "path"
    )
    assert model["schema"]["enum"] == ["words", "sums"]


@pytest.mark.parametrize("path", ["/{}/score", "/{}/versions/1/score", "/api/v1/service/{}/score"])
@pytest.mark.parametrize("model", ["words", "sums"])
def test_examples_are_answered_as_the_document_says(service, document, model, path):
    described = document["paths"][path.format(model)]["post"]
    body = described["requestBody"]["content"]["application/json"]
    answer = described["responses"]["200"]["content"]["application/json"]
    for name, example in body["examples"].items():
        found = answered(service, path.format(model), example["value"])
        Draft202012Validator({**answer["schema"], "components": document["components"]}).validate(found)
        wanted = answer["examples"][name]["value"]
        # How long it took differs.
        assert (found["result"] == wanted["result"]) or (found["result"][0] == wanted["result"][0])


def test_a_parameter_is_documented_with_its_bounds(document):
    least = document["components"]["schemas"]["word_counter_request"]["properties"]["least"]
    assert (least["type"], least["minimum"], least["maximum"], least["default"]) == ("integer", 1, 100, 1)
    parameters = document["paths"]["/words/score"]["post"]["parameters"]
    (query,) = (each for each in parameters if each["in"] == "query")
    assert (query["name"], query["schema"]["minimum"], query["schema"]["maximum"]) == ("least", 1, 100)


@pytest.mark.parametrize("model", ["words", "sums"])
def test_a_service_describes_itself_to_clients_of_azure_machine_learning(service, model):
    address = f"/api/v1/service/{model}/"
    assert service.client.get(address).text == "Healthy"
    swagger = service.client.get(f"{address}swagger.json").json()
    OpenAPIV2SpecValidator(swagger).validate()
    definitions = swagger["definitions"]
    example = definitions["ServiceInput"]["example"]
    assert answered(service, f"{address}score", example) == definitions["ServiceOutput"]["example"]


@pytest.mark.parametrize("version", ["", "/versions/1"])
@pytest.mark.parametrize("model", ["words", "sums"])
def test_the_example_of_a_model_is_answered_as_it_says(service, model, version):
    path = f"/v2/models/{model}{version}"
    example = service.client.get(path).json()["example"]
    assert answered(service, f"{path}/infer", example["request"]) == example["response"]


def test_metadata_has_the_tensors_and_the_parameters(service):
    words, sums = (service.client.get(f"/v2/models/{model}").json() for model in ("words", "sums"))
    assert words["inputs"] == [
        {"name": "text", "datatype": "BYTES", "shape": [-1], "content_type": "text/plain", "description": "Any text."}
    ]
    assert words["request_parameters"]["least"]["maximum"] == 100
    assert [(each["name"], each["datatype"], each["shape"]) for each in (*sums["inputs"], *sums["outputs"])] == [
        ("values", "FP32", [-1, 3]),
        ("weights", "FP32", [-1, 3]),
        ("sums", "FP32", [-1]),
        ("largest", "INT64", [-1]),
    ]
    assert sums["request_parameters"] == {}


def test_the_load_generator_sends_the_examples(service, directory):
    scenarios = ["--scenario", "infer:words", "--scenario", "infer:sums/1"]
    amount = ["--clients", "2", "--requests", str(REQUESTS), "--warm-up", "0", "--workers", "1"]
    command = [SCORING, "loadtest", "run", "--url", service.url, *scenarios, *amount, "--out", directory / "load"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads((directory / "load" / "results.json").read_text(encoding="utf-8"))
    (step,) = results["measured"]["steps"]
    assert (step["counts"]["ok"], step["counts"]["errors"]) == (REQUESTS, {})
    assert [group["name"] for group in step["groups"] if group["counts"]["ok"]] == ["infer:words", "infer:sums/1"]


@pytest.mark.timeout(900)
def test_all_checks_hold_for_everything_that_the_document_describes(service, directory):
    leaks = (*LEAKS, "sample_models")
    assert check_everything(service, directory, leaks=leaks) >= CASES
    assert answered(service, "/words/score", {"input": "a"})["result"][0] == {"a": 1}
