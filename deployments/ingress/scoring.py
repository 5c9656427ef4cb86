"""From a request's items to the outcomes of its model."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from deployments.contracts import Outcome, Weights
from deployments.errors import InvalidInput, ScoringError
from deployments.ingress.hang_ups import given_up_without_client
from deployments.ingress.json_bodies import shown
from deployments.ingress.models import Version


@dataclass(frozen=True, slots=True)
class Scored:
    """What came out of a request or of one of its items.

    Attributes:
        result: the result, as its stage gave it or ready for JSON.
        seconds: where time went, in seconds by step; the longest where several items ran side by side.
        weights: untrained where any item was answered by an untrained model.
    """

    result: Any
    seconds: dict[str, float]
    weights: Weights


async def score_all(request: Request, version: Version, items: Mapping[str, Any], deadline: float) -> dict[str, Scored]:
    """Score a request's items, all at once, by name; give up when the client hangs up.

    Raises:
        ScoringError: the first item that has no result; where there are several, the message names it.
    """
    with given_up_without_client(request):
        return await _score_all(version, items, deadline)


async def _score_all(version: Version, items: Mapping[str, Any], deadline: float) -> dict[str, Scored]:
    if len(items) == 1:
        ((name, item),) = items.items()
        return {name: _succeeded(await version.stage.submit(item, deadline=deadline))}
    answers = await asyncio.gather(
        *(version.stage.submit(item, deadline=deadline) for item in items.values()), return_exceptions=True
    )
    return {name: _named(name, answer) for name, answer in zip(items, answers, strict=True)}


def joined(result: Any, items: Collection[Scored]) -> Scored:
    """Return the result of a request with what is to be said of all its items."""
    longest: dict[str, float] = {}
    for item in items:
        for step, seconds in item.seconds.items():
            longest[step] = max(seconds, longest.get(step, 0.0))
    all_trained = all(item.weights == "trained" for item in items)
    return Scored(result, longest, "trained" if all_trained else "untrained")


def _named(name: str, answer: Outcome[Any] | BaseException) -> Scored:
    try:
        if isinstance(answer, BaseException):
            raise answer
        return _succeeded(answer)
    except InvalidInput as error:
        raise type(error)(f"'{shown(name)}': {error.message}") from None


def _succeeded(outcome: Outcome[Any]) -> Scored:
    if isinstance(outcome.result, ScoringError):
        raise outcome.result
    return Scored(outcome.result, outcome.seconds, outcome.weights)
