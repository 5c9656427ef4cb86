"""Requests and responses in the reference application's format: images as base64 in JSON, bare, or in a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from deployments.codecs.base64_text import decode_file
from deployments.codecs.body import Body, is_json
from deployments.codecs.forms import read_files
from deployments.codecs.json_bodies import parse_json, shown
from deployments.contracts import Classes, EncodedImage
from deployments.errors import InvalidInput, UnsupportedMediaType
from deployments.image_classifier.protocols.explanations import (
    ClassToExplain,
    check_explained,
    explain_of,
    format_explanation,
    query_explain,
)
from deployments.interface import RequestLimits, Work, Written, check_items

# What limits and quotas count.
NOUN = "images"

# The form field that holds images, and the name of an image that came without one.
IMAGE_FIELD = "image"
DEFAULT_TOP_K = 3
FORM = "multipart/form-data"


class ImageOptions(BaseModel):
    """What a request may say beside its images, whatever its protocol."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # What the query calls what is part of a field in JSON.
    names_in_query: ClassVar[Mapping[str, str]] = {"explain_class": "explain"}

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


def read_images(body: Body, limits: RequestLimits) -> Work:
    """Read the images of a request."""
    return work_of(_images(body, limits), limits)


def work_of(images: dict[str, EncodedImage], limits: RequestLimits, *, in_order: bool = False) -> Work:
    """Return what images, by name, ask for: their classes, and explanations if they are asked for."""
    names = list(images)
    explained = images[names[0]].explain is not None
    if explained:
        check_explained(len(names), limits)

    def write(results: list[Classes]) -> Written:
        result = {name: format_classes(each) for name, each in zip(names, results, strict=True)}
        told = {name: format_explanation(each.explanation) for name, each in zip(names, results, strict=True)}
        beside: dict[str, Any] = {"explanations": told} if explained else {}
        if in_order:
            return Written(list(result.values()), {name: list(each.values()) for name, each in beside.items()})
        return Written(result, beside)

    name = None if len(names) == 1 else lambda place: f"'{shown(names[place])}'"
    return Work(list(images.values()), write, name=name, explain=explained, in_order=in_order)


def check_media_type(media_type: str) -> None:
    """Make sure that a body may hold images.

    Raises:
        UnsupportedMediaType: the content type is neither JSON, an image, nor a form.
    """
    if not (_is_bare(media_type) or media_type == FORM or is_json(media_type)):
        raise UnsupportedMediaType(
            "Send JSON with base64 images, a body of type image/*, or a multipart form with the field 'image'."
        )


def _is_bare(media_type: str) -> bool:
    return media_type.startswith("image/") or media_type == "application/octet-stream"


def _images(body: Body, limits: RequestLimits) -> dict[str, EncodedImage]:
    check_media_type(body.media_type)
    if body.is_json:
        given = parse_json(body, ImagesRequest)
        return decoded(given.input, given, limits)
    return read_files_of(body, limits)


def read_files_of(body: Body, limits: RequestLimits) -> dict[str, EncodedImage]:
    """Read the images of a body that is no JSON, by name; the query says what JSON would say beside them."""
    files = {IMAGE_FIELD: body.content}
    if not _is_bare(body.media_type):
        files = read_files(body, IMAGE_FIELD, limits.items[NOUN])
    top_k, explain = query_top_k(body), query_explain(body)
    return {name: EncodedImage(content, top_k, explain) for name, content in files.items()}


def decoded(images: Mapping[str, str], options: ImageOptions, limits: RequestLimits) -> dict[str, EncodedImage]:
    """Decode images that came as base64, by name.

    Raises:
        InvalidInput: there are too many, or one is not base64.
    """
    check_items(NOUN, len(images), limits)
    explain = explain_of(options.explain)
    return {name: EncodedImage(decode(name, text), options.top_k, explain) for name, text in images.items()}


def query_top_k(body: Body) -> int:
    """Read `?top_k=`.

    Raises:
        InvalidInput: it is not a whole number of at least 1.
    """
    text = body.query.get("top_k")
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
    return decode_file(name, text, "image")


def format_classes(classes: Classes) -> list[Any]:
    """Return `[["n02127052 lynx, catamount", probability], ...]`, most probable first."""
    return list(zip(classes.labels, classes.probabilities, strict=True))
