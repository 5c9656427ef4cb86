import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.client import UnexpectedResponse
from serve_app.client.inference.answer import read_prediction
from serve_app.client.inference.datatypes import pack_elements
from serve_app.client.results import ModelDescription, Tensor
from serve_app.client.steps import Reply

OUTPUTS = (
    Tensor("y", "FP32", (-1, 2)),
    Tensor("label", "BYTES", (-1,), "text/plain"),
    Tensor("counts", "BYTES", (-1,), "application/json"),
    Tensor("file", "BYTES", (-1,), "image/png"),
)
MODEL = ModelDescription("m", ("1",), "python", "trained", OUTPUTS, OUTPUTS, {})


@pytest.fixture
def read(reply):
    def read(*outputs, binary=b"", as_arrays=False):
        head = json.dumps({"model_name": "m", "outputs": outputs}).encode()
        headers = {"inference_header_content_length": str(len(head))} if binary else {}
        answer = reply(200, head + binary, x_model_name="m", **headers)
        return read_prediction(answer, description=MODEL, as_arrays=as_arrays)

    return read


def output(name, datatype, shape, data=None, size=None):
    about = {"name": name, "datatype": datatype, "shape": shape}
    return {**about, "data": data} if size is None else {**about, "parameters": {"binary_data_size": size}}


def test_outputs_have_the_shape_and_the_meaning_that_the_model_describes(read):
    prediction = read(
        output("y", "FP32", [2, 2], [1.0, 2.0, 3.0, 4.0]),
        output("label", "BYTES", [2], ["a", "b"]),
        output("counts", "BYTES", [1], ['{"to": 2}']),
        output("file", "BYTES", [1], ["/wA="]),
        output("unknown", "INT64", [0, 3], []),
    )
    assert prediction.outputs == {
        "y": [[1.0, 2.0], [3.0, 4.0]],
        "label": ["a", "b"],
        "counts": [{"to": 2}],
        "file": [b"\xff\x00"],
        "unknown": [],
    }
    assert prediction["label"] == ["a", "b"]
    assert prediction.origin.model == "m"
    assert prediction.answer["model_name"] == "m"


@pytest.mark.parametrize("as_arrays", [True, False])
def test_binary_data_is_read_in_the_order_of_the_outputs(read, as_arrays):
    numbers, texts = np.array([[1, 2], [3, 4]], "<f4"), pack_elements([b"a", b"bc"])
    prediction = read(
        output("y", "FP32", [2, 2], size=16),
        output("label", "BYTES", [2], size=len(texts)),
        binary=numbers.tobytes() + texts,
        as_arrays=as_arrays,
    )
    assert np.array_equal(prediction["y"], numbers)
    assert list(prediction["label"]) == ["a", "bc"]
    assert isinstance(prediction["y"], np.ndarray if as_arrays else list)


@pytest.mark.parametrize(
    "wrong",
    [
        output("y", "FP32", [2, 2], [1.0]),
        output("y", "FP32", [2, 2], size=16),
        output("y", "FP32", [2, 2]),
        output("y", "BF16", [1], [1.0]),
        output("counts", "BYTES", [1], ["{"]),
        output("file", "BYTES", [1], ["?"]),
        {"name": "y"},
    ],
)
@pytest.mark.parametrize("as_arrays", [True, False])
def test_an_answer_of_another_form_is_told_as_such(read, wrong, as_arrays):
    with pytest.raises(UnexpectedResponse, match="none that this client can read"):
        read(wrong, as_arrays=as_arrays)


@given(st.binary(max_size=100), st.sampled_from([None, "0", "7", "x", "99999"]))
def test_no_answer_breaks_the_client(content, length):
    import httpx

    headers = httpx.Headers({} if length is None else {"inference-header-content-length": length})
    with pytest.raises(UnexpectedResponse):
        read_prediction(Reply(200, headers, content), description=MODEL, as_arrays=False)
