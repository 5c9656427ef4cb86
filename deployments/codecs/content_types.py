"""Elements of BYTES tensors by what their bytes mean: how they look in JSON, as binary data, and in OpenAPI.

What a content type is for is looked up in a registry; one that nobody registered is a file.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from deployments.codecs.base64_text import from_base64
from deployments.codecs.json_bodies import parse_any
from deployments.errors import BadRequest

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """How elements of one content type are read and written; what is wrong with one is a ValueError's message.

    Attributes:
        from_json: makes an element of a value in the references' and Azure's JSON.
        to_json: the other way.
        from_bytes: makes an element of its bytes, as in binary tensors or a body that is nothing else.
        to_bytes: the other way.
        from_text: makes an element of a text in an Open Inference request's JSON.
        to_text: the other way.
        schema: of a value in the references' and Azure's JSON.
        is_base64: whether texts are the elements as base64.
    """

    from_json: Callable[[Any], Any]
    to_json: Callable[[Any], Any]
    from_bytes: Callable[[bytes], Any]
    to_bytes: Callable[[Any], bytes]
    from_text: Callable[[str], Any]
    to_text: Callable[[Any], str]
    schema: Json
    is_base64: bool = False


def codec_of(content_type: str) -> Codec:
    """Return the codec of a content type."""
    return REGISTRY.get(content_type, FILE if content_type else TEXT)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _need_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("it must be a text")  # noqa: TRY004 - told to the client
    return value


def _utf8(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None


def _json_of(content: bytes | str) -> Any:
    try:
        return parse_any(content.encode() if isinstance(content, str) else content)
    except BadRequest as error:
        raise ValueError("it is not valid JSON") from error


def _file(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("it must be a file as base64")  # noqa: TRY004 - told to the client
    try:
        content = from_base64(value.partition(",")[2] if value.startswith("data:") else value)
    except ValueError:
        raise ValueError("it is not valid base64") from None
    return _not_empty(content)


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise ValueError("it is empty")
    return content


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _base64(value: Any) -> str:
    return binascii.b2a_base64(_bytes(value), newline=False).decode("ascii")


def _same(value: Any) -> Any:
    return value


def _encoded(value: Any) -> bytes:
    return value if isinstance(value, bytes) else _text(value).encode()


TEXT = Codec(_need_text, _text, _utf8, _encoded, _need_text, _text, {"type": "string"})
JSON = Codec(_same, _same, _json_of, orjson.dumps, _json_of, lambda value: orjson.dumps(value).decode(), {})
FILE = Codec(
    from_json=_file,
    to_json=_base64,
    from_bytes=_not_empty,
    to_bytes=_bytes,
    from_text=_file,
    to_text=_base64,
    schema={"type": "string", "contentEncoding": "base64", "minLength": 1},
    is_base64=True,
)

REGISTRY: dict[str, Codec] = {"text/plain": TEXT, "application/json": JSON}
