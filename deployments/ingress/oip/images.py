"""Models that take images, asked with tensors: image files, or pixels that the client prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from deployments.contracts import Classes, EncodedImage, PixelImage
from deployments.errors import InvalidInput
from deployments.ingress.images import ImageOptions, decode
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
OUTPUTS = ("class_ids", "labels", "probabilities")
CHANNELS = 3


class ImageParameters(ImageOptions, CommonParameters):
    """Parameters of a request with images."""


async def infer_images(inference: Inference) -> tuple[Outputs, Scored]:
    """Answer each image with its most probable classes."""
    tensor = only_input(inference.inputs, {ENCODED: ("BYTES", "UINT8"), PIXELS: ("UINT8",)})
    read = read_encoded if tensor.datatype == "BYTES" else read_pixels
    images = read(tensor, inference)
    every = await score_each(inference, images, name=(tensor.name + "[{}]").format)
    return outputs_of([scored.result for scored in every]), joined(None, every)


def read_encoded(tensor: InputTensor, inference: Inference) -> list[EncodedImage]:
    """Read image files: bytes as they are in binary data, base64 in JSON.

    Raises:
        InvalidInput: the shape is wrong, there are too many, or one is not base64.
    """
    rows_of(tensor, inference.settings.max_images_per_request, "images")
    top_k = _top_k(inference)
    if tensor.content_type == "str":
        raise tensor.refusal("its elements must be image files, in JSON as base64")
    return [EncodedImage(_file(element, tensor, place), top_k) for place, element in enumerate(tensor.elements())]


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
    top_k = _top_k(inference)
    return [PixelImage(bytes(content[n * size : (n + 1) * size]), height, width, top_k) for n in range(count)]


def _top_k(inference: Inference) -> int:
    assert isinstance(inference.parameters, ImageParameters)  # noqa: S101 - so says IMAGES
    return inference.parameters.top_k


def outputs_of(results: Sequence[Classes]) -> Outputs:
    """Return what makes each tensor; all images of a request have the same number of classes."""
    makers: dict[str, Callable[[], OutputTensor]] = {
        "class_ids": partial(_tensor, results, "INT64", "indices"),
        "labels": partial(_tensor, results, "BYTES", "labels"),
        "probabilities": partial(_tensor, results, "FP32", "probabilities"),
    }
    return makers


def _tensor(results: Sequence[Classes], datatype: str, name: str) -> OutputTensor:
    values: list[Any] = [value for result in results for value in getattr(result, name)]
    return OutputTensor(datatype, (len(results), len(values) // len(results)), values)


IMAGES = Kind(ImageParameters, OUTPUTS, infer_images)
