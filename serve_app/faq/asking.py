"""Questions for the FAQ, as calls of the client.

with ScoringClient("https://scoring.example.com") as client:
    client.call(ask("Which port does it listen on?", top_k=3, answers=True)).best
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal, TypeVar, Unpack

from serve_app.client.calls import Call, CallOptions, listed, score_path
from serve_app.client.payloads import json_payload
from serve_app.client.steps import Reply
from serve_app.faq import answers as reading
from serve_app.faq.results import FaqResult

ResultT = TypeVar("ResultT")

MODEL = "faq"


class FaqOptions(CallOptions, total=False):
    """What may be said besides a question.

    Attributes:
        top_k: how many matches to return; every original if left out.
        threshold: the least probability of a match, 0 to 1; `trained` for the model's own. Less probable ones are left
            out.
        answers: whether to return the answers' texts.
        explain: whether to tell which terms made each match.
    """

    top_k: int | None
    threshold: float | Literal["trained"] | None
    answers: bool
    explain: bool


def ask(question: str, **options: Unpack[FaqOptions]) -> Call[FaqResult]:
    """Ask for the matches of a question; options are those of `FaqOptions`."""
    if not isinstance(question, str):
        raise TypeError("A question is a text; several are for `ask_all`.")
    return _faq_call(question, reading.read_question, **options)


def ask_all(questions: Iterable[str], **options: Unpack[FaqOptions]) -> Call[list[FaqResult]]:
    """Ask for the matches of several questions in one request; options are those of `FaqOptions`."""
    texts = listed(questions, str)
    return _faq_call(texts, partial(reading.read_questions, count=len(texts)), **options)


def _faq_call(
    given: str | Sequence[str],
    read: Callable[[Reply], ResultT],
    *,
    model: str = MODEL,
    version: str | None = None,
    timeout_seconds: float | None = None,
    top_k: int | None = None,
    threshold: float | Literal["trained"] | None = None,
    answers: bool = False,
    explain: bool = False,
) -> Call[ResultT]:
    content = {
        "input": given,
        "top_k": top_k,
        "threshold": threshold,
        "answers": answers or None,
        "explain": explain or None,
    }
    path = score_path(model, version)
    return Call("POST", path, read, model, json_payload(content), timeout_seconds=timeout_seconds)
