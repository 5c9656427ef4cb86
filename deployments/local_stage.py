"""A stage in its caller's process, where a call costs next to nothing.

A call to another process takes 2 ms of processor time, which is more than many models take to answer. A stage here
scales, and is lost, with the replicas of its caller.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.contracts import ModelDescription
from deployments.errors import ModelError, ScoringError
from deployments.stage_handle import StageHandle

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class LocalStage:
    """A stage that is to be made in the caller's process.

    Attributes:
        name: as its deployment would have.
        stage: its class; where it has a method `start`, that is awaited before anything is asked of it.
        arguments: of its constructor; stages among them are made first.
        keywords: likewise.
    """

    name: str
    stage: type[Any]
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    async def start(self) -> LocalHandle:
        """Make the stage; it is ready when this returns.

        Raises:
            StartupError: it cannot be made, for a reason that a person can mend.
        """
        arguments = [await each.start() if isinstance(each, LocalStage) else each for each in self.arguments]
        # It may take long, and others are answered meanwhile.
        stage = await asyncio.to_thread(self.stage, *arguments, **self.keywords)
        if hasattr(stage, "start"):
            await stage.start()
        return LocalHandle(self.name, stage)


class LocalHandle(StageHandle):
    """The way to a stage of this process.

    Args:
        name: of the stage.
        stage: has the methods of a stage; and `score_now`, if it may answer within the call.
    """

    def __init__(self, name: str, stage: Any) -> None:
        super().__init__(name)
        self._stage = stage
        self._now: Callable[[list[Any]], list[Any] | None] | None = getattr(stage, "score_now", None)
        self.may_answer_at_once = self._now is not None

    def score_now(self, items: list[Any]) -> list[Any] | None:
        """Score items within this turn of the event loop, if the stage is as quick as that; None if not.

        Raises:
            ModelError: it failed.
        """
        try:
            return self._now(items) if self._now is not None else None
        except ScoringError:
            raise
        except Exception as error:
            raise _failed(error) from error

    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method; its errors look as those of a replica do.

        Raises:
            ModelError: it failed, of which nothing is told but in the log.
        """
        try:
            return await getattr(self._stage, method)(*arguments)
        except ScoringError:
            raise
        except Exception as error:
            raise _failed(error) from error

    async def describe(self) -> ModelDescription:
        """Ask the stage what it has loaded."""
        description: ModelDescription = await self._stage.describe()
        return description


def _failed(error: Exception) -> ModelError:
    # The message may hold what the client sent.
    logger.error("A stage failed on a call: %s.", type(error).__name__)
    return ModelError("The model failed on this request.")
