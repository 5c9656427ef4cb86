"""The other applications of this Ray Serve, as a replica of the gateway finds them."""

from __future__ import annotations

import asyncio
from typing import Any

from ray import serve
from ray.serve.exceptions import RayServeException

from deployments import failures
from deployments.errors import Unavailable
from deployments.remote_stage import RemoteHandle
from deployments.stage_handle import StageHandle


async def connect(application: str, deployment: str) -> StageHandle:
    """Return the way to a deployment of an application.

    Raises:
        Unavailable: there is none of that name.
    """
    try:
        # It waits for Ray Serve's controller.
        handle: Any = await asyncio.to_thread(serve.get_deployment_handle, deployment, application)
    except (KeyError, RayServeException):
        raise Unavailable(f"There is no application {application}.") from None
    return RemoteHandle(handle)


async def failure_of(application: str) -> str | None:
    """Return why an application does not run; None where it runs, or may still start."""
    status = (await asyncio.to_thread(serve.status)).applications.get(application)
    if status is None:
        return f"There is no application {application}."
    return failures.failure_of(status)
