"""Giving up requests whose client has gone away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from deployments.errors import ClientGone

# Most requests are answered by then, and cost no task to watch over them.
WATCH_AFTER_SECONDS = 0.1


@contextmanager
def given_up_without_client(request: Request) -> Iterator[None]:
    """Cancel the block when the client hangs up; the request's body must have been read before.

    Raises:
        ClientGone: the client hung up.
    """
    watch = _Watch(request)
    try:
        yield
    except asyncio.CancelledError:
        if watch.client_is_gone and watch.task.uncancel() == 0:
            raise ClientGone("The client closed the connection.") from None
        raise
    finally:
        watch.stop()


class _Watch:
    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a request is handled in a task
        self.task = task
        self.client_is_gone = False
        self._request = request
        self._watcher: asyncio.Task[None] | None = None
        self._timer = task.get_loop().call_later(WATCH_AFTER_SECONDS, self._start)

    def stop(self) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _start(self) -> None:
        self._watcher = self.task.get_loop().create_task(self._wait_for_hang_up())

    async def _wait_for_hang_up(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.client_is_gone = True
        self.task.cancel()
