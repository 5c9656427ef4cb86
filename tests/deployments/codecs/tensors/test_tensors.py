import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.codecs.json_bodies import parse_any, parse_fields
from deployments.codecs.tensors.binary import pack_elements, split
from deployments.codecs.tensors.datatypes import DATATYPES, SIZES, pack, unpack
from deployments.codecs.tensors.inputs import read_inputs
from deployments.codecs.tensors.messages import InferenceRequest
from deployments.errors import InvalidInput, InvalidJson

INTEGERS = {
    f"{sign}INT{bits}": ((0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    for sign in ("U", "")
    for bits in (8, 16, 32, 64)
}
WIDTHS = {"FP16": 16, "FP32": 32, "FP64": 64}


def values_of(datatype):
    if datatype in INTEGERS:
        low, high = INTEGERS[datatype]
        return st.integers(low, high)
    if datatype == "BOOL":
        return st.booleans()
    if datatype == "BYTES":
        return st.text(max_size=20)
    return st.floats(width=WIDTHS[datatype], allow_nan=False, allow_infinity=False)


@st.composite
def tensors(draw):
    """Name, datatype, shape and flat values of a tensor."""
    datatype = draw(st.sampled_from([name for name in DATATYPES if name != "BF16"]))
    shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    count = math.prod(shape)
    return datatype, shape, draw(st.lists(values_of(datatype), min_size=count, max_size=count))


def nested(values, shape):
    for size in reversed(shape[1:]):
        values = [values[start : start + size] for start in range(0, len(values), size)] if size else []
    return values


def message(*inputs):
    return json.dumps({"inputs": list(inputs)}).encode()


def packed(datatype, values):
    return pack_elements(value.encode() for value in values) if datatype == "BYTES" else pack(datatype, values)


def with_binary(*described):
    """A request's body and the value of its header, from (name, datatype, shape, bytes) of each input."""
    inputs = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(content)}}
        for name, datatype, shape, content in described
    ]
    header = message(*inputs)
    return b"".join([header, *(content for *_, content in described)]), str(len(header))


def read(body, header_length=None):
    header, binary = split(body, header_length)
    return read_inputs(parse_fields(parse_any(header), InferenceRequest).inputs, binary)


def values_in(tensor):
    if tensor.datatype == "BYTES":
        return [each if isinstance(each, str) else each.decode() for each in tensor.elements()]
    return unpack(tensor.datatype, tensor.content())


@given(tensors(), st.booleans())
def test_json_gives_back_what_was_sent(tensor, is_nested):
    datatype, shape, values = tensor
    data = nested(values, shape) if is_nested and 0 not in shape else values
    (got,) = read(message({"name": "x", "datatype": datatype, "shape": shape, "data": data}))
    assert (got.name, got.datatype, got.shape) == ("x", datatype, tuple(shape))
    assert values_in(got) == values


@given(st.lists(tensors(), min_size=1, max_size=4))
def test_binary_data_gives_back_what_was_sent(sent):
    body, length = with_binary(
        *((str(n), datatype, shape, packed(datatype, values)) for n, (datatype, shape, values) in enumerate(sent))
    )
    got = read(body, length)
    assert [values_in(tensor) for tensor in got] == [values for *_, values in sent]


def refused(body, header_length=None):
    """Read everything that a body holds, and return why it is refused; whatever else is raised fails the test."""
    try:
        for tensor in read(body, header_length):
            tensor.elements() if tensor.datatype == "BYTES" else tensor.content()
    except (InvalidInput, InvalidJson) as error:
        return error.message
    return None


def look_at(body, header_length):
    reason = refused(body, header_length)
    assert reason is None or reason.endswith(".")


@given(st.lists(tensors(), min_size=1, max_size=3), st.data())
def test_damaged_bodies_are_refused_or_read(sent, data):
    body, length = with_binary(
        *((str(n), datatype, shape, packed(datatype, values)) for n, (datatype, shape, values) in enumerate(sent))
    )
    place = data.draw(st.integers(0, len(body) - 1))
    damage = data.draw(st.binary(max_size=8))
    cut = data.draw(st.integers(0, 8))
    look_at(body[:place] + damage + body[place + cut :], length)


@given(st.binary(max_size=300), st.text(max_size=5) | st.integers(-5, 400).map(str))
def test_nonsense_is_refused(body, header_length):
    look_at(body, header_length)


@given(st.binary(max_size=100), st.lists(st.integers(0, 1 << 40), min_size=1, max_size=8))
def test_a_shape_that_promises_more_than_there_is_is_refused_before_anything_is_taken(content, shape):
    for datatype in ("BYTES", "UINT8", "FP64"):
        body, length = with_binary(("x", datatype, shape, content))
        look_at(body, length)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists, max_leaves=9)
)
def test_any_json_as_data_is_refused_or_read(data):
    for datatype in DATATYPES:
        body = json.dumps({"inputs": [{"name": "x", "datatype": datatype, "shape": [2, 1], "data": data}]}).encode()
        look_at(body, None)


def one(**changes):
    return {"name": "x", "datatype": "UINT8", "shape": [2], "data": [1, 2], **changes}


@pytest.mark.parametrize(
    ("given_input", "words"),
    [
        (one(data=[1]), "its shape makes 2 elements, its data has 1"),
        (one(data=[1, 256]), "outside of what UINT8 holds"),
        (one(data=[1, -1]), "outside of what UINT8 holds"),
        (one(datatype="INT64", data=[1, 2**63]), "outside of what INT64 holds"),
        (one(datatype="FP32", data=[1, 1e300]), "outside of what FP32 holds"),
        (one(data=[1, True]), "must be integers"),
        (one(data=[1, 2.0]), "must be integers"),
        (one(data=["1", "2"]), "must be integers"),
        (one(datatype="FP32", data=[1, None]), "must be numbers"),
        (one(datatype="BOOL", data=[1, 0]), "must be true or false"),
        (one(datatype="BF16", data=[1, 0]), "JSON has no BF16"),
        (one(datatype="BYTES", data=[1, 0]), "must be texts"),
        (one(data=[[1, 2]]), "not nested as its shape is"),
        (one(shape=[2, 1], data=[[1, 2]]), "not nested as its shape is"),
        (one(shape=[2, 1], data=[[1], 2]), "not nested as its shape is"),
        (one(data=None), "must have either 'data' or"),
        (one(parameters={"binary_data_size": 2}), "must have either 'data' or"),
        (one(data=None, parameters={"binary_data_size": "2"}), "must be a whole number"),
        (one(data=None, parameters={"binary_data_size": -2}), "must be a whole number"),
        (one(data=None, parameters={"binary_data_size": True}), "must be a whole number"),
        (one(data=None, parameters={"binary_data_size": 10**30}), "follow the JSON"),
        (one(parameters={"shared_memory_region": "r"}), "'shared_memory_region' of the input 'x' is not known"),
        (one(parameters={"content_type": "np"}), "must be str or base64"),
        (one(shape=[]), "shape"),
        (one(shape=[-1]), "shape"),
        (one(shape=[True]), "shape"),
        (one(shape=[1.0]), "shape"),
        (one(datatype="UINT128"), "datatype"),
        ({"name": "x"}, "'inputs[0].shape' is missing"),
    ],
)
def test_a_bad_tensor_is_refused_with_a_sentence(given_input, words):
    assert words in refused(message(given_input))


@pytest.mark.parametrize(
    ("datatype", "shape", "content", "words"),
    [
        ("FP32", [2], bytes(7), "make 8 bytes, not 7"),
        ("FP32", [1 << 40] * 8, bytes(8), "bytes, not 8"),
        ("BYTES", [1], bytes(3), "cannot hold 1 elements"),
        ("BYTES", [1 << 40], bytes(8), "cannot hold"),
        ("BYTES", [1], struct.pack("<I", 5) + b"abcd", "ends after the tensor's 8 bytes"),
        ("BYTES", [2], struct.pack("<I", 4) + b"abcd", "ends after the tensor's 8 bytes"),
        ("BYTES", [1], struct.pack("<I", 0xFFFFFFFF), "ends after"),
        ("BYTES", [1], struct.pack("<I", 1) + b"ab", "1 bytes follow its last element"),
    ],
)
def test_bad_binary_data_is_refused_with_a_sentence(datatype, shape, content, words):
    body, length = with_binary(("x", datatype, shape, content))
    assert words in refused(body, length)


def test_sizes_must_add_up_to_what_follows_the_json():
    body, length = with_binary(("x", "UINT8", [2], b"ab"), ("y", "UINT8", [2], b"cd"))
    for wrong in (body[:-1], body + b"e"):
        assert "follow the JSON" in refused(wrong, length)


@pytest.mark.parametrize("length", ["", "-1", "0", "x", "1.5", "²", "9" * 13, "1000"])
def test_a_length_of_the_json_that_cannot_be_is_refused(length):
    assert "Inference-Header-Content-Length" in refused(message(one()), length)


def test_json_of_too_many_values_is_refused_before_it_is_read():
    assert "or tensors as binary data" in refused(b"[" * 5_000_000)


def test_every_datatype_has_a_size_but_bytes():
    assert set(SIZES) == set(DATATYPES) - {"BYTES"}
