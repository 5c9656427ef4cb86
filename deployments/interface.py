"""How models of one kind are asked and how they answer, protocol by protocol; all without a transport.

The ingress reads a body and hands it to an interface, which makes of it what the model's first stage takes, and later
writes what came out. A kind with a signature has an interface that does it all, `deployments.tensor_model.interface`;
a kind with wire formats of its own brings one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from deployments.codecs.body import Body
from deployments.codecs.tensors.inputs import InputTensor
from deployments.codecs.tensors.outputs import Wanted
from deployments.codecs.tensors.parameters import CommonParameters
from deployments.contracts import ModelDescription
from deployments.errors import InvalidInput

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may ask for.

    Attributes:
        items: how many of each noun, as the ingress's settings or the client's quota have it.
        result_rows: rows in one response, where a result has a number of rows that the request chooses.
    """

    items: Mapping[str, int] = field(default_factory=dict)
    result_rows: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Written:
    """A result, ready for JSON.

    Attributes:
        result: the result itself.
        beside: members of the response beside it.
    """

    result: Any
    beside: Json = field(default_factory=dict)


@dataclass(slots=True)
class Work:
    """What a request asks of its model's first stage, and how what comes out is written.

    Attributes:
        items: what the stage takes; at least one.
        write: makes the result of the items' results, in their order: `Written` for the references' and Azure's
            protocols, `Outputs` for the Open Inference Protocol.
        name: names an item in an error, by its place; None where there is one and it needs no name.
        accept: is shown each result as it comes, in any order; what it raises fails the request.
        explain: whether the items are to be explained, by the stage's method of that name.
        in_order: whether the result is a list with a place for each of Azure's `data`, and nothing else.
    """

    items: Sequence[Any]
    write: Callable[[list[Any]], Any]
    name: Callable[[int], str] | None = None
    accept: Callable[[Any], None] | None = None
    explain: bool = False
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class Inference:
    """A request for inference whose tensors have been read.

    Attributes:
        inputs: its tensors.
        parameters: those of the interface.
        wanted: the outputs.
        limits: of the request.
        description: what the model says of itself, for interfaces that ask for it.
    """

    inputs: list[InputTensor]
    parameters: Any
    wanted: Wanted
    limits: RequestLimits
    description: ModelDescription | None = None


@dataclass(frozen=True, slots=True)
class Documentation:
    """What OpenAPI 3.1 and Swagger 2.0 say of one kind's requests and responses.

    Attributes:
        schemas: Pydantic models of request bodies, which become components.
        components: schemas of responses, by name.
        queries: query parameters of bodies that are no JSON.
        body: content of the references' requests by media type.
        response: schema of the references' responses.
        response_examples: by name.
        azure_body: content of Azure's requests by media type.
        azure_responses: schemas of Azure's responses to `data`.
        azure_response_examples: by name.
        swagger_input: properties of Azure's `ServiceInput`, in Swagger 2.0.
        swagger_output: properties of its `ServiceOutput`.
        swagger_examples: of both.
        inference_examples: requests and responses of the Open Inference Protocol, by name.
        swagger_required: those properties of `ServiceInput` that must be there.
    """

    schemas: tuple[type[BaseModel], ...]
    components: Json
    queries: tuple[Json, ...]
    body: Json
    response: Json
    response_examples: Json
    azure_body: Json
    azure_responses: tuple[Json, ...]
    azure_response_examples: Json
    swagger_input: Json
    swagger_output: Json
    swagger_examples: tuple[Json, Json]
    inference_examples: tuple[Json, Json]
    swagger_required: tuple[str, ...] = ("data",)


class Interface(ABC):
    """How models of one kind are asked.

    Attributes:
        limits: how many of each noun a request may have where the settings do not say; quotas name the same nouns.
        takes: how `POST /score` tells its requests from others', as the settings' `default_models` call it.
        parameters: of requests by the Open Inference Protocol.
        outputs: tensors that they may want.
        explanations: those of them that a model without explanations does not give.
        asks_model: whether writing tensors needs what the model says of itself.
    """

    limits: Mapping[str, int]
    takes: str | None = None
    parameters: type[CommonParameters]
    outputs: Sequence[str]
    explanations: Sequence[str] = ()
    asks_model: bool = False

    def weigh(self, item: Any) -> int:  # noqa: ARG002
        """Return the size of an item, in bytes: calls are bounded by it."""
        return 0

    def check(self, media_type: str) -> None:  # noqa: B027 - all can, if not overridden
        """Make sure, before it is read, that a body of this media type can be a request.

        Raises:
            UnsupportedMediaType: it cannot.
        """

    @abstractmethod
    def read(self, body: Body, limits: RequestLimits) -> Work:
        """Read a request of the references' protocol.

        Raises:
            ScoringError: it is not valid.
        """

    def check_azure(self, media_type: str) -> None:  # noqa: B027 - likewise
        """As `check`, for Azure's protocol."""

    @abstractmethod
    def read_azure(self, body: Body, limits: RequestLimits) -> Work:
        """Read a request of Azure Machine Learning's protocol.

        Raises:
            ScoringError: it is not valid.
        """

    @abstractmethod
    def read_tensors(self, inference: Inference) -> Work:
        """Read a request of the Open Inference Protocol.

        Raises:
            InvalidInput: it is not valid.
        """

    @abstractmethod
    def document(self) -> Documentation:
        """Describe requests and responses."""

    def claims(self, body: Body) -> bool:  # noqa: ARG002
        """Whether a body that was sent to `POST /score` is for this kind."""
        return False

    @property
    def claimed(self) -> tuple[str, ...]:
        """What the member `input` of a JSON body holds that this kind claims, in words."""
        return ()


def check_items(noun: str, count: int, limits: RequestLimits, subject: str = "The request") -> None:
    """Make sure that a request has no more items than it may.

    Raises:
        InvalidInput: it has.
    """
    limit = limits.items[noun]
    if count > limit:
        raise InvalidInput(f"{subject} has {count} {noun}; the limit is {limit}.")
