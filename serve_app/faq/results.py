"""What the FAQ answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from serve_app.client.results import Origin


class Term(NamedTuple):
    """A term of a question, and what it added to a match's score; negative: took from it."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a match has its score: the weights of all terms and `other` add up to it.

    Attributes:
        terms: those that changed the score most first.
        other: what is not told term by term.
        score: what the match's probability was made from.
    """

    terms: tuple[Term, ...]
    other: float
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """An original that a question may mean.

    Attributes:
        id: the original.
        answer_id: its answer.
        probability: that the question means it, 0 to 1.
        answer: the answer's text; None if it has none or was not asked for.
        explanation: why; None if not asked for.
    """

    id: int | str
    answer_id: int | str
    probability: float
    answer: str | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class FaqResult:
    """What became of a question.

    Attributes:
        matches: best first; what is below a threshold is left out.
        matched: whether the FAQ has a match at all; False: no match, whatever `matches` holds.
        origin: who answered.
    """

    matches: tuple[Match, ...]
    matched: bool
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def best(self) -> Match | None:
        """The most probable match; None where the FAQ has none."""
        return self.matches[0] if self.matched and self.matches else None
