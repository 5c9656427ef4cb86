"""Every error that a client may see.

    ScoringError                    500  internal_error
    ├── BadRequest                  400  bad_request
    │   ├── InvalidJson             400  invalid_json
    │   └── InvalidInput            422  invalid_input
    │       ├── InvalidImage        422  invalid_image
    │       └── InvalidText         422  invalid_text
    ├── Unauthenticated             401  unauthenticated
    ├── Forbidden                   403  forbidden
    ├── NotFound                    404  not_found
    ├── MethodNotAllowed            405  method_not_allowed
    ├── RequestTimeout              408  request_timeout
    ├── PayloadTooLarge             413  payload_too_large
    ├── UnsupportedMediaType        415  unsupported_media_type
    ├── ModelError                  424  model_error
    ├── QuotaExceeded               429  quota_exceeded
    ├── ClientGone                  499  client_gone
    └── Unavailable                 503  unavailable
        ├── NotStarted              503  not_started
        └── Overloaded              503  overloaded
            └── TooManyPending      429  too_many_pending

The message of an error is written for the client: it names what is wrong with the request and never holds a path,
a secret or a stack trace. Errors travel between processes, so they pickle.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class ScoringError(Exception):
    """An error with an HTTP status, a stable code for programs and a sentence for people.

    Attributes:
        status: HTTP status of the response.
        code: stable identifier that clients may compare; never changes its meaning.
        message: one sentence, safe to show.
        retry_after_seconds: when a client may try again; sent as Retry-After.
        challenge: how a client shows who it is; sent as WWW-Authenticate.
        headers: what else a response tells, by header.
    """

    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal_error"
    retry_after_seconds: int | None = None
    challenge: str | None = None
    headers: dict[str, str] | None = None

    def __init__(self, message: str = "The service failed to answer this request.") -> None:
        super().__init__(message)
        self.message = message

    @property
    def title(self) -> str:
        """The status in words; 499 is none of HTTP's own."""
        return HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Client Closed Request"


class BadRequest(ScoringError):
    """The request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad_request"


class InvalidJson(BadRequest):
    """The body is not JSON."""

    code = "invalid_json"


class InvalidInput(BadRequest):
    """The body is well formed, its content is not what the model takes."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid_input"


class InvalidImage(InvalidInput):
    """The bytes are no image that can be read, or one that is too large."""

    code = "invalid_image"


class InvalidText(InvalidInput):
    """The text cannot be scored."""

    code = "invalid_text"


class Unauthenticated(ScoringError):
    """The request shows no key or token, or none that is accepted."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"
    challenge = 'Bearer realm="scoring"'

    @classmethod
    def by(cls, message: str) -> Unauthenticated:
        """Return the error for a key or token that is there and not accepted (RFC 6750, section 3.1)."""
        error = cls(message)
        error.challenge = f'{cls.challenge}, error="invalid_token", error_description="{message}"'
        return error


class Forbidden(ScoringError):
    """The client is known and lacks a role."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"

    @classmethod
    def without(cls, role: str) -> Forbidden:
        """Return the error for a client that lacks a role."""
        error = cls(f"This needs the role {role}, which the client does not have.")
        error.challenge = f'Bearer realm="scoring", error="insufficient_scope", scope="{role}"'
        return error


class NotFound(ScoringError):
    """No such route or model."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class MethodNotAllowed(ScoringError):
    """The route exists, the method does not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"


class RequestTimeout(ScoringError):
    """The deadline of the request passed before its answer was there."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"


class PayloadTooLarge(ScoringError):
    """The body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "payload_too_large"


class UnsupportedMediaType(ScoringError):
    """The content type is not one that the route takes."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class ModelError(ScoringError):
    """The model failed on valid input."""

    status = HTTPStatus.FAILED_DEPENDENCY
    code = "model_error"


class QuotaExceeded(ScoringError):
    """The client has used up what it may."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "quota_exceeded"
    retry_after_seconds = 1


class ClientGone(ScoringError):
    """The client hung up; nobody reads the response, but logs and metrics tell it from a failure."""

    status = 499
    code = "client_gone"


class Unavailable(ScoringError):
    """No replica can answer at the moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    retry_after_seconds: int | None = 1


class NotStarted(Unavailable):
    """What should answer could not be started, and will not be without a person's help."""

    code = "not_started"
    retry_after_seconds = None


class Overloaded(Unavailable):
    """The queue of a stage is full."""

    code = "overloaded"


class TooManyPending(Overloaded):
    """The queue of a stage is full, told to clients that expect it so."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_pending"


class StartupError(Exception):
    """The application cannot start; the message is one sentence that says what to change."""
