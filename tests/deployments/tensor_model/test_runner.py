from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.contracts import Tensor
from deployments.errors import InvalidInput, ModelError, StartupError
from deployments.signature import Example, Parameter, Signature
from deployments.tensor_model.items import TensorItem
from deployments.tensor_model.runner import Runner

SIGNATURE = Signature(
    inputs=(Tensor("values", "FP32", (-1, 2)),),
    outputs=(Tensor("sums", "FP32", (-1,)),),
    parameters=(Parameter("scale", "float", 1.0),),
    example=Example({"values": [[1, 2]]}, {"sums": [3]}),
)


class Summing:
    """Adds up rows, and remembers how many it got at once; fails on a row that holds 13."""

    def __init__(self, answer=None):
        self.calls = []
        self.answer = answer

    def predict(self, inputs, parameters):
        values = inputs["values"]
        self.calls.append(len(values))
        if self.answer is not None:
            return self.answer
        if (values == 13).any():
            raise ValueError("password=hunter2")
        if (values < 0).any():
            raise InvalidInput("A value is below 0.")
        return {"sums": values.sum(axis=1) * parameters["scale"]}


def item(*rows, scale=1.0):
    return TensorItem({"values": np.array(rows, np.float32)}, {"scale": scale})


def sums(results):
    return [result.outputs["sums"].tolist() for result in results]


def test_requests_with_the_same_parameters_are_one_call():
    model = Summing()
    results = Runner(model, SIGNATURE).run([item([1, 2]), item([3, 4], [5, 6]), item([7, 8])])
    assert sums(results) == [[3], [7, 11], [15]]
    assert model.calls == [4]


def test_requests_with_other_parameters_are_calls_of_their_own():
    model = Summing()
    assert sums(Runner(model, SIGNATURE).run([item([1, 2]), item([1, 2], scale=2.0)])) == [[3], [6]]
    assert model.calls == [1, 1]


def test_a_bad_request_fails_alone_and_shows_nothing_of_its_error(caplog):
    results = Runner(Summing(), SIGNATURE).run([item([1, 2]), item([13, 0]), item([-1, 0]), item([3, 4])])
    assert sums([results[0], results[3]]) == [[3], [7]]
    assert isinstance(results[1], ModelError)
    assert isinstance(results[2], InvalidInput)
    assert results[2].message == "A value is below 0."
    assert "hunter2" not in results[1].message + caplog.text


@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 20), min_size=2, max_size=2), min_size=1, max_size=4), min_size=1, max_size=5
    )
)
def test_each_request_gets_what_it_would_get_alone(requests):
    runner = Runner(Summing(), SIGNATURE)
    together = runner.run([item(*rows) for rows in requests])
    for rows, result in zip(requests, together, strict=True):
        if any(13 in row for row in rows):
            assert isinstance(result, ModelError)
        else:
            assert result.outputs["sums"].tolist() == [sum(row) for row in rows]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "gives no output 'sums'"),
        ({"sums": [[1.0]]}, "its shape is [1, 1], and the signature's [-1]"),
        ({"sums": ["a"]}, "which is no FP32"),
        ({"sums": [1.0, 2.0]}, "has 2 rows for 1"),
        ({"sums": [4.0]}, "answers the example of its signature with 'sums' [4.0], and the signature says [3]"),
    ],
)
def test_a_model_that_does_not_keep_its_signature_never_becomes_ready(answer, words):
    with pytest.raises(StartupError) as raised:
        Runner(Summing(answer), SIGNATURE).check_example()
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([[1, 2, 3]], "example is no request: The input 'values' is not valid: its shape must be [n, 2], not [1, 3]"),
        ([[13, 0]], "cannot answer the example of its signature: ValueError: password=hunter2"),
        ([[-1, 0]], "cannot answer the example of its signature: A value is below 0."),
    ],
)
def test_an_example_that_the_model_cannot_answer_is_told(inputs, words):
    signature = replace(SIGNATURE, example=Example({"values": inputs}, {"sums": [3]}))
    with pytest.raises(StartupError) as raised:
        Runner(Summing(), signature).check_example()
    assert words in str(raised.value)


def test_numbers_that_differ_by_rounding_are_the_same():
    Runner(Summing({"sums": [3.0005]}), SIGNATURE).check_example()


def test_a_model_without_rows_is_asked_with_whole_tensors():
    signature = Signature(
        inputs=(Tensor("values", "FP32", (2,)),),
        outputs=(Tensor("total", "FP32", (1,)),),
        example=Example({"values": [1, 2]}, {"total": [3]}),
    )

    class Whole:
        def predict(self, inputs, parameters):
            return {"total": [inputs["values"].sum()]}

    runner = Runner(Whole(), signature)
    runner.check_example()
    items = [TensorItem({"values": np.array(values, np.float32)}, {}) for values in ([1, 2], [3, 4])]
    assert [result.outputs["total"].tolist() for result in runner.run(items)] == [[3], [7]]
