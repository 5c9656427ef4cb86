"""Kinds of models that the product knows nothing of, asked by every protocol and its clients."""

import json
import subprocess
from pathlib import Path

import numpy as np
import own_kinds
import pytest
from asking import TENSORS, WAYS, Asked, Refused, clients_over_grpc, clients_over_http, post
from own_kinds import COUNTS, LARGEST, SUM, TEXT, VALUES, WEIGHTS
from services import SCORING

from serve_app.client import AsyncScoringClient, NotFound, ScoringClient

SUMMED = {"sums": SUM, "largest": LARGEST}
WORDS = {"text": [TEXT, "a a"]}
SUMS = {"values": [VALUES, [1, 1, 1]], "weights": [WEIGHTS, [0, 2, 1]]}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = own_kinds.start(tmp_path_factory.mktemp("own"))
    yield service
    assert service.stop() == []


@pytest.fixture(params=WAYS)
def ask(request, service):
    """Ask in each way in turn."""

    def ask(model, inputs, datatype, **parameters):
        return WAYS[request.param](service, Asked(model, inputs, datatype, parameters))

    return ask


@pytest.fixture(params=TENSORS)
def ask_with_tensors(request, service):
    """Ask in each way that names datatypes in turn."""

    def ask(model, inputs, datatype, **parameters):
        return TENSORS[request.param](service, Asked(model, inputs, datatype, parameters))

    return ask


def refusal(ask, *arguments, **parameters):
    with pytest.raises(Refused) as refused:
        ask(*arguments, **parameters)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert not any(secret in sentence for secret in ("Traceback", "Error", "sample_models", "ray"))
    return sentence


def test_one_model_is_in_the_gateways_process_and_the_other_has_replicas_of_its_own(service):
    assert len(service.replicas("")) == 2
    assert [" ".join(each.cmdline()).count("sums-1") > 0 for each in service.replicas("sums")] == [True]
    assert "words" not in " ".join(" ".join(each.cmdline()) for each in service.replicas(""))


def test_texts_are_answered_with_json(ask):
    assert ask("words", WORDS, "BYTES") == [COUNTS, {"a": 2}]


def test_a_parameter_changes_the_answer(ask):
    assert ask("words", WORDS, "BYTES", least=3) == [{"not": 1}, {}]


def test_several_inputs_are_answered_with_several_outputs(ask):
    assert ask("sums", SUMS, "FP32") == [SUMMED, {"sums": 3, "largest": 1}]


@pytest.mark.parametrize("least", [0, -1, 101, 2**62, 1.5, "2", True])
def test_a_parameter_out_of_its_bounds_or_of_another_type_is_refused(ask, least):
    assert "'least' is not valid: input should be" in refusal(ask, "words", WORDS, "BYTES", least=least)


def test_a_parameter_that_the_model_does_not_have_is_refused(ask):
    assert "'most' is not known; known are" in refusal(ask, "words", WORDS, "BYTES", most=1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1, 2]], "shape must be [n, 3], not [1, 2]"),
        ([[[1, 2, 3]]], "its shape must be [n, 3], not [1, 1, 3]"),
    ],
)
def test_another_shape_is_refused(ask, values, words):
    assert words in refusal(ask, "sums", {"values": values, "weights": [WEIGHTS]}, "FP32")


def test_more_rows_than_the_model_takes_are_refused(ask):
    assert "51 texts; the limit is 50" in refusal(ask, "words", {"text": ["x"] * 51}, "BYTES")


@pytest.mark.parametrize("datatype", ["FP64", "INT64"])
def test_another_datatype_is_refused(ask_with_tensors, datatype):
    said = refusal(ask_with_tensors, "sums", {"values": [[1, 2, 3]], "weights": [[1, 2, 3]]}, datatype)
    assert f"its datatype must be FP32, not {datatype}" in said


def test_inputs_of_different_lengths_are_refused(ask_with_tensors):
    inputs = {"values": [VALUES], "weights": [WEIGHTS, WEIGHTS]}
    assert "'weights' is not valid: it has 2 rows, and 'values' 1" in refusal(ask_with_tensors, "sums", inputs, "FP32")


def test_the_models_own_refusal_is_told(ask):
    assert refusal(ask, "words", {"text": ["a\x00b"]}, "BYTES") == "A text holds the character 0."


@pytest.mark.parametrize("path", ["/words/score", "/api/v1/service/words/score"])
def test_a_text_may_be_the_whole_body(service, path):
    headers = {"content-type": "text/plain"}
    assert post(service, f"{path}?least=3", content=TEXT, headers=headers).json()["result"][0] == {"not": 1}
    for least in ("0", "101", "x"):
        with pytest.raises(Refused, match="'least' is not valid"):
            post(service, f"{path}?least={least}", content=TEXT, headers=headers)
    with pytest.raises(Refused, match="not text in UTF-8"):
        post(service, path, content=b"\xff", headers=headers)
    with pytest.raises(Refused, match="Send a JSON body"):
        post(service, path, files={"text": ("a.txt", TEXT)})


def test_one_row_is_answered_alone(service):
    assert post(service, "/words/score", json={"input": TEXT}).json()["result"][0] == COUNTS
    alone = {"input": {"values": VALUES, "weights": WEIGHTS}}
    assert post(service, "/sums/versions/1/score", json=alone).json()["result"][0] == SUMMED
    assert post(service, "/api/v1/service/sums/score", json=alone).json()["result"][0] == SUMMED


@pytest.mark.parametrize("given", [["1", 2, 3], [None, 2, 3], [True, 2, 3], "1", None, {"0": 1}, [1e39, 0, 0]])
def test_values_of_json_that_are_no_numbers_are_refused(service, given):
    with pytest.raises(Refused, match=r"The input 'values' is not valid: .+\."):
        post(service, "/sums/score", json={"input": {"values": given, "weights": WEIGHTS}})


@pytest.mark.parametrize("clients", [clients_over_http, clients_over_grpc])
def test_triton_finds_both_models(service, clients):
    address = f"127.0.0.1:{service.port}" if clients is clients_over_http else service.grpc
    with clients.InferenceServerClient(address) as client:
        for model in ("words", "sums"):
            assert client.is_model_ready(model, "1")


def test_kserve_asks_both_models(service, kserve_python):
    script = Path(__file__).with_name("kserve_own_kinds.py")
    # What this project's packages are on the path for is not for that environment.
    variables = {name: value for name, value in own_kinds.environment().items() if name != "PYTHONPATH"}
    command = [kserve_python, script, service.url, service.grpc]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert set(said) == {"HTTP", "HTTP, binary", "gRPC", "gRPC, raw"}
    for answers in said.values():
        assert [json.loads(each) for each in answers["counts"]] == [{"to": 2, "be": 2, "not": 1}]
        assert (answers["sums"], answers["largest"]) == ([SUM], [LARGEST])
        assert "'least' is not valid: input should be less than or equal to 100." in answers["refusal"]


@pytest.mark.parametrize("kind", [ScoringClient, AsyncScoringClient])
async def test_the_products_client_asks_both_models(service, kind):
    client = kind(service.url)

    async def predict(*arguments, **options):
        found = client.predict(*arguments, **options)
        return found if kind is ScoringClient else await found

    words = await predict("words", WORDS["text"], parameters={"least": 1})
    assert words["counts"] == [COUNTS, {"a": 2}]
    assert (words.origin.model, words.origin.version, words.origin.weights) == ("words", "1", "trained")
    assert (await predict("sums", SUMS))["sums"] == [SUM, 3]
    arrays = await predict("sums", {name: np.array(rows, "f4") for name, rows in SUMS.items()}, outputs=["largest"])
    assert (arrays["largest"].dtype, arrays["largest"].tolist()) == (np.int64, [LARGEST, 1])
    with pytest.raises(ValueError, match="'least' of the model 'words' must be a whole number of at least 1"):
        await predict("words", TEXT, parameters={"least": 0})
    with pytest.raises(ValueError, match=r"must be FP32 \[any, 3\]: it has the shape \[1, 2\]"):
        await predict("sums", {"values": [1, 2], "weights": [1, 2]})
    with pytest.raises(NotFound):
        await predict("words", TEXT, version="2")


def score(service, *arguments):
    # As on another machine: without the sample kinds.
    command = [SCORING, "score", *arguments, "--url", service.url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_asks_both_models(service):
    words = score(service, "words", TEXT, "--param", "least=3", "--json")
    assert (words.returncode, words.stderr) == (0, "")
    assert json.loads(json.loads(words.stdout)["outputs"][0]["data"][0]) == {"not": 1}
    sums = score(service, "sums", "--input", f"values={VALUES}", "--input", f"weights={WEIGHTS}")
    assert [line.split() for line in sums.stdout.splitlines()] == [["sums", "largest"], ["1.75", "0"]]
    refused = score(service, "words", TEXT, "--param", "least=0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "must be a whole number of at least 1" in refused.stderr


@pytest.mark.parametrize("model", ["words", "sums"])
def test_the_command_line_sends_the_models_own_example(service, model):
    run = score(service, model, "--example", "--json")
    assert run.returncode == 0, run.stderr
    told = service.client.get(f"/v2/models/{model}").json()
    assert json.loads(run.stdout) == told["example"]["response"]
