import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import InvalidInput
from deployments.ingress.oip.grpc import parts
from deployments.ingress.oip.grpc.parts import INFER_REQUEST, Shape, check_parts
from deployments.ingress.oip.grpc.protocol import ModelInferRequest


def request(**tensor):
    return ModelInferRequest(inputs=[tensor]).SerializeToString()


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_through_to_their_end(content):
    check_parts(content, INFER_REQUEST)


@given(st.binary(max_size=60))
def test_what_is_deep_inside_is_walked_through_too(content):
    anything = Shape({n: Shape({n: Shape() for n in range(1, 8)}, frozenset({4})) for n in range(1, 8)})
    check_parts(content, anything)


@pytest.mark.parametrize(
    "content",
    [
        b"\x2a\x00" * 11,  # inputs without anything
        b"\x32\x00" * 11,  # outputs
        b"\x22\x00" * 11,  # parameters
        b"\x48\x01" * 11,  # a field that the protocol does not have
        b"\x4d\x00\x00\x00\x00" * 11,
        ModelInferRequest(outputs=[{"name": "x"}] * 6).SerializeToString(),
        request(contents={"bytes_contents": [b""] * 11}),
        # Numbers that do not stand together.
        b"\x2a\x16" + b"\x18\x01" * 11,
    ],
)
def test_many_parts_are_refused(monkeypatch, content):
    check_parts(content, INFER_REQUEST)
    monkeypatch.setattr(parts, "MAX_PARTS", 10)
    with pytest.raises(InvalidInput, match="more parts than the limit of 10; send raw_input_contents"):
        check_parts(content, INFER_REQUEST)


@pytest.mark.parametrize("field", ["int_contents", "int64_contents", "uint_contents", "uint64_contents"])
def test_many_numbers_are_refused(monkeypatch, field):
    monkeypatch.setattr(parts, "MAX_VALUES", 10)
    check_parts(request(contents={field: [300] * 10}), INFER_REQUEST)
    with pytest.raises(InvalidInput, match="more values than the limit of 10"):
        check_parts(request(contents={field: [300] * 11}), INFER_REQUEST)


def test_dimensions_are_numbers_too(monkeypatch):
    monkeypatch.setattr(parts, "MAX_VALUES", 10)
    with pytest.raises(InvalidInput):
        check_parts(request(shape=[1] * 11), INFER_REQUEST)


def test_raw_contents_may_be_as_large_as_they_like(monkeypatch):
    monkeypatch.setattr(parts, "MAX_PARTS", 10)
    monkeypatch.setattr(parts, "MAX_VALUES", 10)
    content = ModelInferRequest(inputs=[{"name": "x"}], raw_input_contents=[bytes(1000)] * 2).SerializeToString()
    check_parts(content, INFER_REQUEST)
