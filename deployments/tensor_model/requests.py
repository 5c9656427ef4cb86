"""From bodies of the references' and Azure's protocols to the inputs of a model, by its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from deployments.codecs.body import Body
from deployments.codecs.content_types import codec_of
from deployments.codecs.forms import read_files
from deployments.codecs.json_bodies import parse_any, parse_fields, shown
from deployments.contracts import Tensor
from deployments.errors import InvalidInput, UnsupportedMediaType
from deployments.interface import RequestLimits, check_items
from deployments.signature import Signature
from deployments.tensor_model.arrays import Array, array_of, depth_of, of_rows, of_value
from deployments.tensor_model.items import TensorItem
from deployments.tensor_model.tables import is_table, rows_of_table

FORM = "multipart/form-data"
SOURCES = ("input", "data", "input_data")


class Read:
    """What a body asks for.

    Attributes:
        item: for the stage.
        is_single: whether it has one row that came alone, and is answered alone.
        in_order: whether it came as `data`, and is answered with a list and nothing else.
    """

    def __init__(self, item: TensorItem, *, is_single: bool, in_order: bool = False) -> None:
        self.item = item
        self.is_single = is_single
        self.in_order = in_order


class RequestReader:
    """Reads bodies for models of one signature.

    Args:
        signature: of the model.
        parameters: Pydantic model of its parameters.
    """

    def __init__(self, signature: Signature, parameters: type[BaseModel]) -> None:
        self._signature = signature
        self._parameters = parameters
        # A body that is nothing but the one input.
        only = signature.inputs[0] if len(signature.inputs) == 1 else None
        self._bare = only if only is not None and only.datatype == "BYTES" and len(only.shape) == 1 else None

    def check(self, media_type: str) -> None:
        """Make sure, before it is read, that a body of this media type can be a request.

        Raises:
            UnsupportedMediaType: it cannot.
        """
        if media_type in {"", "application/json"} or media_type.endswith("+json") or self._takes(media_type):
            return
        also = f", or a body of type {self._bare_type}" if self._bare is not None else ""
        raise UnsupportedMediaType(f"Send a JSON body with the content type application/json{also}.")

    @property
    def bare_types(self) -> list[str]:
        """Media types of bodies that are nothing but the one input."""
        if self._bare is None:
            return []
        wanted = self._bare_type
        return ["image/jpeg", "image/png", "application/octet-stream"] if wanted == "image/*" else [wanted]

    @property
    def takes_forms(self) -> bool:
        """Whether a form may hold files for the one input."""
        return self._bare is not None and self._bare_type not in {"text/plain", "application/json"}

    @property
    def _bare_type(self) -> str:
        assert self._bare is not None  # noqa: S101 - asked for only then
        return self._bare.content_type or "text/plain"

    def _takes(self, media_type: str) -> bool:
        if self._bare is None:
            return False
        wanted = self._bare_type
        if media_type == FORM:
            return self.takes_forms
        is_of_group = wanted.endswith("/*") and media_type.startswith(wanted[:-1])
        return media_type in {wanted, "application/octet-stream"} or is_of_group

    def read(self, body: Body, limits: RequestLimits, *, sources: Sequence[str] = ("input",)) -> Read:
        """Read a body.

        Args:
            body: of the request.
            limits: of the request.
            sources: members that may hold the inputs.

        Raises:
            ScoringError: it is not valid.
        """
        self.check(body.media_type)
        if not body.is_json:
            return self._bare_read(body, limits)
        content = parse_any(body.content)
        if not isinstance(content, dict):
            raise InvalidInput(f"The body must be a JSON object with '{sources[0]}'.")
        found = [name for name in SOURCES if name in content]
        if len(found) != 1 or found[0] not in sources:
            either = " or ".join(f"the field '{name}'" for name in sources)
            raise InvalidInput(f"Send either {either}." if len(sources) > 1 else "The field 'input' is missing.")
        (source,) = found
        given = {name: value for name, value in content.items() if name != source}
        parameters = self._parameters_of(given, body)
        return self._from(source, content[source], parameters, limits)

    def _parameters_of(self, given: dict[str, Any], body: Body) -> dict[str, Any]:
        for name in body.query:
            if name in self._parameters.model_fields:
                raise InvalidInput(f"With a JSON body, '{name}' is a field of it, not of the query.")
        return parse_fields(given, self._parameters).model_dump()

    def _from(self, source: str, value: Any, parameters: dict[str, Any], limits: RequestLimits) -> Read:
        if source == "input":
            inputs, is_single = self._of_input(value)
        else:
            inputs = self._of_data(value) if source == "data" else self._of_input_data(value)
            is_single = False
        self._check_rows(inputs, limits)
        return Read(TensorItem(inputs, parameters), is_single=is_single, in_order=source != "input")

    def _of_input(self, value: Any) -> tuple[dict[str, Array], bool]:
        """Read one row, or a list of them; of several inputs, an object with that of each."""
        tensors = self._signature.inputs
        if len(tensors) == 1:
            given: Mapping[str, Any] = {tensors[0].name: value}
        else:
            given = self._by_name(value, "The field 'input'")
        if not self._signature.has_rows:
            return {tensor.name: of_value(tensor, given[tensor.name], tensor.name) for tensor in tensors}, True
        is_single = all(_is_row(tensor, given[tensor.name]) for tensor in tensors)
        rows = {name: [each] for name, each in given.items()} if is_single else given
        for name, each in rows.items():
            if not isinstance(each, list):
                raise InvalidInput(f"The input '{shown(name)}' is not valid: it must be a list, as the others are.")
        return {tensor.name: of_rows(tensor, rows[tensor.name], tensor.name) for tensor in tensors}, is_single

    def _of_data(self, value: Any) -> dict[str, Array]:
        """Read a list with a row in each place."""
        tensors = self._signature.inputs
        if not self._signature.has_rows:
            return self._of_input(value)[0]
        if not isinstance(value, list) or not value:
            raise InvalidInput("The field 'data' must be a list with a row in each place.")
        if len(tensors) == 1:
            return {tensors[0].name: of_rows(tensors[0], value, "data")}
        rows = [self._row(each, place) for place, each in enumerate(value)]
        return {
            tensor.name: of_rows(tensor, [row[tensor.name] for row in rows], f"data.{tensor.name}")
            for tensor in tensors
        }

    def _row(self, value: Any, place: int) -> Mapping[str, Any]:
        names = [tensor.name for tensor in self._signature.inputs]
        if isinstance(value, list) and len(value) == len(names):
            return dict(zip(names, value, strict=True))
        return self._by_name(value, f"The row 'data[{place}]'")

    def _of_input_data(self, value: Any) -> dict[str, Array]:
        """Read a table, or rows alone."""
        return self._of_data(rows_of_table(value, self._signature.inputs) if is_table(value) else value)

    def _by_name(self, value: Any, subject: str) -> Mapping[str, Any]:
        names = [tensor.name for tensor in self._signature.inputs]
        if not isinstance(value, dict):
            raise InvalidInput(f"{subject} must be an object with {', '.join(names)}.")
        if missing := [name for name in names if name not in value]:
            raise InvalidInput(f"{subject} has no '{missing[0]}'; it must have {', '.join(names)}.")
        if unknown := set(value) - set(names):
            raise InvalidInput(
                f"{subject} has '{shown(min(unknown))}', which is not known; known are {', '.join(names)}."
            )
        return value

    def _bare_read(self, body: Body, limits: RequestLimits) -> Read:
        assert self._bare is not None  # noqa: S101 - so says check
        codec = codec_of(self._bare.content_type)
        if body.media_type == FORM:
            files = read_files(body, self._bare.name, limits.items[self._signature.noun])
            rows, is_single = list(files.values()), False
        else:
            rows, is_single = [body.content], True
        try:
            elements = [codec.from_bytes(each) for each in rows]
        except ValueError as error:
            raise InvalidInput(f"The body is not valid: {error}.") from None
        array = array_of(elements, (len(elements),))
        self._check_rows({self._bare.name: array}, limits)
        parameters = parse_fields(self._of_query(body), self._parameters, noun="query parameter").model_dump()
        return Read(TensorItem({self._bare.name: array}, parameters), is_single=is_single)

    def _of_query(self, body: Body) -> dict[str, Any]:
        """Read the query's texts as the parameters' types."""
        types = {parameter.name: parameter.type for parameter in self._signature.parameters}
        return {name: _typed(types[name], text) for name, text in body.query.items() if name in types}

    def _check_rows(self, inputs: Mapping[str, Array], limits: RequestLimits) -> None:
        if not self._signature.has_rows:
            return
        counts = {len(array) for array in inputs.values()}
        if len(counts) > 1:
            raise InvalidInput("The inputs have different numbers of rows.")
        (count,) = counts
        if count < 1:
            raise InvalidInput("The request has no rows; it must have at least one.")
        check_items(self._signature.noun, count, limits)


def _is_row(tensor: Tensor, value: Any) -> bool:
    if tensor.content_type == "application/json":
        # What it holds may be nested itself; several of them come as `data`.
        return True
    return depth_of(value) < len(tensor.shape)


def _typed(kind: str, text: str) -> Any:
    if kind == "bool":
        return {"true": True, "false": False}.get(text, text)
    if kind == "str":
        return text
    try:
        return int(text) if kind == "int" and len(text) < 20 else float(text) if kind == "float" else text  # noqa: PLR2004
    except ValueError:
        return text
