"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

# Told what is being done, how much of it has been done and how much there is.
Progress = Callable[[str, int, int], None]


def no_progress(step: str, done: int, total: int) -> None:
    """For callers that do not want to know."""
