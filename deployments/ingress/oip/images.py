"""Models that take images, asked with tensors: image files, or pixels that the client prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import orjson
from pydantic import Field

from deployments.contracts import Classes, EncodedImage, Explain, PixelImage
from deployments.errors import InvalidInput
from deployments.ingress.image_explanations import (
    MAX_DIGITS,
    explain_of,
    explaining,
    format_explanation,
    told_as_limit_of_explanations,
)
from deployments.ingress.images import ImageOptions, decode
from deployments.ingress.large_bodies import aside
from deployments.ingress.oip.inference import (
    CommonParameters,
    Inference,
    Kind,
    checked_count,
    only_input,
    rows_of,
    score_each,
)
from deployments.ingress.oip.outputs import Outputs, OutputTensor
from deployments.ingress.oip.tensors import InputTensor
from deployments.ingress.scoring import Scored, joined

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


async def infer_images(inference: Inference) -> tuple[Outputs, Scored]:
    """Answer each image with its most probable classes."""
    tensor = only_input(inference.inputs, {ENCODED: ("BYTES", "UINT8"), PIXELS: ("UINT8",)})
    images = await aside(inference.size, _read, tensor, inference)
    every = await _score(inference, images, (tensor.name + "[{}]").format)
    return outputs_of([scored.result for scored in every]), joined(None, every)


def _read(tensor: InputTensor, inference: Inference) -> Sequence[EncodedImage | PixelImage]:
    return read_encoded(tensor, inference) if tensor.datatype == "BYTES" else read_pixels(tensor, inference)


async def _score(
    inference: Inference, images: Sequence[EncodedImage | PixelImage], name: Callable[[int], str]
) -> list[Scored]:
    if images[0].explain is None:
        return await score_each(inference, images, name=name)
    version = explaining(inference.version, len(images), inference.settings)
    with told_as_limit_of_explanations():
        return await score_each(replace(inference, version=version), images, name=name)


def read_encoded(tensor: InputTensor, inference: Inference) -> list[EncodedImage]:
    """Read image files: bytes as they are in binary data, base64 in JSON.

    Raises:
        InvalidInput: the shape is wrong, there are too many, or one is not base64.
    """
    rows_of(tensor, inference.settings.max_images_per_request, "images")
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
    count = checked_count(tensor, inference.settings.max_images_per_request, "images")
    _, height, width, _ = tensor.shape
    content = tensor.content()
    size = height * width * CHANNELS
    top_k, explain = _options(inference)
    places = (slice(n * size, (n + 1) * size) for n in range(count))
    return [PixelImage(bytes(content[place]), height, width, top_k, explain) for place in places]


def _options(inference: Inference) -> tuple[int, Explain]:
    parameters = inference.parameters
    assert isinstance(parameters, ImageParameters)  # noqa: S101 - so says IMAGES
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


IMAGES = Kind(ImageParameters, OUTPUTS, infer_images)
