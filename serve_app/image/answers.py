"""From answers of the image classifier to results."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from serve_app.client.readings import origin_of, parsed, unexpected
from serve_app.client.results import Origin
from serve_app.client.steps import Reply
from serve_app.image.results import ImageClass, ImageExplanation, ImageResult


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError("must be base64")  # noqa: TRY004 - which Pydantic tells of
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise ValueError("must be base64") from None


class _Explained(BaseModel):
    class_index: int
    label: str
    probability: float
    method: Literal["grad-cam", "occlusion"]
    grid: tuple[tuple[float, ...], ...]
    heat_map: Annotated[bytes, BeforeValidator(_decoded), Field(alias="heat_map_png")]
    largest_drop: float | None = None


class _Images(BaseModel):
    result: tuple[dict[str, list[tuple[str, float]]], str]
    explanations: dict[str, _Explained] | None = None


_IMAGES = TypeAdapter(_Images)


def read_image(reply: Reply) -> ImageResult:
    """Read the classes of the only image.

    Raises:
        UnexpectedResponse: it has another form.
    """
    content = parsed(reply, _IMAGES)
    return _image_results(content, list(content.result[0]), 1, origin_of(reply))[0]


def read_images(reply: Reply, names: Sequence[str]) -> list[ImageResult]:
    """Read the classes of images, in the order of their names.

    Raises:
        UnexpectedResponse: it has another form.
    """
    return _image_results(parsed(reply, _IMAGES), names, len(names), origin_of(reply))


def _image_results(content: _Images, names: Sequence[str], count: int, origin: Origin) -> list[ImageResult]:
    classes, explanations = content.result[0], content.explanations or {}
    if len(classes) != count or set(classes) != set(names):
        raise unexpected("it does not answer each image")
    return [
        ImageResult(tuple(ImageClass(*row) for row in classes[name]), _explained(explanations.get(name)), origin)
        for name in names
    ]


def _explained(found: _Explained | None) -> ImageExplanation | None:
    return None if found is None else ImageExplanation(**dict(found))
