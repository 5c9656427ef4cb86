"""A stage with replicas of its own, which Ray Serve calls."""

from __future__ import annotations

import logging
from typing import Any

from grpc import StatusCode
from grpc.aio import AioRpcError
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from deployments.contracts import ModelDescription
from deployments.errors import ModelError, ScoringError, Unavailable
from deployments.stage_handle import ReplicaLost, StageHandle

logger = logging.getLogger("ray.serve")


class RemoteHandle(StageHandle):
    """The way to a stage with replicas of its own.

    Args:
        handle: Ray Serve's.
    """

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        super().__init__(handle.deployment_name)
        # The messages hold data classes of this product, which plain pickle carries at half of cloudpickle's cost.
        self._handle: Any = handle.options(request_serialization="pickle", response_serialization="pickle")

    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of some replica."""
        try:
            return await getattr(self._handle, method).remote(*arguments)
        except RayServeException as error:
            raise Unavailable("No replica of this model can answer at the moment.") from error
        except RayTaskError as error:
            # The message may hold what the client sent.
            logger.error("A stage failed on a call: %s.", type(error.cause).__name__)  # noqa: TRY400
            raise ModelError("The model failed on this request.") from error
        except (RayActorError, AioRpcError) as error:
            if not _is_loss(error):
                raise
            raise ReplicaLost from error

    async def describe(self) -> ModelDescription:
        """Ask some replica what it has loaded."""
        try:
            description: ModelDescription = await self.call("describe")
        except (ScoringError, ReplicaLost, AioRpcError):
            raise Unavailable("No replica of this model is ready.") from None
        return description


def handle_of(stage: StageHandle | DeploymentHandle[Any]) -> StageHandle:
    """Return the way to a stage that is in this process, or that Ray Serve has a handle of."""
    return stage if isinstance(stage, StageHandle) else RemoteHandle(stage)


def _is_loss(error: Exception) -> bool:
    """Whether a call's connection broke, and not what it carried.

    Ray Serve takes only UNAVAILABLE for the loss of a replica; one that dies within an answer leaves other statuses.
    """
    return not isinstance(error, AioRpcError) or error.code() is not StatusCode.RESOURCE_EXHAUSTED
