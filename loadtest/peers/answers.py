"""Whether servers answer the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from loadtest.errors import BenchmarkError

# How far probabilities of the very same model may lie apart: batches and threads add up in another order.
TOLERANCE = 1e-3

# Of the best probability, where all of them are small.
RELATIVE_TOLERANCE = 0.05

# Two models of one FAQ do not rank alike; from here on they answer the same questions the same way.
LEAST_AGREEMENT = 0.75

Ranked = list[tuple[str, float]]


class WrongAnswer(BenchmarkError):
    """Servers do not answer alike, so that their figures mean nothing."""


def ranked(content: Any) -> Ranked:
    """Read the best three of a response, whichever server it comes from.

    Returns:
        Original or class, probability; best first.

    Raises:
        WrongAnswer: it has another form.
    """
    try:
        return [(str(row[0]), float(row[-1])) for row in _rows(content)]
    except (LookupError, TypeError, ValueError):
        raise WrongAnswer(f"A server answers in another form: {json.dumps(content)[:200]}") from None


def _rows(content: Any) -> Any:
    if isinstance(content, list):  # a list of one question's rows
        return content[0]
    if "outputs" in content:  # the Open Inference Protocol
        return json.loads(content["outputs"][0]["data"][0])["result"]
    result = content["result"]
    if not isinstance(result[-1], str):
        return result
    # Ours: rows, then how long it took; images by name.
    return next(iter(result[0].values())) if isinstance(result[0], dict) else result[0]


def check_same(found: Sequence[Ranked], expected: Sequence[Ranked], server: str) -> None:
    """Refuse to measure a server that answers otherwise than the model itself.

    Raises:
        WrongAnswer: another original or class, or a probability that is too far off.
    """
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if not same(ours, theirs):
            raise WrongAnswer(f"{server} answers body {number} with {ours}, the model itself with {theirs}.")


def same(found: Ranked, expected: Ranked) -> bool:
    """Whether two answers are one; places may be exchanged where probabilities are equal within the tolerance."""
    if len(found) != len(expected) or not expected:
        return False
    tolerance = min(TOLERANCE, RELATIVE_TOLERANCE * expected[0][1])
    if any(abs(one[1] - other[1]) > tolerance for one, other in zip(found, expected, strict=True)):
        return False
    known, last = dict(expected), expected[-1][1]
    # Who is not among the expected ones has at most the last one's probability, so that it may tie with that only.
    return all(abs(known.get(name, last) - probability) <= tolerance for name, probability in found)


def agreement(found: Sequence[Ranked], expected: Sequence[Ranked]) -> float:
    """Return the share of questions whose best original is the same, 0 to 1."""
    pairs = list(zip(found, expected, strict=True))
    return sum(one[0][0] == other[0][0] for one, other in pairs) / len(pairs)


def check_agreement(found: Sequence[Ranked], expected: Sequence[Ranked]) -> float:
    """Return how far another model of the same FAQ agrees.

    Raises:
        WrongAnswer: too little to compare their speed.
    """
    share = agreement(found, expected)
    if share < LEAST_AGREEMENT:
        raise WrongAnswer(
            f"Our own FAQ model and scikit-learn's agree on the best original of {share:.0%} of the questions only, "
            f"less than {LEAST_AGREEMENT:.0%}; ask questions that the FAQ answers."
        )
    return share
