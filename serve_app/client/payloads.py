"""Bodies of requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

# A file's content as it comes, which can be read only once.
Chunks = Iterator[bytes] | AsyncIterator[bytes]


class Once:
    """A body that comes in chunks and can be read only once.

    Attributes:
        was_begun: whether somebody has begun to read it, so that it cannot be sent any more.
    """

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks
        self.was_begun = False

    def read(self) -> Iterator[bytes]:
        """Read it in a thread.

        Raises:
            TypeError: it must be awaited.
        """
        if not isinstance(self.chunks, Iterator):
            raise TypeError("Chunks that must be awaited are for AsyncScoringClient.")
        self.was_begun = True
        yield from self.chunks


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's body."""

    content: bytes | Once = field(default=b"", repr=False)
    media_type: str = ""

    @property
    def can_be_sent(self) -> bool:
        """Whether it is still there as a whole."""
        return isinstance(self.content, bytes) or not self.content.was_begun


def json_payload(content: dict[str, Any]) -> Payload:
    """Return JSON without the fields that are None.

    Raises:
        ValueError: a number is not finite, or a text holds half of a surrogate pair.
    """
    given = {name: value for name, value in content.items() if value is not None}
    text = json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return Payload(text.encode(), "application/json")
    except UnicodeEncodeError:
        raise ValueError("A text holds half of a surrogate pair, which UTF-8 cannot hold.") from None
