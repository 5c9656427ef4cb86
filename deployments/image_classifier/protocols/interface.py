"""How image models are asked and answer."""

from __future__ import annotations

import re
from typing import Any

from deployments.codecs.body import Body
from deployments.codecs.json_bodies import parse_any
from deployments.image_classifier.protocols import examples, schemas, tensors
from deployments.image_classifier.protocols.azure_ml import ImageData, read_azure
from deployments.image_classifier.protocols.explanations import NOUN as EXPLAINED
from deployments.image_classifier.protocols.images import (
    IMAGE_FIELD,
    NOUN,
    ImagesRequest,
    check_media_type,
    read_images,
)
from deployments.interface import Documentation, Inference, Interface, RequestLimits, Work
from deployments.json_schemas import Json, files, in_json, query

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")
FILES = files(IMAGE_FIELD, IMAGE_TYPES)

_INPUT_FIRST = re.compile(rb'\s*\{\s*"input"\s*:\s*(["\[{])')

_TOP_K: Json = {"type": "integer", "minimum": 1}
_RESULT: Json = {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {}}}}
_QUERIES: tuple[Json, ...] = (
    query("top_k", "Classes for each image, where the body is no JSON.", {"type": "integer", "minimum": 1}),
    query("explain", "Whether to tell where the network looked, where the body is no JSON.", {"type": "boolean"}),
    query(
        "explain_class",
        "Index of the class to explain, the most probable one if left out; needs explain=true.",
        {"type": "integer", "minimum": 0},
    ),
)


class ImageInterface(Interface):
    """Takes image files or pixels, gives classes."""

    limits = {NOUN: 64, EXPLAINED: 4}  # noqa: RUF012 - as every interface says it
    takes = "images"
    parameters = tensors.ImageParameters
    outputs = tensors.OUTPUTS
    explanations = (tensors.EXPLANATIONS,)

    def weigh(self, item: Any) -> int:
        """Return the bytes of a file or of pixels."""
        return len(item.content)

    def check(self, media_type: str) -> None:
        """Take JSON, image files and forms."""
        check_media_type(media_type)

    def read(self, body: Body, limits: RequestLimits) -> Work:
        """Read images as base64, bare, or in a form."""
        return read_images(body, limits)

    def check_azure(self, media_type: str) -> None:
        """Take the same."""
        check_media_type(media_type)

    def read_azure(self, body: Body, limits: RequestLimits) -> Work:
        """Read images as `data`, or as in the references' protocol."""
        return read_azure(body, limits)

    def read_tensors(self, inference: Inference) -> Work:
        """Read a tensor of files or pixels."""
        return tensors.read_tensors(inference)

    def claims(self, body: Body) -> bool:
        """Whether the input is an object, or the body no JSON."""
        if not body.is_json:
            return True
        if match := _INPUT_FIRST.match(body.content):
            return match[1] == b"{"
        content = parse_any(body.content)
        return isinstance(content, dict) and isinstance(content.get("input"), dict)

    @property
    def claimed(self) -> tuple[str, ...]:
        """Images by name."""
        return ("an object of images by name",)

    def document(self) -> Documentation:
        """Describe images and their classes."""
        return Documentation(
            schemas=(ImagesRequest, ImageData),
            components=schemas.COMPONENTS,
            queries=_QUERIES,
            body={**in_json("ImagesRequest", examples.REQUESTS), **FILES},
            response=schemas.RESPONSE,
            response_examples=examples.RESPONSES,
            azure_body={**in_json("ImageData", examples.DATA_REQUESTS), **FILES},
            azure_responses=(schemas.DATA_RESPONSE,),
            azure_response_examples=examples.DATA_RESPONSES,
            swagger_input={
                "data": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "byte"}},
                "top_k": _TOP_K,
                "explain": {
                    "description": 'Where the network saw the most probable class: true; another: {"class": 287}.'
                },
            },
            swagger_output={"result": _RESULT},
            swagger_examples=(
                {"data": [examples.IMAGE], "top_k": 1},
                {"result": [[["n02127052 lynx, catamount", 0.97]]]},
            ),
            inference_examples=(examples.INFERENCE_REQUESTS, examples.INFERENCE_RESPONSES),
        )


INTERFACE = ImageInterface()
