"""The way to a stage, wherever it runs, as its caller sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from deployments.contracts import ModelDescription


class ReplicaLost(Exception):
    """The replica that was asked has gone; another may be asked."""


class StageHandle(ABC):
    """A stage that can be called.

    Attributes:
        name: of the stage, in metrics.
        may_answer_at_once: whether `score_now` may give an answer.
    """

    may_answer_at_once = False

    def __init__(self, name: str) -> None:
        self.name = name

    def score_now(self, items: list[Any]) -> list[Any] | None:  # noqa: ARG002
        """Score items within this turn of the event loop, where `may_answer_at_once`; None: it has to be called."""
        return None

    @abstractmethod
    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the stage.

        Raises:
            ReplicaLost: the replica that was asked has gone.
            Unavailable: none can answer.
            ModelError: the method failed.
        """

    @abstractmethod
    async def describe(self) -> ModelDescription:
        """Ask a replica what it has loaded.

        Raises:
            Unavailable: none answers.
        """
