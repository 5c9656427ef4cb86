from dataclasses import replace

import pytest

from deployments.contracts import Tensor
from deployments.errors import StartupError
from deployments.signature import Example, Parameter, Signature

SIGNATURE = Signature(
    inputs=(Tensor("values", "FP32", (-1, 3)),),
    outputs=(Tensor("sums", "FP32", (-1,)),),
    parameters=(Parameter("scale", "float", 1.0, minimum=0),),
    example=Example({"values": [[1, 2, 3]]}, {"sums": [6]}),
)


def test_a_signature_that_agrees_with_itself_is_taken():
    SIGNATURE.check()
    assert SIGNATURE.has_rows
    assert not replace(SIGNATURE, inputs=(Tensor("values", "FP32", (3,)),)).has_rows


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": ()}, "there is no input"),
        ({"outputs": ()}, "there is no output"),
        ({"inputs": (Tensor("a b", "FP32", (-1,)),)}, "the input 'a b' needs a name"),
        ({"inputs": (Tensor("values", "FLOAT", (-1,)),)}, "has the datatype 'FLOAT'"),
        ({"inputs": (Tensor("values", "BF16", (-1,)),)}, "has the datatype 'BF16'"),
        ({"inputs": (Tensor("values", "FP32", ()),)}, "has the shape []"),
        ({"inputs": (Tensor("values", "FP32", (-1, 0)),)}, "has the shape [-1, 0]"),
        ({"inputs": (Tensor("values", "FP32", (-2,)),)}, "sizes are above 0, or -1"),
        ({"inputs": (Tensor("values", "FP32", (-1,), "text/plain"),)}, "which only BYTES can have"),
        ({"inputs": (Tensor("values", "BYTES", (-1,), "text"),)}, "which is no media type"),
        ({"inputs": (Tensor("values", "FP32", (-1, 3)),) * 2}, "two inputs are named 'values'"),
        ({"parameters": (Parameter("a", "int", 1),) * 2}, "two parameters are named 'a'"),
        ({"parameters": (Parameter("data", "int", 1),)}, "a name that protocols use themselves"),
        ({"parameters": (Parameter("a", "int", 1.5),)}, "it must be of type int"),
        ({"parameters": (Parameter("a", "int", True),)}, "it must be of type int"),
        ({"parameters": (Parameter("a", "int", 0, minimum=1),)}, "the minimum is 1"),
        ({"parameters": (Parameter("a", "float", 3, maximum=2),)}, "the maximum is 2"),
        ({"parameters": (Parameter("a", "str", "x", minimum=1),)}, "is no number and has bounds"),
        ({"parameters": (Parameter("a", "str", "x", choices=("y", "z")),)}, "it must be one of 'y', 'z'"),
        ({"example": Example({}, {"sums": [6]})}, "the example's inputs are none, and the signature's 'values'"),
        ({"example": Example({"values": []}, {"x": 1})}, "the example's outputs are 'x', and the signature's 'sums'"),
        (
            {"example": Example({"values": []}, {"sums": []}, {"scales": 1})},
            "the example's parameter 'scales' is not in the signature",
        ),
    ],
)
def test_a_contradiction_is_told_in_words(changes, words):
    with pytest.raises(StartupError) as raised:
        replace(SIGNATURE, **changes).check()
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_contradiction_is_told_at_once():
    with pytest.raises(StartupError) as raised:
        replace(SIGNATURE, inputs=(), outputs=()).check()
    assert "there is no input; there is no output" in str(raised.value)
