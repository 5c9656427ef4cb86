"""What a benchmark says when it cannot measure."""

from __future__ import annotations


class BenchmarkError(Exception):
    """A benchmark cannot run; the message is one sentence for a person."""
