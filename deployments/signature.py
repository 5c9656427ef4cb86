"""What a model takes and gives, said once: from it every protocol decodes and encodes, and every document is made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deployments.codecs.tensors.datatypes import DATATYPES
from deployments.contracts import Tensor
from deployments.errors import StartupError

Value = bool | int | float | str
_TYPES: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}

# BF16 has no form in JSON.
USABLE = tuple(name for name in DATATYPES if name != "BF16")

# Members of requests that are the protocols' own.
RESERVED = frozenset({"input", "data", "input_data", "timeout", "binary_data_output", "priority"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_MEDIA_TYPE = re.compile(r"[a-z]+/(\*|[a-z0-9.+-]+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a request may say beside its inputs.

    Attributes:
        name: its name.
        type: of its values.
        default: where a request says nothing.
        minimum: of numbers; None for no bound.
        maximum: likewise.
        choices: the only values that it may have; empty for any.
        description: for people.
    """

    name: str
    type: Literal["bool", "int", "float", "str"]
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()
    description: str = ""

    def problems(self) -> Iterator[str]:
        """Tell what contradicts itself."""
        if not _NAME.fullmatch(self.name):
            yield f"the parameter '{self.name}' needs a name of letters, digits and _.-"
        if self.name in RESERVED:
            yield f"the parameter '{self.name}' has a name that protocols use themselves"
        if (self.minimum is not None or self.maximum is not None) and self.type not in {"int", "float"}:
            yield f"the parameter '{self.name}' is no number and has bounds"
        for value in (self.default, *self.choices):
            if problem := self._problem_of(value):
                yield f"the parameter '{self.name}' may not be {value!r}: {problem}"

    def _problem_of(self, value: Value) -> str:
        if type(value) not in _TYPES[self.type]:
            return f"it must be of type {self.type}"
        if self.choices and value not in self.choices:
            return f"it must be one of {', '.join(map(repr, self.choices))}"
        if isinstance(value, int | float):
            if self.minimum is not None and value < self.minimum:
                return f"the minimum is {self.minimum}"
            if self.maximum is not None and value > self.maximum:
                return f"the maximum is {self.maximum}"
        return ""


@dataclass(frozen=True, slots=True)
class Example:
    """A request and its result, as JSON has them: each tensor as nested lists.

    Attributes:
        inputs: by name.
        outputs: by name; numbers may differ by a thousandth when a replica checks them.
        parameters: by name.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    parameters: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives.

    A first dimension of -1 in all tensors counts rows: a request may have one or many, and those of several requests
    may be scored together.

    Attributes:
        inputs: the tensors that every request has.
        outputs: the tensors that every result has.
        example: a request that the model can answer.
        parameters: what a request may say beside its inputs.
        noun: what one row is, in the plural, for limits and quotas.
        max_rows: in one request, where the settings do not say.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    example: Example
    parameters: tuple[Parameter, ...] = ()
    noun: str = "rows"
    max_rows: int = 1000

    @property
    def has_rows(self) -> bool:
        """Whether the first dimension of every tensor counts rows."""
        return all(tensor.shape[:1] == (-1,) for tensor in (*self.inputs, *self.outputs))

    def check(self) -> None:
        """Make sure that it does not contradict itself; whether the model does as it says shows when it runs.

        Raises:
            StartupError: it does; the message names every contradiction.
        """
        if problems := list(self._problems()):
            raise StartupError(f"The signature contradicts itself: {'; '.join(problems)}.")

    def _problems(self) -> Iterator[str]:
        for noun, tensors in (("input", self.inputs), ("output", self.outputs)):
            if not tensors:
                yield f"there is no {noun}"
            yield from _repeated(noun, [tensor.name for tensor in tensors])
            for tensor in tensors:
                yield from _problems_of(noun, tensor)
        yield from _repeated("parameter", [parameter.name for parameter in self.parameters])
        for parameter in self.parameters:
            yield from parameter.problems()
        yield from self._problems_of_example()

    def _problems_of_example(self) -> Iterator[str]:
        for noun, tensors, given in (
            ("inputs", self.inputs, self.example.inputs),
            ("outputs", self.outputs, self.example.outputs),
        ):
            names = {tensor.name for tensor in tensors}
            if set(given) != names:
                yield f"the example's {noun} are {_listed(given)}, and the signature's {_listed(names)}"
        known = {parameter.name for parameter in self.parameters}
        if unknown := set(self.example.parameters) - known:
            yield f"the example's parameter {_listed(unknown)} is not in the signature"


def _repeated(noun: str, names: list[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"two {noun}s are named '{name}'"


def _problems_of(noun: str, tensor: Tensor) -> Iterator[str]:
    named = f"the {noun} '{tensor.name}'"
    if not _NAME.fullmatch(tensor.name):
        yield f"{named} needs a name of letters, digits and _.-"
    if tensor.datatype not in USABLE:
        yield f"{named} has the datatype '{tensor.datatype}'; there are {', '.join(USABLE)}"
    if not tensor.shape or any(size < -1 or size == 0 for size in tensor.shape):
        yield f"{named} has the shape {list(tensor.shape)}; sizes are above 0, or -1 for any"
    if tensor.content_type and tensor.datatype != "BYTES":
        yield f"{named} has the content type {tensor.content_type}, which only BYTES can have"
    if tensor.content_type and not _MEDIA_TYPE.fullmatch(tensor.content_type):
        yield f"{named} has the content type '{tensor.content_type}', which is no media type"


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "none"
