"""Images from clients of Azure Machine Learning: `{"data": [...]}`, and all that the reference application takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from deployments.codecs.azure_ml import check_one_of, one_of_data_and_input
from deployments.codecs.body import Body
from deployments.codecs.json_bodies import parse_json
from deployments.image_classifier.protocols.images import ImageOptions, decoded, read_images, work_of
from deployments.interface import RequestLimits, Work


class ImageData(ImageOptions):
    """Images from a client of Azure Machine Learning; either `data` or `input`."""

    model_config = ConfigDict(json_schema_extra=one_of_data_and_input)

    data: Annotated[list[str], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="Image files, each encoded with base64; the result has a list of classes for each."
    )
    input: Annotated[dict[str, str], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="Image files by name, answered as the reference application does."
    )


def read_azure(body: Body, limits: RequestLimits) -> Work:
    """Read images."""
    if not body.is_json:
        return read_images(body, limits)
    given = parse_json(body, ImageData)
    check_one_of(given.data, given.input)
    named = given.input or {f"data[{place}]": text for place, text in enumerate(given.data or [])}
    return work_of(decoded(named, given, limits), limits, in_order=given.data is not None)
