"""What every kind of model makes of an inference request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from deployments.contracts import ModelDescription
from deployments.errors import InvalidInput
from deployments.ingress.json_bodies import shown
from deployments.ingress.models import Version
from deployments.ingress.oip.messages import Parameters
from deployments.ingress.oip.outputs import Outputs, Wanted
from deployments.ingress.oip.tensors import InputTensor
from deployments.ingress.scoring import Scored, score_all, score_one
from deployments.ingress.settings import IngressSettings

# Parameters of requests that Triton's clients may set and that change no result here.
IGNORED = frozenset({"priority"})
RESERVED_PREFIX = "triton_"
MICROSECONDS = 1_000_000

# How old a model's description may be: a new one may have come behind the same name.
DESCRIPTION_SECONDS = 60.0


class CommonParameters(BaseModel):
    """Parameters that every model takes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    binary_data_output: bool = Field(default=False, description="Whether all outputs are to come as binary data.")
    timeout: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Microseconds from its arrival after which the client wants no answer; 0: the service's limit.",
    )


@dataclass(frozen=True, slots=True)
class Inference:
    """A request for inference that has been read.

    Attributes:
        version: what answers it.
        settings: the limits.
        size: bytes of its body.
        deadline: on the clock of `time.monotonic()`.
        inputs: its tensors.
        parameters: those of the model's kind.
        wanted: the outputs.
        descriptions: what models say of themselves.
    """

    version: Version
    settings: IngressSettings
    size: int
    deadline: float
    inputs: list[InputTensor]
    parameters: CommonParameters
    wanted: Wanted
    descriptions: Descriptions


@dataclass(frozen=True, slots=True)
class Kind:
    """How models that take one thing are asked with tensors.

    Attributes:
        parameters: what a request may set.
        outputs: the tensors that may be wanted.
        infer: answers a request with its tensors, and what is to be said of all items.
    """

    parameters: type[CommonParameters]
    outputs: tuple[str, ...]
    infer: Callable[[Inference], Awaitable[tuple[Outputs, Scored]]]


class Descriptions:
    """What models say of themselves, asked once a minute at most."""

    def __init__(self) -> None:
        self._known: dict[Version, tuple[float, ModelDescription]] = {}

    async def of(self, version: Version, timeout_seconds: float) -> ModelDescription:
        """Return a version's description, which may be as old as `DESCRIPTION_SECONDS`.

        Raises:
            Unavailable: no replica answered in time.
        """
        now = asyncio.get_running_loop().time()
        if version in self._known and now - self._known[version][0] < DESCRIPTION_SECONDS:
            return self._known[version][1]
        description = await version.stage.describe(timeout_seconds)
        self._known[version] = (now, description)
        return description


async def score_each(
    inference: Inference,
    items: Sequence[Any],
    *,
    name: Callable[[int], str],
    accept: Callable[[Any], None] = lambda _result: None,
) -> list[Scored]:
    """Score a request's items, be it one or many; see `score_all`."""
    if len(items) > 1:
        return await score_all(inference.version, items, inference.deadline, name=name, accept=accept)
    scored = await score_one(inference.version, items[0], inference.deadline)
    accept(scored.result)
    return [scored]


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
