import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.codecs.tensors.binary import pack_elements
from deployments.codecs.tensors.datatypes import pack, unpack
from deployments.errors import BadRequest, InvalidInput
from deployments.ingress.oip.grpc.protocol import ModelInferRequest, ServerLiveRequest
from deployments.ingress.oip.grpc.requests import CONTENTS, parse, read_request, read_tensors

BITS = {8, 16, 32, 64}
INTEGERS = {f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in BITS} | {
    f"UINT{bits}": (0, 2**bits - 1) for bits in BITS
}


def elements_of(datatype):
    if datatype == "BYTES":
        return st.binary(max_size=9)
    if datatype == "BOOL":
        return st.booleans()
    if datatype.startswith("FP"):
        return st.floats(width=int(datatype[2:]), allow_nan=False)
    return st.integers(*INTEGERS[datatype])


@st.composite
def tensors(draw):
    """Datatype, shape and elements of a tensor that contents can hold."""
    datatype = draw(st.sampled_from(sorted(CONTENTS)))
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    count = math.prod(shape)
    return datatype, shape, draw(st.lists(elements_of(datatype), min_size=count, max_size=count))


def read(request):
    request = parse(ModelInferRequest, request.SerializeToString())
    return read_tensors(request, read_request(request).inputs)


def values_of(tensor):
    if tensor.datatype == "BYTES":
        return list(tensor.elements())
    return unpack(tensor.datatype, tensor.content())


@given(tensors())
def test_typed_and_raw_contents_are_the_same_tensor(drawn):
    datatype, shape, elements = drawn
    about = {"name": "x", "datatype": datatype, "shape": shape}
    typed = ModelInferRequest(inputs=[{**about, "contents": {CONTENTS[datatype]: elements}}])
    raw = pack_elements(elements) if datatype == "BYTES" else pack(datatype, elements)
    for request in (typed, ModelInferRequest(inputs=[about], raw_input_contents=[raw])):
        (tensor,) = read(request)
        assert (tensor.name, tensor.datatype, tensor.shape) == ("x", datatype, tuple(shape))
        assert values_of(tensor) == elements


@given(st.binary(max_size=100))
def test_any_bytes_are_a_request_or_refused(content):
    with suppress(BadRequest):
        request = parse(ModelInferRequest, content)
        assert len(read_tensors(request, read_request(request).inputs)) == len(request.inputs)


def refusal(**fields):
    with pytest.raises(InvalidInput) as raised:
        read(ModelInferRequest(**fields))
    return raised.value.message


TENSOR = {"name": "x", "datatype": "INT32", "shape": [1]}
ELEMENT = {"int_contents": [1]}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "'inputs' is not valid"),
        ({"inputs": [{**TENSOR, "datatype": "TEXT"}]}, "'inputs[0].datatype' is not valid"),
        ({"inputs": [{**TENSOR, "shape": [-1]}]}, "'inputs[0].shape[0]' is not valid"),
        ({"inputs": [{**TENSOR, "shape": []}]}, "'inputs[0].shape' is not valid"),
        ({"inputs": [TENSOR] * 17}, "'inputs' is not valid"),
        (
            {"inputs": [TENSOR, TENSOR], "raw_input_contents": [b""]},
            "There are 1 raw_input_contents for 2 inputs; send one for each.",
        ),
        (
            {"inputs": [{**TENSOR, "contents": ELEMENT}], "raw_input_contents": [bytes(4)]},
            "The input 'x' has contents beside raw_input_contents; send one of them.",
        ),
        (
            {"inputs": [{**TENSOR, "contents": {"int64_contents": [1]}}]},
            "The input 'x' of INT32 must have its elements in int_contents, not int64_contents.",
        ),
        ({"inputs": [{**TENSOR, "datatype": "FP16"}]}, "The input 'x' of FP16 must come in raw_input_contents."),
        ({"inputs": [TENSOR], "parameters": {"top_k": {}}}, "The parameter 'top_k' has no value."),
        (
            {"inputs": [{**TENSOR, "parameters": {"binary_data": {"bool_param": True}}}]},
            "The parameter 'binary_data' of the input 'x' is not known; known are binary_data_size, content_type.",
        ),
        (
            {"inputs": [{**TENSOR, "contents": ELEMENT, "parameters": {"binary_data_size": {"int64_param": 1}}}]},
            "The parameter 'binary_data_size' of the input 'x' is not the size of its raw_input_contents.",
        ),
        (
            {
                "inputs": [{**TENSOR, "parameters": {"binary_data_size": {"int64_param": 5}}}],
                "raw_input_contents": [bytes(4)],
            },
            "The parameter 'binary_data_size' of the input 'x' is not the size of its raw_input_contents.",
        ),
    ],
)
def test_requests_that_are_not_valid_are_refused_with_a_sentence(fields, said):
    assert said in refusal(**fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inputs": [TENSOR]}, "its shape makes 1 elements, its data has 0"),
        ({"inputs": [TENSOR], "raw_input_contents": [bytes(3)]}, "its shape and datatype make 4 bytes, not 3"),
        (
            {"inputs": [{**TENSOR, "datatype": "INT8", "contents": {"int_contents": [128]}}]},
            "its data is outside of what INT8 holds",
        ),
    ],
)
def test_elements_must_fit_shape_and_datatype(fields, said):
    (tensor,) = read(ModelInferRequest(**fields))
    with pytest.raises(InvalidInput, match=said):
        tensor.content()


def test_the_size_of_raw_contents_may_be_told():
    told = {**TENSOR, "parameters": {"binary_data_size": {"int64_param": 4}}}
    (tensor,) = read(ModelInferRequest(inputs=[told], raw_input_contents=[b"\x07\0\0\0"]))
    assert values_of(tensor) == [7]


def test_parameters_keep_their_types():
    sent = {
        "a": {"bool_param": False}, "b": {"int64_param": -1}, "c": {"string_param": ""}, "d": {"double_param": 0.5},
        "e": {"uint64_param": 2**63},
    }  # fmt: skip
    request = ModelInferRequest(inputs=[TENSOR], parameters=sent, outputs=[{"name": "ids", "parameters": sent}])
    read = read_request(request)
    assert read.parameters == {"a": False, "b": -1, "c": "", "d": 0.5, "e": 2**63}
    assert {name: type(value) for name, value in read.parameters.items()} == {
        "a": bool, "b": int, "c": str, "d": float, "e": int,
    }  # fmt: skip
    assert read.outputs[0].parameters == read.parameters
    assert read.id is None


def test_bytes_that_are_no_message_are_refused():
    with pytest.raises(BadRequest, match="The bytes are no ServerLiveRequest"):
        parse(ServerLiveRequest, b"\xff")
