"""The client for asyncio."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import anyio
import anyio.to_thread
import httpx

from serve_app.client import calls
from serve_app.client.base_client import BaseClient
from serve_app.client.calls import Call, CallOptions
from serve_app.client.errors import DeadlineExceeded
from serve_app.client.inference.request import Asked, PredictOptions
from serve_app.client.payloads import Once
from serve_app.client.results import ModelDescription, Prediction
from serve_app.client.steps import Acquire, Deadline, Reply, Run, Send, Sleep, Step, Steps

ResultT = TypeVar("ResultT")


class AsyncScoringClient(BaseClient[httpx.AsyncClient]):
    """A client of the scoring service for the tasks of one event loop; its calls are those of `ScoringClient`.

    A call may be cancelled; the service then gives its request up. Functions for credentials may be coroutines.
    """

    async def predict(self, model: str, inputs: Any, **options: Unpack[PredictOptions]) -> Prediction:
        """Ask a model for its outputs, as `ScoringClient.predict` does."""
        return await self._run(self._predict(Asked(model, inputs, **options)))

    async def describe(
        self, model: str, *, version: str | None = None, timeout_seconds: float | None = None
    ) -> ModelDescription:
        """Ask what a model is."""
        return await self._run(self._answer(calls.describe(model, version=version, timeout_seconds=timeout_seconds)))

    async def call(self, call: Call[ResultT]) -> ResultT:
        """Make a call: what kinds of models have for theirs, or one of your own."""
        return await self._run(self._answer(call))

    async def is_ready(self, **options: Unpack[CallOptions]) -> bool:
        """Whether every model answers, or the one that is named; False too where the service cannot be reached."""
        return await self._run(self._is_ready(dict(options)))

    async def wait_until_ready(self, seconds: float, **options: Unpack[CallOptions]) -> None:
        """Ask until it is ready.

        Raises:
            DeadlineExceeded: it was not in that time.
        """
        await self._run(self._until_ready(seconds, dict(options)))

    async def close(self) -> None:
        """Close the connections, unless the httpx client is the caller's own."""
        if self._is_owner:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.close()

    def _new_http(self, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(limits=limits, follow_redirects=False)

    def _new_lock(self) -> anyio.Lock:
        return anyio.Lock()

    async def _run(self, steps: Steps[ResultT]) -> ResultT:
        try:
            step = next(steps)
            while True:
                outcome, failure = None, None
                try:
                    outcome = await self._do(step)
                except Exception as error:  # noqa: BLE001 - the steps decide what it means
                    failure = error
                # Outside of the handler: what they raise then has not the error, and its request, behind it.
                step = steps.send(outcome) if failure is None else steps.throw(failure)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        finally:
            steps.close()

    async def _do(self, step: Step) -> Any:
        match step:
            case Send():
                return await self._send(step)
            case Sleep(seconds):
                return await anyio.sleep(seconds)
            case Run(function):
                return await _called(function)
            case Acquire(lock, deadline):
                return await _acquire(lock, deadline)

    async def _send(self, step: Send) -> Reply:
        content = step.payload.content
        request = self._http.build_request(
            step.method,
            step.url,
            headers=step.headers,
            content=content if isinstance(content, bytes) else _chunks(content),
            timeout=step.timeout,
        )
        with anyio.move_on_after(max(step.deadline.remaining, 0)):
            response = await self._http.send(request, auth=None, follow_redirects=False)
            return Reply(response.status_code, response.headers, response.content)
        raise DeadlineExceeded("The time of the call was over before its answer was there.")


async def _chunks(content: Once) -> AsyncIterator[bytes]:
    if isinstance(content.chunks, AsyncIterator):
        content.was_begun = True
        async for chunk in content.chunks:
            yield chunk
        return
    chunks: Iterator[bytes] = content.read()
    while (read := await anyio.to_thread.run_sync(next, chunks, None)) is not None:
        yield read


async def _called(function: Callable[[], Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function()
    # It may read a file, or ask for a token.
    value = await anyio.to_thread.run_sync(function, abandon_on_cancel=True)
    return await value if inspect.isawaitable(value) else value


async def _acquire(lock: Any, deadline: Deadline) -> None:
    with anyio.move_on_after(max(deadline.remaining, 0)):
        return await lock.acquire()  # type: ignore[no-any-return]
    raise DeadlineExceeded("The time of the call was over before a token was renewed.")
