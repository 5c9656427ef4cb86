"""Tables as Azure's MLflow deployments take them: `{"columns": [...], "index": [...], "data": [rows]}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deployments.codecs.json_bodies import shown
from deployments.contracts import Tensor
from deployments.errors import InvalidInput
from deployments.tensor_model.arrays import depth_of

MEMBERS = ("columns", "index", "data")


def is_table(value: Any) -> bool:
    """Whether `input_data` is a table, and not a list of rows."""
    return isinstance(value, dict) and "data" in value


def rows_of_table(table: dict[str, Any], tensors: Sequence[Tensor]) -> Any:
    """Return a table's rows: those of several inputs by the inputs' names, those of one input as they are.

    Args:
        table: what the field `input_data` holds.
        tensors: the inputs.

    Raises:
        InvalidInput: it has other members or columns, or a row has too many or too few values.
    """
    if unknown := set(table) - set(MEMBERS):
        raise InvalidInput(
            f"The field 'input_data.{shown(min(unknown))}' is not known; known are {', '.join(MEMBERS)}."
        )
    rows, columns, names = table["data"], table.get("columns"), [tensor.name for tensor in tensors]
    if columns is None:
        return rows
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise InvalidInput("The field 'input_data.columns' must be a list of names.")
    if len(tensors) == 1:
        return _of_one_input(rows, columns, tensors[0])
    if sorted(columns) != sorted(names):
        raise InvalidInput(f"The columns must be {', '.join(names)}.")
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
        raise InvalidInput(f"Each row of 'input_data.data' must have {len(columns)} values, one for each column.")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _of_one_input(rows: Any, columns: list[str], tensor: Tensor) -> Any:
    """Return the values of the column that is the input; other columns are what its rows consist of."""
    is_json = tensor.content_type == "application/json"
    if columns != [tensor.name]:
        if len(tensor.shape) == 1 and not is_json:
            raise InvalidInput(f"The columns must be {tensor.name}.")
        return rows
    is_column = isinstance(rows, list) and all(isinstance(row, list) and len(row) == 1 for row in rows)
    # A row of the shape [1] looks like a table's row of one column.
    if is_column and (is_json or depth_of(rows) > len(tensor.shape)):
        return [row[0] for row in rows]
    return rows
