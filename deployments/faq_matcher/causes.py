"""What errors of libraries say, short enough to stand within a sentence."""

from __future__ import annotations

from pydantic import ValidationError


def cause(error: Exception) -> str:
    """The first line of what an error says, without its end mark; of a validation, the first field that is wrong."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return ": ".join([*map(str, first["loc"]), first["msg"]])
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")
