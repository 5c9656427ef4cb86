"""What stages hand to each other. Plain data that pickles; no behaviour, no Ray.

Every stage has one method, `score(items, waited_seconds, left_seconds=None) -> Reply`, and one, `describe() ->
ModelDescription`. Stages of images have `explain`, of the same form, for images whose `explain` is set.

`waited_seconds` and `left_seconds` have a number for each item: how long it waited for this call, and how long until
its deadline, infinite if it has none; 9 bytes each on the wire. An item whose deadline has passed, when its turn to be
worked on comes, is answered with RequestTimeout and not worked on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from deployments.errors import ScoringError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ResultT = TypeVar("ResultT")
DataT = TypeVar("DataT")

Weights = Literal["trained", "untrained"]

# Two calls a replica: while it works on one, the next is already on its way to it.
CALLS_PER_REPLICA = 2

# Which class of an image is to be explained: the most probable one, or the one of this index; None for no explanation.
Explain = int | Literal["top"] | None


def travels(data: type[DataT]) -> type[DataT]:
    """Make a data class of two fields or more pickle as a call of itself.

    A frozen class with slots otherwise pickles through Python code for each field: twice to four times the time, for
    every request at each process boundary.
    """
    values = attrgetter(*(part.name for part in fields(data)))  # type: ignore[arg-type]

    def reduced(self: Any) -> tuple[type[DataT], tuple[Any, ...]]:
        return data, values(self)

    data.__reduce__ = reduced  # type: ignore[method-assign]
    return data


@travels
@dataclass(frozen=True, slots=True)
class Question:
    """A text for the FAQ matcher.

    Attributes:
        text: the question as the client wrote it.
        top_k: how many matches to return; None for every original.
        threshold: the least probability of a match that is returned, 0 to 1; `trained` for the model's own; None
            returns improbable ones too.
        explain: whether to tell which terms made each match.
        answers: whether to return the answers' texts.
    """

    text: str
    top_k: int | None = None
    threshold: float | Literal["trained"] | None = None
    explain: bool = False
    answers: bool = False


@travels
@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image file as the client sent it.

    Attributes:
        content: the bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF file.
        top_k: how many classes to return.
        explain: which class to explain.
    """

    content: bytes
    top_k: int = 3
    explain: Explain = None


@travels
@dataclass(frozen=True, slots=True)
class PixelImage:
    """An image whose pixels the client prepared itself, so that nothing is left to decode.

    Attributes:
        content: uint8, RGB, row by row: height x width x 3 bytes.
        height: in pixels.
        width: in pixels.
        top_k: how many classes to return.
        explain: which class to explain.
    """

    content: bytes
    height: int
    width: int
    top_k: int = 3
    explain: Explain = None


@travels
@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image on its way from preprocess to the classifier.

    Attributes:
        pixels: (height, width, 3) uint8, RGB, already resized and cropped; 224 x 224 x 3 is 150 KB.
        top_k: how many classes to return.
        explain: which class to explain.
    """

    pixels: NDArray[np.uint8]
    top_k: int = 3
    explain: Explain = None


@travels
@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a match has its score: the weights of all terms and `other` add up to it.

    Attributes:
        terms: terms of the question with what each added to the score (negative: took from it), largest magnitude
            first.
        other: what is not told term by term: further terms, and what the score has without any.
        score: the score from which the match's probability was made.
    """

    terms: list[tuple[str, float]]
    other: float
    score: float


@travels
@dataclass(frozen=True, slots=True)
class Matches:
    """Originals that match a question, best first; all lists have the same length.

    Attributes:
        ids: the originals.
        answer_ids: their answers.
        probabilities: that the question means them, 0 to 1.
        matched: whether the FAQ has a match at all; False where the best probability is below the threshold.
        answers: the answers' texts, None for an answer that has none; None as a whole if not asked for.
        explanations: why; None if not asked for.
    """

    ids: list[int | str]
    answer_ids: list[int | str]
    probabilities: list[float]
    matched: bool = True
    answers: list[str | None] | None = None
    explanations: list[Explanation] | None = None


@travels
@dataclass(frozen=True, slots=True)
class ImageExplanation:
    """Where in the prepared image the network saw a class.

    Attributes:
        class_index: the class.
        label: its label.
        probability: its probability, 0 to 1.
        method: how it was found out.
        grid: rows from top to bottom, columns from left to right, all cells of the same size; 0 to 1, where the largest
            is 1, or every one 0 where nothing speaks for the class. Of occlusion: how far the probability falls when
            the cell and what lies around it are covered. Of Grad-CAM: how strongly features there speak for the class.
        largest_drop: how far the probability falls at the cell of 1; None for Grad-CAM.
        heat_map: a PNG file of the prepared image with the grid over it; empty before it is drawn.
    """

    class_index: int
    label: str
    probability: float
    method: Literal["grad-cam", "occlusion"]
    grid: list[list[float]]
    largest_drop: float | None = None
    heat_map: bytes = b""


@travels
@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of an image, most probable first; the three lists have the same length.

    Attributes:
        indices: class indices, 0 to 999 for ImageNet-1K.
        labels: `n02127052 lynx, catamount`: WordNet id and names, or the model's own labels.
        probabilities: softmax probabilities, 0 to 1.
        explanation: where the network looked; None if not asked for.
    """

    indices: list[int]
    labels: list[str]
    probabilities: list[float]
    explanation: ImageExplanation | None = None


@travels
@dataclass(frozen=True, slots=True)
class Outcome(Generic[ResultT]):
    """What became of one item of a call: its own result or its own error.

    Attributes:
        result: the result; an instance of ScoringError where the item failed.
        seconds: where time went inside the stage, in seconds by step (`decode`, `queue`, `infer`).
        weights: whether a trained model answered; replicas of one model may differ in that.
    """

    result: ResultT | ScoringError
    seconds: dict[str, float] = field(default_factory=dict)
    weights: Weights = "trained"


@dataclass(frozen=True, slots=True)
class Reply(Generic[ResultT]):
    """The answer to one call.

    Attributes:
        outcomes: one for each item, in the order of the items.
        replica: identifies the replica that answered.
    """

    outcomes: list[Outcome[ResultT]]
    replica: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the Open Inference Protocol.

    Attributes:
        name: its name.
        datatype: of the protocol.
        shape: the size of each dimension; -1: any.
        content_type: what the elements of BYTES are, where that means something: `text/plain`, `application/json`,
            `image/*`, or another media type of files.
        description: for people.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content_type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ImagePreset:
    """How a network wants its images: torchvision's classification preset, and the order of channels.

    Stages hand images over as RGB; mean, standard deviation and order are part of the network's graph.

    Attributes:
        resize: length of the shorter side after resizing, in pixels.
        crop: side of the square that is cut from the centre, in pixels; at most `resize`.
        interpolation: Pillow's name of the filter.
        mean: subtracted from each channel after scaling to 0..1.
        std: divides each channel after that.
        channels: the order in which the network takes them, which is that of `mean` and `std` too.
    """

    resize: int
    crop: int
    interpolation: Literal["nearest", "bilinear", "bicubic"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: Literal["RGB", "BGR"] = "RGB"


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How a stage is to be called.

    Attributes:
        replicas: that are always there.
        concurrent: requests that one replica works on at once.
        per_call: most requests that one call carries.
        waiting: requests that may wait in each caller; None: as many as fit the calls.
        together: whether requests travel together; if not, each has a call of its own.
        explanations: that each caller may have under way at once; 0 allows none.
    """

    replicas: int
    concurrent: int
    per_call: int
    waiting: int | None = None
    together: bool = True
    explanations: int = 0


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a loaded model says of itself.

    Attributes:
        platform: the library that runs it, as in `numba`, `pytorch` or `openvino`.
        weights: whether the weights come from training.
        inputs: tensors it takes.
        outputs: tensors it gives.
        parameters: further facts for people: architecture, source, engine, device, number of originals.
        preset: how to prepare images; None for models that take text.
        calls: how the stage that says this is called, if it is the first of a version.
    """

    platform: str
    weights: Weights
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: dict[str, str | int | float] = field(default_factory=dict)
    preset: ImagePreset | None = None
    calls: CallLimits | None = None
