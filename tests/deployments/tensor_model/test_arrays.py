import base64

from deployments.codecs.tensors.binary import pack_elements
from deployments.contracts import Tensor
from deployments.tensor_model.arrays import as_array, to_json, to_output

PICTURE = Tensor("picture", "BYTES", (-1,), "image/png")
TEXT = Tensor("label", "BYTES", (-1,), "text/plain")
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
