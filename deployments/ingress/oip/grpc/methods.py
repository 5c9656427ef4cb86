"""The protocol's methods as Ray Serve looks for them: on the deployment, by their names."""

from __future__ import annotations

from collections.abc import AsyncIterator

from deployments.ingress.oip.grpc.calls import CallContext
from deployments.ingress.oip.grpc.protocol import Message
from deployments.ingress.oip.grpc.service import InferenceService


class InferenceMethods:
    """What a deployment inherits to answer over gRPC.

    Attributes:
        inference: what answers; set by the deployment.
    """

    inference: InferenceService

    async def ServerLive(self, requests: AsyncIterator[bytes], grpc_context: CallContext) -> Message:  # noqa: N802
        """Answer while this process can answer at all."""
        return await self.inference("ServerLive", requests, grpc_context)

    async def ServerReady(self, requests: AsyncIterator[bytes], grpc_context: CallContext) -> Message:  # noqa: N802
        """Tell whether every model answers."""
        return await self.inference("ServerReady", requests, grpc_context)

    async def ServerMetadata(self, requests: AsyncIterator[bytes], grpc_context: CallContext) -> Message:  # noqa: N802
        """Tell what the server is."""
        return await self.inference("ServerMetadata", requests, grpc_context)

    async def ModelReady(self, requests: AsyncIterator[bytes], grpc_context: CallContext) -> Message:  # noqa: N802
        """Tell whether a model answers."""
        return await self.inference("ModelReady", requests, grpc_context)

    async def ModelMetadata(self, requests: AsyncIterator[bytes], grpc_context: CallContext) -> Message:  # noqa: N802
        """Tell what a model is."""
        return await self.inference("ModelMetadata", requests, grpc_context)

    async def ModelInfer(self, requests: AsyncIterator[bytes], grpc_context: CallContext) -> Message:  # noqa: N802
        """Answer with a model's tensors."""
        return await self.inference("ModelInfer", requests, grpc_context)
