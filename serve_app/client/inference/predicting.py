"""A prediction: what the model takes is read once, then the request is made, checked and sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from serve_app.client.calls import Call, describe
from serve_app.client.errors import BadRequest, NotFound
from serve_app.client.inference.request import Asked, build
from serve_app.client.results import ModelDescription, Prediction
from serve_app.client.steps import Clock, Run, Steps

if TYPE_CHECKING:
    from serve_app.client.exchange import Credentials, Exchange

# After so long a model is asked again what it takes: another version may answer by then.
DESCRIPTION_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Kept:
    description: ModelDescription
    until: float


class Predictor:
    """Makes predictions, and keeps what models say of themselves; several threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str | None], _Kept] = {}

    def answer(self, asked: Asked, exchange: Exchange, credentials: Credentials) -> Steps[Prediction]:
        """Get a prediction.

        Raises:
            ClientError: there is none.
            ValueError: the model does not take what is asked; nothing was sent to it.
            OSError: a file cannot be read.
        """
        key = (asked.model, asked.version)
        description = yield from self._described(key, exchange, credentials)
        try:
            # It may read a file.
            call: Call[Prediction] = yield Run(partial(build, description, asked))
            return (yield from exchange.answer(call, credentials))
        except (BadRequest, NotFound, ValueError):
            # The model may take something else by now: it is asked again for the next call.
            self._kept.pop(key, None)
            raise

    def _described(
        self, key: tuple[str, str | None], exchange: Exchange, credentials: Credentials
    ) -> Steps[ModelDescription]:
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.description
        description = yield from exchange.answer(describe(key[0], version=key[1]), credentials)
        self._kept[key] = _Kept(description, self._clock() + DESCRIPTION_SECONDS)
        return description
