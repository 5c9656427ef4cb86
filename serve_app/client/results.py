"""What calls return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


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


class Term(NamedTuple):
    """A term of a question, and what it added to a match's score; negative: took from it."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a match has its score: the weights of all terms and `other` add up to it.

    Attributes:
        terms: those that changed the score most first.
        other: what is not told term by term.
        score: what the match's probability was made from.
    """

    terms: tuple[Term, ...]
    other: float
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """An original that a question may mean.

    Attributes:
        id: the original.
        answer_id: its answer.
        probability: that the question means it, 0 to 1.
        answer: the answer's text; None if it has none or was not asked for.
        explanation: why; None if not asked for.
    """

    id: int | str
    answer_id: int | str
    probability: float
    answer: str | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class FaqResult:
    """What became of a question.

    Attributes:
        matches: best first; what is below a threshold is left out.
        matched: whether the FAQ has a match at all; False: no match, whatever `matches` holds.
        origin: who answered.
    """

    matches: tuple[Match, ...]
    matched: bool
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def best(self) -> Match | None:
        """The most probable match; None where the FAQ has none."""
        return self.matches[0] if self.matched and self.matches else None


@dataclass(frozen=True, slots=True)
class ImageClass:
    """A class that an image may show.

    Attributes:
        label: `n02127052 lynx, catamount` for ImageNet, else the model's own.
        probability: 0 to 1.
    """

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class ImageExplanation:
    """Where in the image, resized and cut as the network gets it, the network saw a class.

    Attributes:
        class_index: the class.
        label: its label.
        probability: its probability, 0 to 1.
        method: how it was found out.
        grid: rows from top to bottom, columns from left to right; 0 to 1, the largest is 1.
        heat_map: a PNG file of the picture with the grid over it, blue (0) to red (1).
        largest_drop: of occlusion: how far the probability falls at the cell of 1.
    """

    class_index: int
    label: str
    probability: float
    method: Literal["grad-cam", "occlusion"]
    grid: tuple[tuple[float, ...], ...]
    heat_map: bytes = field(repr=False)
    largest_drop: float | None = None


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What became of an image.

    Attributes:
        classes: most probable first.
        explanation: where the network looked; None if not asked for.
        origin: who answered.
    """

    classes: tuple[ImageClass, ...]
    explanation: ImageExplanation | None = None
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def best(self) -> ImageClass:
        """The most probable class."""
        return self.classes[0]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that a model takes or gives by the Open Inference Protocol; -1 in `shape` is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


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
        parameters: further facts for people: architecture, engine, device, number of originals.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    weights: Literal["trained", "untrained"]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: Mapping[str, str | int | float]
