"""What calls return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Origin:
    """Who answered, and where the time went.

    Attributes:
        model: the model's name.
        version: its version.
        weights: untrained for seeded weights, whose answers mean nothing.
        request_id: the request's identifier in the service's logs.
        seconds: where time went in the service, by step (`decode`, `queue`, `infer`, `total`).
    """

    model: str = ""
    version: str = ""
    weights: str = ""
    request_id: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that a model takes or gives by the Open Inference Protocol.

    Attributes:
        name: its name.
        datatype: of the protocol: `FP32`, `BYTES`.
        shape: the size of each dimension; -1 is any size.
        content_type: what elements of BYTES are: `text/plain`, `application/json`, a media type of files.
        description: for people.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content_type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a model says of itself.

    Attributes:
        name: the model's name.
        versions: its versions; the first answers where none is named.
        platform: the library that runs it.
        weights: untrained for seeded weights, whose answers mean nothing.
        inputs: tensors that it takes.
        outputs: tensors that it gives.
        parameters: further facts for people: architecture, engine, device.
        request_parameters: what a request may say besides its inputs, each as JSON Schema.
        optional_outputs: names of outputs that come only where a request asks for them.
        example: a request for inference and its answer (`request`, `response`); empty if there is none.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    weights: Literal["trained", "untrained"]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: Mapping[str, str | int | float]
    request_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    optional_outputs: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def example_request(self) -> Mapping[str, Any]:
        """The message that the model gives as an example; empty if there is none."""
        request: Mapping[str, Any] = self.example.get("request", {})
        return request


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered.

    Attributes:
        outputs: by name, each of the shape that it has in the answer: a NumPy array, or nested lists. Elements of BYTES
            are texts, the values of their JSON, or bytes, as the output's content type says.
        origin: who answered, and where the time went.
        answer: the JSON of the answer as it came; binary data is not in it.
    """

    outputs: Mapping[str, Any]
    origin: Origin = field(default=Origin(), compare=False)
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __getitem__(self, output: str) -> Any:
        return self.outputs[output]
