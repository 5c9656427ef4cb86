"""The JSON of an inference request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from deployments.codecs.body import is_json
from deployments.codecs.json_bodies import parse_any, parse_fields
from deployments.codecs.tensors.datatypes import Datatype
from deployments.errors import InvalidInput, UnsupportedMediaType

Parameters = dict[str, str | int | float | bool]
Dimension = Annotated[int, Field(ge=0, le=1 << 40)]


class _Message(BaseModel):
    # Clients send more than the protocol has, as in `model_name`.
    model_config = ConfigDict(extra="ignore", strict=True)


class RequestInput(_Message):
    """A tensor that a client sends."""

    name: str = Field(max_length=256)
    shape: list[Dimension] = Field(min_length=1, max_length=8)
    datatype: Datatype
    parameters: Parameters = Field(
        default={}, description="binary_data_size: bytes of the tensor behind the JSON; content_type: str or base64."
    )
    data: list[Any] | None = Field(default=None, description="The elements, flat or nested as the shape is.")


class RequestOutput(_Message):
    """A tensor that a client wants."""

    name: str = Field(max_length=256)
    parameters: Parameters = Field(default={}, description="binary_data: whether it is to come as binary data.")


class InferenceRequest(_Message):
    """A request for inference."""

    id: str | None = Field(default=None, max_length=1024, description="Comes back in the response.")
    parameters: Parameters = Field(default={}, description="Of the model, and binary_data_output.")
    inputs: list[RequestInput] = Field(min_length=1, max_length=16)
    outputs: list[RequestOutput] | None = Field(
        default=None, max_length=64, description="The tensors that are wanted; those of the metadata if left out."
    )


def check_media_type(media_type: str, content_encoding: str) -> None:
    """Make sure, before the body is read, that it may be a request for inference.

    Raises:
        UnsupportedMediaType: the content type or encoding is another.
    """
    if content_encoding.lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
    if not is_json(media_type) and media_type != "application/octet-stream":
        raise UnsupportedMediaType("Send JSON, or JSON and binary tensors as application/octet-stream.")


def parse_message(header: bytes) -> InferenceRequest:
    """Read a request's JSON.

    Raises:
        InvalidJson: it is none.
        InvalidInput: it is no inference request.
    """
    content = parse_any(header)
    if not isinstance(content, dict):
        raise InvalidInput("The body must be a JSON object with 'inputs'.")
    return parse_fields(content, InferenceRequest)
