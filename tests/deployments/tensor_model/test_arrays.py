import base64
import json

import numpy as np
import pytest

from deployments.codecs.tensors.binary import pack_elements
from deployments.contracts import Tensor
from deployments.tensor_model.arrays import as_array, to_json, to_output

PICTURE = Tensor("picture", "BYTES", (-1,), "image/png")
TEXT = Tensor("label", "BYTES", (-1,), "text/plain")
RECORD = Tensor("record", "BYTES", (-1,), "application/json")
FILES = [b"\x89PNG\xff", b"\x00"]


def test_files_are_base64_in_json_and_as_they_are_elsewhere():
    array = as_array(PICTURE, FILES)
    output = to_output(PICTURE, array)
    encoded = [base64.b64encode(file).decode() for file in FILES]
    assert output.values == to_json(PICTURE, array) == encoded
    assert output.octets() == FILES
    assert output.packed() == pack_elements(FILES)


def test_texts_are_the_same_everywhere():
    output = to_output(TEXT, as_array(TEXT, ["ä", b"b"]))
    assert (output.values, output.octets()) == (["ä", "b"], ["ä".encode(), b"b"])


def test_json_may_hold_numbers_and_arrays_of_numpy():
    given = [{"best": np.int64(3), 1: np.array([0.5, 1])}, [np.float32(0.25), np.bool_(True)]]
    plain = [{"best": 3, "1": [0.5, 1.0]}, [0.25, True]]
    array = as_array(RECORD, given)
    assert to_json(RECORD, array) == plain
    assert [json.loads(text) for text in to_output(RECORD, array).values] == plain


def test_what_json_cannot_hold_is_no_output():
    with pytest.raises(TypeError):
        as_array(RECORD, [{"value": object()}])
