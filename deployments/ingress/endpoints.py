"""What every endpoint has in common: an identifier, a bound on requests, errors as problem+json."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deployments.errors import BadRequest, MethodNotAllowed, NotFound, Overloaded, ScoringError
from deployments.ingress.body_memory import IN_SCOPE, BodyMemory, Held
from deployments.ingress.lingering import without_the_rest
from deployments.ingress.problems import problem_response
from deployments.ingress.quotas.request_admission import tell_quota
from deployments.ingress.request_ids import mark, request_id_of
from deployments.ingress.settings import Limits
from deployments.telemetry.observation import note_error

logger = logging.getLogger("ray.serve")

Handler = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler) -> Handler:
    """Answer a handler's errors as problem+json, and mark every response with the request's identifier."""

    async def answer(request: Request) -> Response:
        request_id = request_id_of(request)
        try:
            response = await handler(request)
        except ScoringError as error:
            response = _refused(request, error, request_id)
        except Exception as error:  # noqa: BLE001 - nothing unexpected may reach the client
            # The message may hold what the client sent; the log gets the kind and the place.
            logger.error("Request %s failed: %s", request_id, place_of(error))  # noqa: TRY400
            response = _refused(request, ScoringError(), request_id)
        return _finished(response, request, request_id)

    return answer


class Bounded:
    """Refuses requests beyond a number and bodies beyond a size of all together, so that memory stays bounded."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running = 0
        self._memory = BodyMemory(limits)

    def __call__(self, handler: Handler) -> Handler:
        """Count the requests of one handler together with those of all others."""

        async def answer(request: Request) -> Response:
            with self.place() as held:
                request.scope[IN_SCOPE] = held
                return await handler(request)

        return answer

    @contextmanager
    def place(self) -> Iterator[Held]:
        """Count one more request inside the block, which gets what is to hold the memory of its body.

        Raises:
            Overloaded: there are as many as there may be.
        """
        if self._running >= self._limits().max_requests:
            raise Overloaded("Too many requests are in flight; try again shortly.")
        self._running += 1
        held = Held(self._memory)
        try:
            yield held
        finally:
            self._running -= 1
            held.release()


async def http_error(request: Request, error: Exception) -> Response:
    """Answer what routing refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    problem: ScoringError = BadRequest("The request cannot be understood.")
    if error.status_code == HTTPStatus.NOT_FOUND:
        problem = NotFound("There is nothing at this path; GET /docs lists what there is.")
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        problem = MethodNotAllowed(f"This path takes {allowed or 'other methods'}.")
    request_id = request_id_of(request)
    response = _refused(request, problem, request_id)
    response.headers.update(error.headers or {})
    return _finished(response, request, request_id)


def _finished(response: Response, request: Request, request_id: str) -> Response:
    mark(response, request, request_id)
    tell_quota(response, request)
    return without_the_rest(response, request)


def _refused(request: Request, error: ScoringError, request_id: str) -> Response:
    note_error(error.code)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return problem_response(error, request_id, path)


def place_of(error: Exception) -> str:
    """Return the kind and place of an error, for the log; its message may hold what the client sent."""
    frame: Any = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return type(error).__name__
    code = frame.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_qualname}, line {frame.tb_lineno}"
