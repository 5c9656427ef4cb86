import json
import subprocess
import sys

import numpy as np
import pytest

from serve_app.client.inference.request import Asked, build, example_call

VALUES, WEIGHTS = ("values", "FP32", (-1, 3)), ("weights", "FP32", (-1, 3))
TEXT = ("text", "BYTES", (-1,), "text/plain")
TOP_K = {"top_k": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}}


def test_one_input_needs_no_name(describe):
    call = build(describe(TEXT, parameters=TOP_K), Asked("m", "a text", {"top_k": 2}, ["y"], request_id="r-1"))
    assert (call.method, call.path, call.model, call.headers) == (
        "POST",
        "/v2/models/m/infer",
        "m",
        {"x-request-id": "r-1"},
    )
    assert call.payload.media_type == "application/json"
    assert json.loads(call.payload.content) == {
        "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a text"]}],
        "parameters": {"top_k": 2},
        "outputs": [{"name": "y"}],
    }


def test_binary_data_follows_the_json_in_the_order_of_the_inputs(describe):
    one, other = np.ones((200, 3)), np.zeros((200, 3))
    call = build(describe(VALUES, WEIGHTS), Asked("m", {"weights": other, "values": one}, version="2"))
    assert call.path == "/v2/models/m/versions/2/infer"
    assert call.payload.media_type == "application/octet-stream"
    length = int(call.headers["inference-header-content-length"])
    head = json.loads(call.payload.content[:length])
    assert [each["parameters"] for each in head["inputs"]] == [{"binary_data_size": 2400}] * 2
    assert head["parameters"] == {"binary_data_output": True}
    assert call.payload.content[length:] == one.astype("<f4").tobytes() + other.astype("<f4").tobytes()


def test_outputs_that_are_numbers_come_as_binary_data_where_arrays_are_wanted(describe):
    description = describe(TEXT, outputs=(("y", "FP32", (-1,)), ("label", "BYTES", (-1,))), optional=["why"])
    call = build(description, Asked("m", "a", outputs=["y", "label", "why"], arrays=True))
    wanted = json.loads(call.payload.content)["outputs"]
    assert wanted == [{"name": "y", "parameters": {"binary_data": True}}, {"name": "label"}, {"name": "why"}]


@pytest.mark.parametrize(
    ("inputs", "asked", "sentence"),
    [
        ({"x": 1}, {}, r"^The model 'm' has no input 'x'; it takes 'values' \(FP32 \[any, 3\]\) and 'weights' \("),
        ({"values": [1, 2, 3]}, {}, r"takes 'values' .*; the input 'weights' is missing\.$"),
        ({}, {}, r"the input 'values' is missing\.$"),
        ([1, 2, 3], {}, r"^The model 'm' takes several inputs: give them by name, 'values' \("),
        (
            {"values": [1, 2], "weights": [1, 2, 3]},
            {},
            r"^The input 'values' of the model 'm' must be FP32 \[any, 3\]: it has the shape \[1, 2\]\.$",
        ),
        (
            {"values": [[1, 2, 3]] * 2, "weights": [1, 2, 3]},
            {},
            r"must have the same number of rows: 'values' has 2, 'weights' has 1\.$",
        ),
        (None, {"outputs": ["z"]}, r"^The model 'm' has no output 'z'; it gives y\.$"),
        (None, {"parameters": {"n": 1}}, r"^The model 'm' has no parameter 'n'; it takes top_k\.$"),
        (
            None,
            {"parameters": {"top_k": 0}},
            r"^The parameter 'top_k' of the model 'm' must be a whole number of at least 1, not 0\.$",
        ),
        (None, {"request_id": "two words"}, r"^A request id has 1 to 128 characters"),
    ],
)
def test_what_a_model_does_not_take_is_a_sentence(describe, inputs, asked, sentence):
    description = describe(VALUES, WEIGHTS, parameters=TOP_K)
    given = {"values": [1, 2, 3], "weights": [1, 2, 3]} if inputs is None else inputs
    with pytest.raises(ValueError, match=sentence):
        build(description, Asked("m", given, **asked))


def test_an_input_that_the_example_does_without_stands_in_place_of_the_others(describe):
    description = describe(("image", "BYTES", (-1,)), ("pixels", "UINT8", (-1, 2)), example=["image"])
    assert b'"image"' in build(description, Asked("m", b"IMG")).payload.content
    assert b'"pixels"' in build(description, Asked("m", {"pixels": [1, 2]})).payload.content


def test_a_dictionary_may_be_the_json_of_the_only_input(describe):
    description = describe(("row", "BYTES", (-1,), "application/json"))
    for inputs in ({"a": 1}, {"row": {"a": 1}}):
        assert json.loads(build(description, Asked("m", inputs)).payload.content)["inputs"][0]["data"] == ['{"a":1}']


def test_numbers_of_numpy_are_parameters_too(describe):
    call = build(describe(TEXT, parameters=TOP_K), Asked("m", "a", {"top_k": np.int64(3)}))
    assert json.loads(call.payload.content)["parameters"] == {"top_k": 3}


def test_the_example_is_sent_as_the_model_gives_it(describe):
    call = example_call(describe(TEXT, example=["text"]), "2")
    assert (call.path, json.loads(call.payload.content)) == (
        "/v2/models/m/versions/2/infer",
        {"inputs": [{"name": "text"}]},
    )
    with pytest.raises(ValueError, match="The model 'm' gives no example"):
        example_call(describe(TEXT))


def test_numpy_is_not_imported_for_lists():
    program = (
        "import sys\n"
        "from serve_app.client.inference.request import Asked, build\n"
        "from serve_app.client.results import ModelDescription, Tensor\n"
        "x = (Tensor('x', 'FP32', (-1, 2)),)\n"
        "build(ModelDescription('m', (), '', 'trained', x, x, {}), Asked('m', [[1, 2]] * 1000))\n"
        "print('numpy' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert result.stdout == "False\n"
