"""A request's body once it has been read, whatever transport it came by."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl


@dataclass(slots=False)
class Body:
    """A body and what its headers and query say of it.

    Attributes:
        content: the bytes.
        content_type: the header, with its parameters; empty if the client sent none.
        query_string: of the request, as it came.
    """

    content: bytes = field(repr=False)
    content_type: str = ""
    query_string: bytes = field(default=b"", repr=False)

    @cached_property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case; empty if the client sent none."""
        return media_type_of(self.content_type)

    @property
    def is_json(self) -> bool:
        """Whether it is JSON; clients of the reference applications often send no content type at all."""
        return is_json(self.media_type)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one that is there several times, the last."""
        if not self.query_string:
            return {}
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))


def media_type_of(content_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON, or left out."""
    return media_type in {"", "application/json"} or media_type.endswith("+json")
