"""What a user may set about preparing a FAQ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal["keep", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareSettings:
    """What is kept of a source, and how it is split.

    Attributes:
        tag: originals must have it, in whatever case; None takes all. Duplicates may have any tags.
        min_duplicates: an original needs as many; counted among those kept.
        min_length: characters that a question's plain text needs.
        max_length: characters that a question's plain text may have; the served matcher's own default limit.
        code: whether code blocks of questions stay, as plain text; code inside a sentence always stays.
        html: whether texts of tables are HTML; None finds out for each file. A dump's always are.
        require_answer: drop originals without an answer.
        test_fraction: share of each original's duplicates that is held out for a test, from 0 to 1.
        seed: of the split.
        accept_truncated: take what a dump holds before it breaks off.
    """

    tag: str | None = None
    min_duplicates: int = 0
    min_length: int = 0
    max_length: int = 100_000
    code: Code = "keep"
    html: bool | None = None
    require_answer: bool = True
    test_fraction: float = 0.5
    seed: int = 0
    accept_truncated: bool = False
