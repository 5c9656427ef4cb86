import pytest

from deployments.contracts import Tensor
from deployments.errors import InvalidInput
from deployments.tensor_model.tables import rows_of_table

TEXT = Tensor("text", "BYTES", (-1,), "text/plain")
JSON = Tensor("row", "BYTES", (-1,), "application/json")
FEATURES = Tensor("x", "FP32", (-1, 2))
COLUMN = Tensor("x", "FP32", (-1, 1))
IDS = Tensor("id", "INT64", (-1,))


@pytest.mark.parametrize(
    ("tensor", "columns", "data", "rows"),
    [
        (TEXT, ["text"], [["a"], ["b"]], ["a", "b"]),
        (TEXT, ["text"], ["a", "b"], ["a", "b"]),
        (TEXT, None, ["a", "b"], ["a", "b"]),
        (IDS, ["id"], [[1], [2]], [1, 2]),
        (JSON, ["row"], [[{"a": 1}], [[2]]], [{"a": 1}, [2]]),
        (JSON, ["a", "b"], [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (FEATURES, ["a", "b"], [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (FEATURES, ["x"], [[[1, 2]], [[3, 4]]], [[1, 2], [3, 4]]),
        (COLUMN, ["x"], [[1], [2]], [[1], [2]]),
        (COLUMN, ["x"], [[[1]], [[2]]], [[1], [2]]),
    ],
)
def test_a_table_of_one_input_has_its_rows_as_a_column_or_as_they_are(tensor, columns, data, rows):
    assert rows_of_table({"columns": columns, "index": [0, 1], "data": data}, [tensor]) == rows


def test_a_table_of_several_inputs_has_a_column_for_each():
    table = {"columns": ["x", "text"], "data": [[[1, 2], "a"]]}
    assert rows_of_table(table, [TEXT, FEATURES]) == [{"x": [1, 2], "text": "a"}]


@pytest.mark.parametrize(
    ("table", "tensors", "words"),
    [
        ({"columns": ["words"], "data": [["a"]]}, [TEXT], "The columns must be text."),
        ({"columns": "text", "data": [["a"]]}, [TEXT], "must be a list of names"),
        ({"columns": [1, 2], "data": [[1, 2]]}, [FEATURES], "must be a list of names"),
        ({"columns": ["text"], "data": [["a"]]}, [TEXT, FEATURES], "The columns must be text, x."),
        ({"columns": ["text", "x"], "data": [["a"]]}, [TEXT, FEATURES], "must have 2 values"),
        ({"columns": ["text", "x"], "data": None}, [TEXT, FEATURES], "must have 2 values"),
        ({"data": [], "rows": []}, [TEXT], "'input_data.rows' is not known"),
    ],
)
def test_another_table_is_refused_with_a_sentence(table, tensors, words):
    with pytest.raises(InvalidInput, match=words.replace(".", r"\.")):
        rows_of_table(table, tensors)
