"""Tensors of a request, in JSON and binary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from deployments.codecs.json_bodies import shown
from deployments.codecs.tensors.binary import BINARY_SIZE, unpack_elements
from deployments.codecs.tensors.datatypes import SIZES, pack
from deployments.codecs.tensors.messages import RequestInput
from deployments.errors import InvalidInput

CONTENT_TYPE = "content_type"

_ELEMENTS: tuple[set[type], ...] = (set(), {str}, {bytes})


@dataclass(frozen=True, slots=True)
class InputTensor:
    """A tensor whose elements nobody has looked at yet: first its name, datatype and shape must be what is expected.

    Attributes:
        name: the input's name.
        datatype: of the protocol.
        shape: the size of each dimension.
        data: the elements, or the tensor's bytes.
        content_type: how elements of BYTES are encoded: `str`, `base64`, or None where it goes without saying.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any] | memoryview
    content_type: str | None = None

    @property
    def count(self) -> int:
        """How many elements the shape has."""
        return math.prod(self.shape)

    @property
    def is_binary(self) -> bool:
        """Whether it came as binary data."""
        return isinstance(self.data, memoryview)

    def elements(self) -> Sequence[bytes | str]:
        """Return the elements of a BYTES tensor, row by row: all texts, as JSON has them, or all bytes.

        Raises:
            InvalidInput: they are none, or not as many as the shape says.
        """
        try:
            if isinstance(self.data, memoryview):
                return unpack_elements(self.data, self.count)
            values = self._flat(self.data)
        except ValueError as error:
            raise self.refusal(str(error)) from None
        if set(map(type, values)) not in _ELEMENTS:
            raise self.refusal("its data must be texts")
        return values

    def content(self) -> memoryview:
        """Return the numbers of a tensor of another datatype, row by row, as little-endian bytes.

        Raises:
            InvalidInput: they are none of this datatype, or not as many as the shape says.
        """
        if not isinstance(self.data, memoryview):
            try:
                return memoryview(pack(self.datatype, self._flat(self.data)))
            except ValueError as error:
                raise self.refusal(str(error)) from None
        expected = self.count * SIZES[self.datatype]
        if len(self.data) != expected:
            raise self.refusal(f"its shape and datatype make {expected} bytes, not {len(self.data)}")
        return self.data

    def refusal(self, reason: str) -> InvalidInput:
        """Return an error that names the tensor."""
        return InvalidInput(f"The input '{shown(self.name)}' is not valid: {reason}.")

    def _flat(self, values: Sequence[Any]) -> list[Any]:
        if list in set(map(type, values)):
            values = _unnested(values, self.shape)
        if len(values) != self.count:
            raise ValueError(f"its shape makes {self.count} elements, its data has {len(values)}")
        return list(values)


def _unnested(values: Sequence[Any], shape: tuple[int, ...]) -> list[Any]:
    level: list[Any] = [values]
    for size in shape:
        if any(not isinstance(each, list) or len(each) != size for each in level):
            raise ValueError("its data is not nested as its shape is")
        level = list(chain.from_iterable(level))
    return level


def read_inputs(inputs: Sequence[RequestInput], binary: memoryview) -> list[InputTensor]:
    """Give each input its data: that of the JSON, or its part of what follows the JSON.

    Raises:
        InvalidInput: an input has no data or both kinds of it, or the sizes do not add up to what there is.
    """
    tensors = []
    place = 0
    for each in inputs:
        kind = content_type_of(each, known=(BINARY_SIZE,))
        size = _binary_size(each)
        if (size is None) == (each.data is None):
            raise InvalidInput(
                f"The input '{shown(each.name)}' must have either 'data' or the parameter '{BINARY_SIZE}'."
            )
        data: list[Any] | memoryview = each.data if each.data is not None else binary[place : place + (size or 0)]
        place += size or 0
        if place > len(binary):
            break
        tensors.append(InputTensor(each.name, each.datatype, tuple(each.shape), data, kind))
    if place != len(binary):
        raise InvalidInput(
            f"The inputs' '{BINARY_SIZE}' make {place} bytes or more; {len(binary)} follow the JSON, whose length "
            "the header Inference-Header-Content-Length must tell."
        )
    return tensors


def _binary_size(each: RequestInput) -> int | None:
    size = each.parameters.get(BINARY_SIZE)
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise InvalidInput(f"The parameter '{BINARY_SIZE}' of the input '{shown(each.name)}' must be a whole number.")
    return size


def content_type_of(each: RequestInput, *, known: tuple[str, ...]) -> str | None:
    """Return how an input's elements are encoded, as its parameter says; `known` are the others that it may have.

    Raises:
        InvalidInput: it has parameters that are not known, or no such encoding.
    """
    known = (*known, CONTENT_TYPE)
    if unknown := each.parameters.keys() - set(known):
        raise InvalidInput(
            f"The parameter '{shown(min(unknown))}' of the input '{shown(each.name)}' is not known; "
            f"known {'are' if len(known) > 1 else 'is'} {', '.join(known)}."
        )
    given = each.parameters.get(CONTENT_TYPE)
    if given not in {None, "str", "base64"}:
        raise InvalidInput(f"The parameter '{CONTENT_TYPE}' of the input '{shown(each.name)}' must be str or base64.")
    return None if given is None else str(given)
