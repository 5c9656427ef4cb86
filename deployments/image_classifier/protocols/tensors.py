"""Images as tensors: files, or pixels that the client prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import orjson
from pydantic import Field

from deployments.codecs.tensors.inputs import InputTensor
from deployments.codecs.tensors.outputs import Outputs, OutputTensor
from deployments.codecs.tensors.parameters import CommonParameters, checked_count, only_input, rows_of
from deployments.contracts import Classes, EncodedImage, Explain, PixelImage
from deployments.errors import InvalidInput
from deployments.image_classifier.protocols.explanations import (
    MAX_DIGITS,
    check_explained,
    explain_of,
    format_explanation,
)
from deployments.image_classifier.protocols.images import NOUN, ImageOptions, decode
from deployments.interface import Inference, Work

ENCODED, PIXELS = "image", "pixels"
EXPLANATIONS = "explanations"
OUTPUTS = ("class_ids", "labels", "probabilities", EXPLANATIONS)
CHANNELS = 3


class ImageParameters(ImageOptions, CommonParameters):
    """Parameters of a request with images; parameters of the protocol hold no objects."""

    explain: bool = Field(
        default=False, description="Whether to tell where the network saw each image's most probable class."
    )
    explain_class: Annotated[int, Field(ge=0, lt=10**MAX_DIGITS)] | None = Field(
        default=None, description="Index of the class to explain instead of the most probable one."
    )


def read_tensors(inference: Inference) -> Work:
    """Read the images of a request: files, or pixels that the client prepared."""
    tensor = only_input(inference.inputs, {ENCODED: ("BYTES", "UINT8"), PIXELS: ("UINT8",)})
    images: Sequence[EncodedImage | PixelImage]
    images = read_encoded(tensor, inference) if tensor.datatype == "BYTES" else read_pixels(tensor, inference)
    explained = images[0].explain is not None
    if explained:
        check_explained(len(images), inference.limits)
    name = None if len(images) == 1 else (tensor.name + "[{}]").format
    return Work(images, outputs_of, name=name, explain=explained)


def read_encoded(tensor: InputTensor, inference: Inference) -> list[EncodedImage]:
    """Read image files: bytes as they are in binary data, base64 in JSON.

    Raises:
        InvalidInput: the shape is wrong, there are too many, or one is not base64.
    """
    rows_of(tensor, inference.limits.items[NOUN], NOUN)
    top_k, explain = _options(inference)
    if tensor.content_type == "str":
        raise tensor.refusal("its elements must be image files, in JSON as base64")
    files = [_file(element, tensor, place) for place, element in enumerate(tensor.elements())]
    return [EncodedImage(file, top_k, explain) for file in files]


def _file(element: bytes | str, tensor: InputTensor, place: int) -> bytes:
    name = f"{tensor.name}[{place}]"
    if isinstance(element, str):
        return decode(name, element)
    if tensor.content_type == "base64":
        return decode(name, element.decode("ascii", "replace"))
    if not element:
        raise InvalidInput(f"The image '{name}' is empty.")
    return element


def read_pixels(tensor: InputTensor, inference: Inference) -> list[PixelImage]:
    """Read pixels of shape [n, height, width, 3]; the model knows which height and width it takes.

    Raises:
        InvalidInput: the shape is wrong, there are too many, or the data does not fit it.
    """
    if tensor.shape[3:] != (CHANNELS,) or 0 in tensor.shape:
        raise tensor.refusal(f"its shape must be [n, height, width, 3], not {list(tensor.shape)}")
    count = checked_count(tensor, inference.limits.items[NOUN], NOUN)
    _, height, width, _ = tensor.shape
    content = tensor.content()
    size = height * width * CHANNELS
    top_k, explain = _options(inference)
    places = (slice(n * size, (n + 1) * size) for n in range(count))
    return [PixelImage(bytes(content[place]), height, width, top_k, explain) for place in places]


def _options(inference: Inference) -> tuple[int, Explain]:
    parameters: ImageParameters = inference.parameters
    asked = parameters.explain or EXPLANATIONS in inference.wanted.names
    if parameters.explain_class is None:
        return parameters.top_k, explain_of(asked)
    if not asked:
        raise InvalidInput("The parameter 'explain_class' needs the parameter 'explain' or the output 'explanations'.")
    return parameters.top_k, parameters.explain_class


def outputs_of(results: Sequence[Classes]) -> Outputs:
    """Return what makes each tensor; all images of a request have the same number of classes."""
    makers: dict[str, Callable[[], OutputTensor]] = {
        "class_ids": partial(_tensor, results, "INT64", "indices"),
        "labels": partial(_tensor, results, "BYTES", "labels"),
        "probabilities": partial(_tensor, results, "FP32", "probabilities"),
    }
    if results[0].explanation is not None:
        makers[EXPLANATIONS] = partial(_explanations, results)
    return makers


def _tensor(results: Sequence[Classes], datatype: str, name: str) -> OutputTensor:
    values: list[Any] = [value for result in results for value in getattr(result, name)]
    return OutputTensor(datatype, (len(results), len(values) // len(results)), values)


def _explanations(results: Sequence[Classes]) -> OutputTensor:
    told = [format_explanation(each.explanation) for each in results if each.explanation is not None]
    return OutputTensor("BYTES", (len(told),), [orjson.dumps(each).decode() for each in told])
