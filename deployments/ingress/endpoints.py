"""What every endpoint has in common: an identifier, errors as problem+json."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deployments.errors import BadRequest, MethodNotAllowed, NotFound, ScoringError
from deployments.ingress.lingering import without_the_rest
from deployments.ingress.problems import problem_response
from deployments.ingress.request_ids import mark, request_id_of
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
