"""The client for threads."""

from __future__ import annotations

import inspect
import threading
import time
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from serve_app.client import calls
from serve_app.client.base_client import BaseClient
from serve_app.client.calls import Call, CallOptions
from serve_app.client.errors import DeadlineExceeded
from serve_app.client.inference.request import Asked, PredictOptions
from serve_app.client.results import ModelDescription, Prediction
from serve_app.client.steps import Acquire, Deadline, Lock, Reply, Run, Send, Sleep, Step, Steps

ResultT = TypeVar("ResultT")


class ScoringClient(BaseClient[httpx.Client]):
    """A client of the scoring service that several threads may share.

    Every call raises `ClientError` where the service gives no result, and `TypeError` or `ValueError` for arguments
    that make no request. Use it with `with`, or close it.
    """

    def predict(self, model: str, inputs: Any, **options: Unpack[PredictOptions]) -> Prediction:
        """Ask a model for its outputs; what it takes is read from the service once, and checked before it is asked.

        Args:
            model: the model's name.
            inputs: by name; a model's only input may stand for itself. Each is an array, nested lists of the shape that
                the model describes, or one row of it where the first dimension is any size. Elements of BYTES are
                texts, bytes, paths (`pathlib.Path`) or open files; any JSON where the content type says so.
            options: those of `PredictOptions`.

        Raises:
            ClientError: the service gives no result.
            ValueError: the model does not take what is given; the message says what it takes. Nothing was sent to it.
            OSError: a file cannot be read.
        """
        return self._run(self._predict(Asked(model, inputs, **options)))

    def describe(
        self, model: str, *, version: str | None = None, timeout_seconds: float | None = None
    ) -> ModelDescription:
        """Ask what a model is."""
        return self._run(self._answer(calls.describe(model, version=version, timeout_seconds=timeout_seconds)))

    def call(self, call: Call[ResultT]) -> ResultT:
        """Make a call: what kinds of models have for theirs, or one of your own."""
        return self._run(self._answer(call))

    def is_ready(self, **options: Unpack[CallOptions]) -> bool:
        """Whether every model answers, or the one that is named; False too where the service cannot be reached."""
        return self._run(self._is_ready(dict(options)))

    def wait_until_ready(self, seconds: float, **options: Unpack[CallOptions]) -> None:
        """Ask until it is ready.

        Raises:
            DeadlineExceeded: it was not in that time.
        """
        self._run(self._until_ready(seconds, dict(options)))

    def close(self) -> None:
        """Close the connections, unless the httpx client is the caller's own."""
        if self._is_owner:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def _new_http(self, limits: httpx.Limits) -> httpx.Client:
        return httpx.Client(limits=limits, follow_redirects=False)

    def _new_lock(self) -> Lock:
        return threading.Lock()

    def _run(self, steps: Steps[ResultT]) -> ResultT:
        try:
            step = next(steps)
            while True:
                outcome, failure = None, None
                try:
                    outcome = self._do(step)
                except Exception as error:  # noqa: BLE001 - the steps decide what it means
                    failure = error
                # Outside of the handler: what they raise then has not the error, and its request, behind it.
                step = steps.send(outcome) if failure is None else steps.throw(failure)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        finally:
            steps.close()

    def _do(self, step: Step) -> Any:
        match step:
            case Send():
                return self._send(step)
            case Sleep(seconds):
                return time.sleep(seconds)
            case Run(function):
                return _not_awaitable(function())
            case Acquire(lock, deadline):
                return _acquire(lock, deadline)

    def _send(self, step: Send) -> Reply:
        content = step.payload.content
        request = self._http.build_request(
            step.method,
            step.url,
            headers=step.headers,
            content=content if isinstance(content, bytes) else content.read(),
            timeout=step.timeout,
        )
        response = self._http.send(request, auth=None, follow_redirects=False, stream=True)
        try:
            return Reply(response.status_code, response.headers, _read(response, step.deadline))
        finally:
            response.close()


def _read(response: httpx.Response, deadline: Deadline) -> bytes:
    chunks = []
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        # Each read has a limit of its own, and a response may come in many.
        if deadline.remaining <= 0:
            raise DeadlineExceeded("The time of the call was over before its answer was read.")
    return b"".join(chunks)


def _acquire(lock: Any, deadline: Deadline) -> None:
    if not lock.acquire(timeout=max(deadline.remaining, 0)):
        raise DeadlineExceeded("The time of the call was over before a token was renewed.")


def _not_awaitable(value: Any) -> Any:
    if inspect.iscoroutine(value):
        value.close()
    if inspect.isawaitable(value):
        raise TypeError("Credentials that must be awaited are for AsyncScoringClient.")
    return value
