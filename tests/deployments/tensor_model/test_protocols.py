"""A kind that the product knows nothing of, asked by every protocol."""

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV2SpecValidator, validate

from deployments.codecs.tensors.binary import pack_elements, split, unpack_elements

TEXT = "to be or not to be"
COUNTS = {"to": 2, "be": 2, "not": 1}
SUM = {"values": [1, 2, 3], "weights": [0.5, 0.25, 0.25]}
SUMMED = {"sums": 1.75, "largest": 0}


async def answered(client, path, **request):
    response = await client.post(path, **request)
    assert response.status_code == 200, response.text
    return response.json()


async def refused(client, path, **request):
    response = await client.post(path, **request)
    assert 400 <= response.status_code < 500, response.text
    return response.json()["detail"]


class TestReference:
    async def test_a_row_is_answered_alone_and_a_list_with_a_list(self, client):
        one = await answered(client, "/words/score", json={"input": TEXT})
        assert one["result"][0] == COUNTS
        assert one["result"][1].startswith("Computed in ")
        two = await answered(client, "/words/score", json={"input": [TEXT, "a a"]})
        assert two["result"][0] == [COUNTS, {"a": 2}]

    async def test_a_parameter_has_its_default_and_its_bounds(self, client):
        long = await answered(client, "/words/score", json={"input": TEXT, "least": 3})
        assert long["result"][0] == {"not": 1}
        for least in (0, 101, "1", 1.5, True):
            assert "'least' is not valid" in await refused(client, "/words/score", json={"input": TEXT, "least": least})
        assert "'most' is not known" in await refused(client, "/words/score", json={"input": TEXT, "most": 1})

    async def test_a_body_that_is_nothing_but_the_text(self, client):
        plain = {"content-type": "text/plain"}
        one = await answered(client, "/words/score?least=3", content=TEXT, headers=plain)
        assert one["result"][0] == {"not": 1}
        assert "'least' is not valid" in await refused(client, "/words/score?least=x", content=TEXT, headers=plain)
        assert "not text in UTF-8" in await refused(client, "/words/score", content=b"\xff", headers=plain)

    async def test_two_inputs_are_an_object(self, client):
        one = await answered(client, "/sums/score", json={"input": SUM})
        assert one["result"][0] == SUMMED
        rows = {name: [each, each] for name, each in SUM.items()}
        two = await answered(client, "/sums/versions/1/score", json={"input": rows})
        assert two["result"][0] == [SUMMED, SUMMED]

    async def test_the_only_kind_there_is_answers_the_bare_route(self, client):
        assert (await answered(client, "/score", json={"input": TEXT}))["result"][0] == COUNTS

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"values": [1, 2], "weights": [1, 2]}, "its shape must be [n, 3], not [1, 2]"),
            ({"values": [1, 2, "3"], "weights": [1, 2, 3]}, "its data must be numbers"),
            ({"values": [[1, 2, 3], [1, 2]], "weights": [[1, 2, 3]] * 2}, "its data is not nested as its shape is"),
            ({"values": [[1, 2, 3]] * 2, "weights": [[1, 2, 3]]}, "different numbers of rows"),
            ({"values": [1, 2, 3]}, "has no 'weights'"),
            ({"values": [1, 2, 3], "weights": [1, 2, 3], "x": 1}, "has 'x', which is not known"),
            ([1, 2, 3], "must be an object with values, weights"),
            ({"values": [], "weights": []}, "its shape must be [n, 3], not [1, 0]"),
            ({"values": [1e39, 0, 0], "weights": [1, 2, 3]}, "outside of what FP32 holds"),
        ],
    )
    async def test_what_is_no_input_is_refused_with_a_sentence(self, client, given, words):
        assert words in await refused(client, "/sums/score", json={"input": given})

    async def test_rows_are_limited_by_the_kinds_own_noun(self, client):
        assert "has 51 texts; the limit is 50" in await refused(client, "/words/score", json={"input": ["x"] * 51})

    async def test_the_models_own_refusal_is_told_and_its_failure_is_not(self, client):
        assert await refused(client, "/words/score", json={"input": "a\x00b"}) == "A text holds the character 0."
        response = await client.post("/words/score", json={"input": "crash"})
        assert (response.status_code, response.json()["code"]) == (424, "model_error")
        assert "crash" not in response.json()["detail"]


class TestAzure:
    async def test_data_has_a_place_for_each(self, client):
        path = "/api/v1/service/words/score"
        assert await answered(client, path, json={"data": [TEXT, "a"]}) == {"result": [COUNTS, {"a": 1}]}
        assert (await answered(client, path, json={"input": TEXT}))["result"][0] == COUNTS
        assert "either the field 'data' or" in await refused(client, path, json={"data": [TEXT], "input": TEXT})

    @pytest.mark.parametrize(
        "body",
        [
            {"data": [SUM, SUM]},
            {"data": [[[1, 2, 3], [0.5, 0.25, 0.25]]] * 2},
            {"input_data": [SUM, SUM]},
            {
                "input_data": {
                    "columns": ["weights", "values"],
                    "index": [0, 1],
                    "data": [[[0.5, 0.25, 0.25], [1, 2, 3]]] * 2,
                }
            },
        ],
    )
    async def test_tables_are_read_in_each_of_their_forms_as_the_document_says(self, client, body):
        document = (await client.get("/swagger.json")).json()
        schema = document["paths"]["/api/v1/service/sums/score"]["post"]["requestBody"]["content"]["application/json"]
        Draft202012Validator({**schema["schema"], "components": document["components"]}).validate(body)
        assert await answered(client, "/api/v1/service/sums/score", json=body) == {"result": [SUMMED, SUMMED]}

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"columns": ["values"], "data": []}, "The columns must be values, weights"),
            ({"columns": ["values", "weights"], "data": [[1]]}, "must have 2 values"),
            ({"colums": [], "data": []}, "'input_data.colums' is not known"),
            ({"data": []}, "must be a list with a row in each place"),
        ],
    )
    async def test_what_is_no_table_is_refused_with_a_sentence(self, client, given, words):
        assert words in await refused(client, "/api/v1/service/sums/score", json={"input_data": given})

    async def test_swagger_describes_the_service(self, client):
        for model in ("words", "sums"):
            document = (await client.get(f"/api/v1/service/{model}/swagger.json")).json()
            OpenAPIV2SpecValidator(document).validate()
            example = document["definitions"]["ServiceInput"]["example"]
            answer = document["definitions"]["ServiceOutput"]["example"]
            assert await answered(client, f"/api/v1/service/{model}/score", json=example) == answer


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


class TestOpenInference:
    async def test_texts_and_json(self, client):
        inputs = [tensor("text", "BYTES", [2], [TEXT, "a a"])]
        answer = await answered(client, "/v2/models/words/infer", json={"inputs": inputs, "parameters": {"least": 2}})
        (output,) = answer["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("counts", "BYTES", [2])
        assert [json.loads(each) for each in output["data"]] == [COUNTS, {}]

    async def test_numbers_and_a_choice_of_outputs(self, client):
        inputs = [tensor(name, "FP32", [1, 3], [each]) for name, each in SUM.items()]
        body = {"inputs": inputs, "outputs": [{"name": "largest"}]}
        answer = await answered(client, "/v2/models/sums/versions/1/infer", json=body)
        assert answer["outputs"] == [tensor("largest", "INT64", [1], [0])]

    async def test_binary_tensors(self, client):
        values = np.array([SUM["values"]] * 2, "<f4").tobytes()
        weights = np.array([SUM["weights"]] * 2, "<f4").tobytes()
        described = [
            {"name": name, "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": len(content)}}
            for name, content in (("values", values), ("weights", weights))
        ]
        header = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
        headers = {"inference-header-content-length": str(len(header)), "content-type": "application/octet-stream"}
        response = await client.post("/v2/models/sums/infer", content=header + values + weights, headers=headers)
        told, binary = split(response.content, response.headers["inference-header-content-length"])
        assert [output["name"] for output in json.loads(told)["outputs"]] == ["sums", "largest"]
        assert np.frombuffer(binary[:8], "<f4").tolist() == [1.75, 1.75]
        assert np.frombuffer(binary[8:], "<i8").tolist() == [0, 0]

    async def test_binary_json(self, client):
        content = pack_elements([TEXT.encode()])
        described = {"name": "text", "datatype": "BYTES", "shape": [1, 1]}
        described["parameters"] = {"binary_data_size": len(content)}
        header = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
        headers = {"inference-header-content-length": str(len(header))}
        response = await client.post("/v2/models/words/infer", content=header + content, headers=headers)
        _, binary = split(response.content, response.headers["inference-header-content-length"])
        assert [json.loads(each) for each in unpack_elements(binary, 1)] == [COUNTS]

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            ([tensor("text", "BYTES", [1], ["a"])], "There is no input 'text'"),
            ([tensor("values", "FP32", [1, 3], [1, 2, 3])], "'weights' is missing"),
            ([tensor("values", "FP32", [1, 3], [1, 2, 3])] * 2, "is missing"),
            ([tensor(name, "FP64", [1, 3], [1, 2, 3]) for name in SUM], "its datatype must be FP32, not FP64"),
            ([tensor(name, "FP32", [3], [1, 2, 3]) for name in SUM], "its shape must be [n, 3], not [3]"),
            ([tensor(name, "FP32", [0, 3], []) for name in SUM], "there must be at least 1"),
        ],
    )
    async def test_what_is_no_input_is_refused_with_a_sentence(self, client, inputs, words):
        assert words in await refused(client, "/v2/models/sums/infer", json={"inputs": inputs})

    async def test_metadata_tells_the_signature(self, client):
        words = (await client.get("/v2/models/words")).json()
        assert words["inputs"][0]["content_type"] == "text/plain"
        assert words["outputs"] == [
            {
                "name": "counts",
                "datatype": "BYTES",
                "shape": [-1],
                "content_type": "application/json",
                "description": "How often each word occurs.",
            }
        ]
        least = words["request_parameters"]["least"]
        assert (least["type"], least["minimum"], least["maximum"], least["default"]) == ("integer", 1, 100, 1)

    async def test_the_example_is_answered_as_it_says(self, client):
        document = (await client.get("/swagger.json")).json()
        described = document["paths"]["/v2/models/{model}/infer"]["post"]
        for model, kind in (("words", "word_counter"), ("sums", "weighted_sum")):
            example = (await client.get(f"/v2/models/{model}")).json()["example"]
            assert await answered(client, f"/v2/models/{model}/infer", json=example["request"]) == example["response"]
            documented = described["responses"]["200"]["content"]["application/json"]["examples"][kind]
            assert documented["value"] == example["response"]


@pytest.mark.parametrize("row", [{**SUM, "more": 1}, {"values": [1, 2, 3]}, [[1, 2, 3]], {**SUM, "weights": [1]}])
async def test_what_the_document_forbids_is_refused(client, row):
    document = (await client.get("/swagger.json")).json()
    path = "/api/v1/service/sums/score"
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": document["components"]})
    for body in ({"data": [row]}, {"input_data": [row]}, {"input": row}):
        assert not validator.is_valid(body)
        assert await refused(client, path, json=body)


async def test_the_document_is_valid_and_its_examples_hold(client):
    document = (await client.get("/swagger.json")).json()
    validate(document)
    for model in ("words", "sums"):
        for path in (f"/{model}/score", f"/api/v1/service/{model}/score"):
            described = document["paths"][path]["post"]
            body = described["requestBody"]["content"]["application/json"]
            validator = Draft202012Validator({**body["schema"], "components": document["components"]})
            for example in body["examples"].values():
                validator.validate(example["value"])
                answer = await answered(client, path, json=example["value"])
                schema = described["responses"]["200"]["content"]["application/json"]["schema"]
                Draft202012Validator({**schema, "components": document["components"]}).validate(answer)


@pytest.mark.filterwarnings("ignore:overflow encountered")
async def test_numbers_that_json_does_not_have_are_null_as_the_document_says(client):
    document = (await client.get("/swagger.json")).json()
    huge = [3e38] * 3
    inputs = [tensor(name, "FP32", [1, 3], huge) for name in SUM]
    for path, body in (
        ("/sums/score", {"input": dict.fromkeys(SUM, huge)}),
        ("/api/v1/service/sums/score", {"data": [dict.fromkeys(SUM, huge)]}),
        ("/v2/models/{model}/infer", {"inputs": inputs}),
    ):
        answer = await answered(client, path.format(model="sums"), json=body)
        assert "null" in json.dumps(answer)
        content = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
        Draft202012Validator({**content["schema"], "components": document["components"]}).validate(answer)
    swagger = (await client.get("/api/v1/service/sums/swagger.json")).json()
    row = swagger["definitions"]["ServiceOutput"]["properties"]["result"]["items"]
    assert (row["properties"]["sums"]["type"], row["properties"]["sums"]["x-nullable"]) == ("number", True)
    OpenAPIV2SpecValidator(swagger).validate()
