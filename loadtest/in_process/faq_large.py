"""Large FAQs of real words: questions, and answers, that are recombined from real ones.

A question is the first half of one real question and the second half of another, so that each of its words stands in
real company and shares them with many other questions. An answer is two sentences of real answers. Every fifth original
has one other wording: its own words without every fourth, in the order of its halves exchanged.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original

_SENTENCE = re.compile(r"(?<=[.!?])\s+")

# One original in so many has another wording.
_WORDED_TWICE = 5

# Words of a real question that are read: titles and first sentences rather than listings.
_WORDS_READ = 40

_ANSWER_IDS = 1_000_000_000
_DUPLICATE_IDS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """Real texts to recombine."""

    questions: Sequence[str]
    answers: Sequence[str]


def source_of(*faqs: FaqData) -> Source:
    """Texts of real FAQs."""
    originals = [original.text for faq in faqs for original in faq.originals]
    questions = originals + [duplicate.text for faq in faqs for duplicate in faq.duplicates]
    return Source(questions, [answer.text for faq in faqs for answer in faq.answers])


def large_faq(source: Source, originals: int, seed: int) -> FaqData:
    """Recombines texts to so many different originals."""
    draw = random.Random(seed)
    halves = [_halves(text) for text in source.questions]
    firsts, seconds = [first for first, _ in halves if first], [second for _, second in halves if second]
    texts = _distinct(draw, firsts, seconds, originals)
    sentences = [sentence for answer in source.answers for sentence in _SENTENCE.split(answer) if len(sentence) > 1]
    return FaqData(
        tuple(Original(number, _ANSWER_IDS + number, text) for number, text in enumerate(texts, 1)),
        tuple(
            Duplicate(_DUPLICATE_IDS + number, _ANSWER_IDS + number, _reworded(text))
            for number, text in enumerate(texts, 1)
            if number % _WORDED_TWICE == 0
        ),
        tuple(
            Answer(_ANSWER_IDS + number, number, " ".join(draw.choices(sentences, k=2)))
            for number in range(1, originals + 1)
            if sentences
        ),
    )


def asked(source: Source, number: int, seed: int) -> list[str]:
    """Real questions to ask, as they are."""
    return random.Random(seed).choices(source.questions, k=number)


def _halves(text: str) -> tuple[str, str]:
    words = text.split()[:_WORDS_READ]
    middle = (len(words) + 1) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def _distinct(draw: random.Random, firsts: Sequence[str], seconds: Sequence[str], number: int) -> list[str]:
    possible = len(firsts) * len(seconds)
    if possible < 2 * number:
        raise ValueError(f"{possible} combinations are too few for {number} different questions")
    texts: dict[str, None] = {}
    while len(texts) < number:
        texts[f"{draw.choice(firsts)} {draw.choice(seconds)}"] = None
    return list(texts)


def _reworded(text: str) -> str:
    words = [word for place, word in enumerate(text.split(), 1) if place % 4]
    middle = len(words) // 2
    return " ".join(words[middle:] + words[:middle]) or text
