"""A stage that runs in its caller's process, where a call costs next to nothing.

A call to another process takes 2 ms of processor time, which is more than many models take to answer. What is hosted
scales, and is lost, with the replicas of its caller.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.errors import ModelError, ScoringError

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class Hosted:
    """A stage as the builder hands it to its caller.

    Attributes:
        name: as its deployment would have.
        stage: its class.
        arguments: of its constructor; stages among them are started first, and applications that are bound in them
            have become handles by then.
        keywords: likewise.
    """

    name: str
    stage: type[Any]
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    async def start(self) -> HostedHandle:
        """Make the stage, as Ray Serve makes a replica: ready when its constructor is done."""
        arguments = [await each.start() if isinstance(each, Hosted) else each for each in self.arguments]
        stage = object.__new__(self.stage)
        # Called by itself, since it may be a coroutine.
        construct: Any = self.stage.__init__
        constructed = construct(stage, *arguments, **self.keywords)
        if inspect.isawaitable(constructed):
            await constructed
        return HostedHandle(self.name, stage)


class HostedHandle:
    """A stage of this process, to be called as Ray Serve's handles are.

    Args:
        name: of the stage.
        stage: has the methods of a stage.
    """

    def __init__(self, name: str, stage: Any) -> None:
        self.deployment_name = name
        self.score = _Method(stage.score)
        self.describe = _Method(stage.describe)
        # Of stages that may answer within the call, without a turn of the event loop.
        self.score_now: Callable[[Any], Any] | None = None
        if hasattr(stage, "score_now"):
            self.score_now = _guarded(stage.score_now)
        if hasattr(stage, "explain"):
            self.explain = _Method(stage.explain)

    def options(self, **_options: Any) -> HostedHandle:
        """Take the options of a handle, which say how messages travel; here none do."""
        return self


@dataclass(frozen=True, slots=True)
class _Method:
    method: Callable[..., Coroutine[Any, Any, Any]]

    async def remote(self, *arguments: Any) -> Any:
        """Call the method; its errors look as those of a replica do.

        Raises:
            ModelError: it failed, of which nothing is told but in the log.
        """
        try:
            return await self.method(*arguments)
        except ScoringError:
            raise
        except Exception as error:
            raise _failed(error) from error


def _guarded(method: Callable[..., Any]) -> Callable[[Any], Any]:
    def call(item: Any) -> Any:
        try:
            return method(item)
        except ScoringError:
            raise
        except Exception as error:
            raise _failed(error) from error

    return call


def _failed(error: Exception) -> ModelError:
    # The message may hold what the client sent.
    logger.error("A stage failed on a call: %s.", type(error).__name__)
    return ModelError("The model failed on this request.")
