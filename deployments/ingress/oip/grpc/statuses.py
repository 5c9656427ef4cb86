"""Errors as statuses of gRPC.

INVALID_ARGUMENT      the request is not valid (HTTP: 400, 415, 422)
UNAUTHENTICATED       no key or token, or none that is accepted (401)
PERMISSION_DENIED     the client lacks a role (403)
NOT_FOUND             no such model or version (404)
DEADLINE_EXCEEDED     the deadline passed before the answer was there (408)
RESOURCE_EXHAUSTED    the message is too large, or too much is in flight (413, 429, 503 `overloaded`)
CANCELLED             the client went away (499)
UNAVAILABLE           no replica can answer at the moment (503)
INTERNAL              the model or the service failed (424, 500)
"""

from __future__ import annotations

from http import HTTPStatus

from grpc import StatusCode

from deployments.errors import Overloaded, ScoringError

MILLISECONDS = 1000

ERROR_CODE = "error-code"
RETRY_AFTER = "retry-after"
# Clients with a retry policy wait so long: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
PUSHBACK = "grpc-retry-pushback-ms"

_BY_HTTP_STATUS = {
    HTTPStatus.UNAUTHORIZED: StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.FAILED_DEPENDENCY: StatusCode.INTERNAL,
    HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
}


def status_of(error: ScoringError) -> StatusCode:
    """Return the status for an error."""
    if isinstance(error, Overloaded):
        return StatusCode.RESOURCE_EXHAUSTED
    is_of_client = error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return _BY_HTTP_STATUS.get(error.status, StatusCode.INVALID_ARGUMENT if is_of_client else StatusCode.INTERNAL)


def metadata_of(error: ScoringError) -> list[tuple[str, str]]:
    """Return what goes with it as trailing metadata: its code for programs, when to try again, its client's limits."""
    metadata = [(ERROR_CODE, error.code)]
    if error.retry_after_seconds is not None:
        seconds = error.retry_after_seconds
        metadata += [(RETRY_AFTER, str(seconds)), (PUSHBACK, str(seconds * MILLISECONDS))]
    if error.challenge is not None:
        metadata.append(("www-authenticate", error.challenge))
    # Names of metadata are in lower case.
    return metadata + [(name.lower(), value) for name, value in (error.headers or {}).items()]
