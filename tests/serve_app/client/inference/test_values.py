import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serve_app.client.inference.datatypes import NUMBERS, numpy_name, pack, unpack, unpack_elements
from serve_app.client.inference.values import BINARY_BYTES, described, encode
from serve_app.client.results import Tensor

ROWS = Tensor("x", "FP32", (-1, 3))
TEXTS = Tensor("x", "BYTES", (-1,), "text/plain")
FILES = Tensor("x", "BYTES", (-1,), "image/*")
JSON = Tensor("x", "BYTES", (-1,), "application/json")


@pytest.mark.parametrize("value", [[1, 2.5, 3], [[1, 2.5, 3]], (1, 2.5, 3), np.array([1, 2.5, 3])])
def test_a_row_may_stand_for_itself(value):
    sent = encode(ROWS, value)
    assert (sent.shape, sent.data) == ((1, 3), [1, 2.5, 3])


def test_many_numbers_are_sent_as_bytes_whether_they_are_lists_or_arrays():
    values = np.arange(BINARY_BYTES * 3, dtype="float64").reshape(-1, 3)
    expected = values.astype("<f4").tobytes()
    assert encode(ROWS, values).data == expected
    assert encode(ROWS, values.tolist()).data == expected
    assert isinstance(encode(ROWS, values[:4]).data, list)


def test_what_json_does_not_hold_is_sent_as_bytes():
    assert encode(ROWS, [1, float("nan"), 2]).data[4:8] == np.float32("nan").tobytes()
    assert encode(ROWS, np.array([1, np.inf, 2])).data[4:8] == np.float32("inf").tobytes()


@pytest.mark.parametrize(
    ("tensor", "value", "reason"),
    [
        (ROWS, [[1, 2]], r"it has the shape \[1, 2\]"),
        (ROWS, np.zeros((2, 2)), r"it has the shape \[2, 2\]"),
        (ROWS, np.zeros((BINARY_BYTES, 2)), rf"it has the shape \[{BINARY_BYTES}, 2\]"),
        (ROWS, 5, "it has 0 dimensions"),
        (ROWS, [[1, 2, 3], [1, 2]], "its rows differ in length"),
        (ROWS, [np.zeros(3), np.zeros(2)], "its rows differ in length"),
        (ROWS, [[1, 2, "3"]], "a value of type str is not a number"),
        (ROWS, [[1, 2, True]], "True is not a number"),
        (ROWS, [[1, 2, [3]]], "a value of type list is not a number"),
        (ROWS, np.array([["a", "b", "c"]]), "its numbers are <U1"),
        (ROWS, [], "it is empty|dimensions"),
        (ROWS, np.zeros((0, 3)), "it is empty"),
        (Tensor("x", "INT8", (-1,)), [1.5], "1.5 is not a whole number"),
        (Tensor("x", "INT8", (-1,)), np.array([1.5]), "its numbers are float64"),
        (Tensor("x", "INT8", (-1,)), [128], "outside of what INT8 holds"),
        (Tensor("x", "INT8", (-1,)), np.array([-129]), "outside of what INT8 holds"),
        (Tensor("x", "FP32", (-1,)), [1e300], "outside of what FP32 holds"),
        (Tensor("x", "BOOL", (-1,)), [1], "1 is not true or false"),
        (Tensor("x", "BF16", (-1,)), [1], "cannot send BF16"),
        (TEXTS, 7, "a value of type int is neither text nor bytes"),
        (TEXTS, b"\xff", "a text is not UTF-8"),
        (TEXTS, "\ud800", "a text is not UTF-8"),
        (FILES, "a.jpg", r"a text is no file: give its bytes, a pathlib\.Path or an open file"),
        (JSON, {1, 2}, "JSON cannot hold it"),
        (JSON, [float("nan")], "JSON cannot hold it"),
    ],
)
def test_what_an_input_does_not_take_is_named(tensor, value, reason):
    with pytest.raises(ValueError, match=reason):
        encode(tensor, value)


def test_texts_are_texts_whatever_holds_them(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    for value in ("a", ["a"], b"a", tmp_path / "a.txt", io.BytesIO(b"a"), np.array(["a"])):
        sent = encode(TEXTS, value)
        assert (sent.shape, sent.data) == ((1,), ["a"])
    assert encode(TEXTS, ["a", b"b"]).data == ["a", "b"]
    assert encode(Tensor("x", "BYTES", (-1, 1)), [["a"], ["b"]]).shape == (2, 1)


def test_files_are_sent_as_they_are(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\x00")
    for value in (b"\xff\x00", [b"\xff\x00"], tmp_path / "a.jpg", [io.BytesIO(b"\xff\x00")], memoryview(b"\xff\x00")):
        assert unpack_elements(encode(FILES, value).data) == [b"\xff\x00"]
    with pytest.raises(FileNotFoundError):
        encode(FILES, tmp_path / "none.jpg")


def test_bytes_of_no_content_type_stay_bytes():
    tensor = Tensor("x", "BYTES", (-1,))
    assert unpack_elements(encode(tensor, ["a", b"\xff"]).data) == [b"a", b"\xff"]


def test_json_is_any_value():
    assert encode(JSON, {"a": [1, None]}).data == ['{"a":[1,null]}']
    assert encode(JSON, [[1], "ä"]).data == ["[1]", '"ä"']


def test_an_input_is_described_in_words():
    assert described(ROWS) == "FP32 [any, 3]"
    assert described(FILES) == "BYTES [any] of image/*"


@given(
    st.sampled_from(sorted(NUMBERS)).flatmap(lambda name: st.tuples(st.just(name), arrays.arrays(numpy_name(name), 5)))
)
def test_bytes_are_those_of_numpy(drawn):
    datatype, array = drawn
    assert pack(datatype, array.tolist()) == array.tobytes() or np.isnan(array).any()
    assert np.array_equal(unpack(datatype, array.tobytes()), array.tolist(), equal_nan=array.dtype.kind == "f")


@given(st.binary(max_size=30))
def test_no_elements_break_the_client(content):
    try:
        elements = unpack_elements(content)
    except ValueError:
        return
    assert sum(len(each) + 4 for each in elements) == len(content)
