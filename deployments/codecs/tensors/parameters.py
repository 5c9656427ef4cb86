"""Parameters of requests by the Open Inference Protocol, and what every request's tensors must hold to."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from deployments.codecs.json_bodies import shown
from deployments.codecs.tensors.inputs import InputTensor
from deployments.codecs.tensors.messages import Parameters
from deployments.errors import InvalidInput

# Parameters of requests that Triton's clients may set and that change no result here.
IGNORED = frozenset({"priority"})
RESERVED_PREFIX = "triton_"
MICROSECONDS = 1_000_000


class CommonParameters(BaseModel):
    """Parameters that every model takes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    binary_data_output: bool = Field(default=False, description="Whether all outputs are to come as binary data.")
    timeout: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Microseconds from its arrival after which the client wants no answer; 0: the service's limit.",
    )


def known_parameters(given: Parameters) -> Parameters:
    """Return a request's parameters without those that clients send and nobody needs."""
    return {
        name: value for name, value in given.items() if name not in IGNORED and not name.startswith(RESERVED_PREFIX)
    }


def only_input(inputs: list[InputTensor], takes: dict[str, tuple[str, ...]]) -> InputTensor:
    """Return the one input that a request may have.

    Args:
        inputs: the request's.
        takes: the datatypes of each input by name; a request has one of them.

    Raises:
        InvalidInput: it has another, or more.
    """
    if len(inputs) != 1:
        raise InvalidInput(f"Send one input: {' or '.join(takes)}; the request has {len(inputs)}.")
    (tensor,) = inputs
    if tensor.name not in takes:
        raise InvalidInput(f"There is no input '{shown(tensor.name)}'; send {' or '.join(takes)}.")
    if tensor.datatype not in takes[tensor.name]:
        raise tensor.refusal(f"its datatype must be {' or '.join(takes[tensor.name])}, not {tensor.datatype}")
    return tensor


def rows_of(tensor: InputTensor, limit: int, noun: str) -> int:
    """Return how many items a BYTES tensor of shape [n] or [n, 1] has.

    Raises:
        InvalidInput: its shape is another, or they are none, or more than the limit.
    """
    if tensor.shape[1:] not in {(), (1,)}:
        raise tensor.refusal(f"its shape must be [n] or [n, 1], not {list(tensor.shape)}")
    return checked_count(tensor, limit, noun)


def checked_count(tensor: InputTensor, limit: int, noun: str) -> int:
    """Return a tensor's first dimension.

    Raises:
        InvalidInput: it is 0, or more than the limit.
    """
    count = tensor.shape[0]
    if not 1 <= count <= limit:
        raise tensor.refusal(f"it has {count} {noun}; there must be at least 1, and the limit is {limit}")
    return count
