"""Requests and responses of models that take images: JSON with base64, a bare image, or a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from deployments.contracts import Classes, EncodedImage
from deployments.errors import InvalidInput, UnsupportedMediaType
from deployments.ingress.bodies import content_type, read_body, read_files
from deployments.ingress.hang_ups import given_up_without_client
from deployments.ingress.image_explanations import (
    ClassToExplain,
    explain_of,
    explaining,
    format_explanation,
    query_explain,
    told_as_limit_of_explanations,
)
from deployments.ingress.json_bodies import is_json, read_json, shown
from deployments.ingress.large_bodies import aside, from_base64, size_of
from deployments.ingress.models import Version
from deployments.ingress.scoring import Scored, joined, score_all, score_one
from deployments.ingress.settings import IngressSettings

# The form field that holds images, and the name of an image that came without one.
IMAGE_FIELD = "image"
DEFAULT_TOP_K = 3


class ImageOptions(BaseModel):
    """What a request may say beside its images, whatever its protocol."""

    model_config = ConfigDict(extra="forbid", strict=True)

    top_k: Annotated[int, Field(ge=1)] = Field(
        default=DEFAULT_TOP_K, description="How many classes to return for each image."
    )
    explain: bool | ClassToExplain = Field(
        default=False,
        description="Whether to tell where the network saw each image's most probable class, or the class of an index.",
    )


class ImagesRequest(ImageOptions):
    """Images for a classifier."""

    input: dict[str, str] = Field(
        min_length=1,
        fail_fast=True,
        description="Image files by name, each encoded with base64; a data URL is taken too.",
    )


async def score_images(request: Request, version: Version, settings: IngressSettings, deadline: float) -> Scored:
    """Answer one or more images with their most probable classes, by name."""
    return await answer_images(request, version, settings, deadline, await read_images(request, settings))


async def answer_images(
    request: Request, version: Version, settings: IngressSettings, deadline: float, images: dict[str, EncodedImage]
) -> Scored:
    """Answer each image with its most probable classes, by name, and with explanations if they are asked for."""
    names = list(images)
    if images[names[0]].explain is not None:
        return await _explain_images(request, explaining(version, len(names), settings), images, deadline)
    scored = await _score(request, version, images, deadline)
    result = {name: format_classes(image.result) for name, image in zip(names, scored, strict=True)}
    return joined(result, scored)


async def _explain_images(
    request: Request, version: Version, images: dict[str, EncodedImage], deadline: float
) -> Scored:
    with told_as_limit_of_explanations():
        scored = await _score(request, version, images, deadline)
    classes = {name: image.result for name, image in zip(images, scored, strict=True)}
    explanations = {name: format_explanation(each.explanation) for name, each in classes.items()}
    result = {name: format_classes(each) for name, each in classes.items()}
    return joined(result, scored, {"explanations": explanations})


async def _score(request: Request, version: Version, images: dict[str, EncodedImage], deadline: float) -> list[Scored]:
    names = list(images)
    with given_up_without_client(request):
        if len(names) == 1:
            return [await score_one(version, images[names[0]], deadline)]
        return await score_all(version, list(images.values()), deadline, name=lambda place: f"'{shown(names[place])}'")


async def read_images(request: Request, settings: IngressSettings) -> dict[str, EncodedImage]:
    """Read the images of a request, by name.

    Raises:
        UnsupportedMediaType: the content type is neither JSON, an image, nor a form.
        ScoringError: what the body's reader raises.
    """
    kind = content_type(request)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return {IMAGE_FIELD: _from_query(request, await read_body(request, settings))}
    if kind == "multipart/form-data":
        files = await read_files(request, IMAGE_FIELD, settings)
        return {name: _from_query(request, content) for name, content in files.items()}
    if is_json(request):
        body = await read_json(request, settings, ImagesRequest)
        return await aside(size_of(request), decoded, body.input, body, settings)
    raise UnsupportedMediaType(
        "Send JSON with base64 images, a body of type image/*, or a multipart form with the field 'image'."
    )


def _from_query(request: Request, content: bytes) -> EncodedImage:
    return EncodedImage(content, query_top_k(request), query_explain(request))


def decoded(images: Mapping[str, str], options: ImageOptions, settings: IngressSettings) -> dict[str, EncodedImage]:
    """Decode images that came as base64, by name.

    Raises:
        InvalidInput: there are too many, or one is not base64.
    """
    if len(images) > settings.max_images_per_request:
        raise InvalidInput(f"The request has {len(images)} images; the limit is {settings.max_images_per_request}.")
    explain = explain_of(options.explain)
    return {name: EncodedImage(decode(name, text), options.top_k, explain) for name, text in images.items()}


def query_top_k(request: Request) -> int:
    """Read `?top_k=`.

    Raises:
        InvalidInput: it is not a whole number of at least 1.
    """
    text = request.query_params.get("top_k")
    if text is None:
        return DEFAULT_TOP_K
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 9 and int(text) >= 1):  # noqa: PLR2004
        raise InvalidInput("The query parameter 'top_k' must be a whole number of at least 1.")
    return int(text)


def decode(name: str, text: str) -> bytes:
    """Decode base64, or a data URL that holds it.

    Raises:
        InvalidInput: it is not base64; the message names the image.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        content = from_base64(text)
    except ValueError:
        raise InvalidInput(f"The image '{shown(name)}' is not valid base64.") from None
    if not content:
        raise InvalidInput(f"The image '{shown(name)}' is empty.")
    return content


def format_classes(classes: Classes) -> list[Any]:
    """Return `[["n02127052 lynx, catamount", probability], ...]`, most probable first."""
    return list(zip(classes.labels, classes.probabilities, strict=True))
