"""Tensors of a response: which are wanted, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from deployments.codecs.json_bodies import shown
from deployments.codecs.tensors.binary import BINARY_SIZE, pack_elements
from deployments.codecs.tensors.datatypes import pack
from deployments.codecs.tensors.messages import InferenceRequest, RequestOutput
from deployments.errors import InvalidInput

BINARY_DATA = "binary_data"


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """A tensor of a response.

    Attributes:
        datatype: of the protocol.
        shape: the size of each dimension.
        values: the elements, row by row; those of BYTES are texts.
        files: the elements of BYTES whose texts are base64; None where the texts are the elements.
    """

    datatype: str
    shape: tuple[int, ...]
    values: list[Any]
    files: Sequence[bytes] | None = None

    def octets(self) -> list[bytes]:
        """Return the elements of BYTES as they are outside of JSON."""
        return [text.encode() for text in self.values] if self.files is None else list(self.files)

    def packed(self) -> bytes:
        """Return the elements as binary data."""
        return pack_elements(self.octets()) if self.datatype == "BYTES" else pack(self.datatype, self.values)


# Tensors are made when it is known that they are wanted.
Outputs = Mapping[str, Callable[[], OutputTensor]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The outputs that a request wants, in its order.

    Attributes:
        names: of the tensors; none where the request names none.
        binary: those that are to be binary data.
        all_binary: whether all are of which the request does not say otherwise.
    """

    names: tuple[str, ...]
    binary: Mapping[str, bool]
    all_binary: bool

    def is_binary(self, name: str) -> bool:
        """Whether a tensor is to be binary data."""
        return self.binary.get(name, self.all_binary)


def read_wanted(request: InferenceRequest, known: Sequence[str], *, all_binary: bool) -> Wanted:
    """Read which outputs a request wants.

    Args:
        request: the request.
        known: the outputs that there are.
        all_binary: whether those are to be binary of which the request does not say otherwise.

    Raises:
        InvalidInput: there is no such output, or a parameter is not known.
    """
    outputs = request.outputs or []
    binary = {}
    for each in outputs:
        if each.name not in known:
            raise InvalidInput(f"There is no output '{shown(each.name)}'; there are {', '.join(known)}.")
        if (wanted := _flag(each)) is not None:
            binary[each.name] = wanted
    return Wanted(tuple(dict.fromkeys(each.name for each in outputs)), binary, all_binary)


def _flag(each: RequestOutput) -> bool | None:
    unknown = each.parameters.keys() - {BINARY_DATA}
    if unknown:
        raise InvalidInput(
            f"The parameter '{shown(min(unknown))}' of the output '{each.name}' is not known; known is {BINARY_DATA}."
        )
    flag = each.parameters.get(BINARY_DATA)
    if flag is not None and not isinstance(flag, bool):
        raise InvalidInput(f"The parameter '{BINARY_DATA}' of the output '{each.name}' must be true or false.")
    return flag


def write_outputs(content: dict[str, Any], outputs: Outputs, wanted: Wanted) -> tuple[bytes, list[bytes]]:
    """Return the JSON of a response, and the binary tensors that follow it.

    Args:
        content: what the response says beside its tensors.
        outputs: the tensors by name: those of the metadata, or at least those that are wanted.
        wanted: which of them, and how.
    """
    described = []
    binary = []
    for name in wanted.names or outputs:
        tensor = outputs[name]()
        about: dict[str, Any] = {"name": name, "datatype": tensor.datatype, "shape": tensor.shape}
        if wanted.is_binary(name):
            binary.append(tensor.packed())
            about["parameters"] = {BINARY_SIZE: len(binary[-1])}
        else:
            about["data"] = tensor.values
        described.append(about)
    return orjson.dumps({**content, "outputs": described}), binary
