"""Requests and responses of models that take images: JSON with base64, a bare image, or a form."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from deployments.contracts import Classes, EncodedImage
from deployments.errors import InvalidInput, UnsupportedMediaType
from deployments.ingress.bodies import content_type, read_body, read_files
from deployments.ingress.json_bodies import is_json, parse_json, shown
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


class ImagesRequest(ImageOptions):
    """Images for a classifier."""

    input: dict[str, str] = Field(
        min_length=1,
        fail_fast=True,
        description="Image files by name, each encoded with base64; a data URL is taken too.",
    )


async def score_images(request: Request, version: Version, settings: IngressSettings, deadline: float) -> Scored:
    """Answer one or more images with their most probable classes, by name."""
    return await answer_images(request, version, deadline, await read_images(request, settings))


async def answer_images(request: Request, version: Version, deadline: float, images: dict[str, EncodedImage]) -> Scored:
    """Answer each image with its most probable classes, by name."""
    names = list(images)
    if len(names) == 1:
        scored = [await score_one(request, version, images[names[0]], deadline)]
    else:
        scored = await score_all(
            request, version, list(images.values()), deadline, name=lambda place: f"'{shown(names[place])}'"
        )
    result = {name: format_classes(image.result) for name, image in zip(names, scored, strict=True)}
    return joined(result, scored)


async def read_images(request: Request, settings: IngressSettings) -> dict[str, EncodedImage]:
    """Read the images of a request, by name.

    Raises:
        UnsupportedMediaType: the content type is neither JSON, an image, nor a form.
        ScoringError: what the body's reader raises.
    """
    kind = content_type(request)
    limit = settings.max_body_bytes
    if kind.startswith("image/") or kind == "application/octet-stream":
        return {IMAGE_FIELD: EncodedImage(await read_body(request, limit), query_top_k(request))}
    if kind == "multipart/form-data":
        files = await read_files(request, IMAGE_FIELD, limit=limit, max_files=settings.max_images_per_request)
        top_k = query_top_k(request)
        return {name: EncodedImage(content, top_k) for name, content in files.items()}
    if is_json(request):
        body = parse_json(request, await read_body(request, limit), ImagesRequest)
        return decoded(body.input, body.top_k, settings)
    raise UnsupportedMediaType(
        "Send JSON with base64 images, a body of type image/*, or a multipart form with the field 'image'."
    )


def decoded(images: Mapping[str, str], top_k: int, settings: IngressSettings) -> dict[str, EncodedImage]:
    """Decode images that came as base64, by name.

    Raises:
        InvalidInput: there are too many, or one is not base64.
    """
    if len(images) > settings.max_images_per_request:
        raise InvalidInput(f"The request has {len(images)} images; the limit is {settings.max_images_per_request}.")
    return {name: EncodedImage(decode(name, text), top_k) for name, text in images.items()}


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
        content = binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"The image '{shown(name)}' is not valid base64.") from None
    if not content:
        raise InvalidInput(f"The image '{shown(name)}' is empty.")
    return content


def format_classes(classes: Classes) -> list[Any]:
    """Return `[["n02127052 lynx, catamount", probability], ...]`, most probable first."""
    return list(zip(classes.labels, classes.probabilities, strict=True))
