"""Every error that the client raises for what happens between it and the service.

    ClientError
    ├── ConnectionFailed        no connection, or one that broke before the answer was there
    ├── DeadlineExceeded        the time of the call was over; a TimeoutError too
    ├── UnexpectedResponse      an answer that is none of the service's
    └── ServiceError            what the service says itself (problem+json); any other status
        ├── BadRequest          400, 405, 415
        │   └── InvalidInput    422
        ├── Unauthenticated     401
        ├── Forbidden           403
        ├── NotFound            404
        ├── RequestTimeout      408
        ├── PayloadTooLarge     413
        ├── ModelError          424
        ├── TooManyRequests     429
        └── Unavailable         502, 503, 504

Messages never hold a key, a token, or a body that is not the service's own problem+json.
"""

from __future__ import annotations

from dataclasses import dataclass


class ClientError(Exception):
    """A call that has no result."""


class ConnectionFailed(ClientError):
    """There was no connection, or it broke before the answer was there.

    Attributes:
        may_pass: whether the same call may succeed a moment later.
    """

    def __init__(self, message: str, *, may_pass: bool = True) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class DeadlineExceeded(ClientError, TimeoutError):
    """The time of the call was over, all attempts and pauses together."""


class UnexpectedResponse(ClientError):
    """The answer has another form than the service's."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error response says (RFC 9457).

    Attributes:
        status: HTTP status.
        type: URI of the kind of problem; about:blank where `code` says it all.
        title: the status in words.
        detail: one sentence that says what is wrong.
        code: stable identifier of the kind of error; empty where something before the service answered.
        request_id: the request's identifier in the service's logs; empty where there is none.
        retry_after_seconds: after how long the service wants to be asked again; None where it does not say.
    """

    status: int
    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    code: str = ""
    request_id: str = ""
    retry_after_seconds: float | None = None


class ServiceError(ClientError):
    """The service answered with an error.

    Attributes:
        problem: what it says; its parts are attributes of the error as well.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        """The sentence, and what to look for in the service's logs."""
        parts = [f"{self.problem.status} {self.problem.code}".strip()]
        parts += [f"request {self.problem.request_id}"] if self.problem.request_id else []
        return f"{self.problem.detail} ({', '.join(parts)})"

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.problem.status

    @property
    def type(self) -> str:
        """URI of the kind of problem."""
        return self.problem.type

    @property
    def title(self) -> str:
        """The status in words."""
        return self.problem.title

    @property
    def detail(self) -> str:
        """One sentence that says what is wrong."""
        return self.problem.detail

    @property
    def code(self) -> str:
        """Stable identifier of the kind of error."""
        return self.problem.code

    @property
    def request_id(self) -> str:
        """The request's identifier in the service's logs."""
        return self.problem.request_id

    @property
    def retry_after_seconds(self) -> float | None:
        """After how long the service wants to be asked again."""
        return self.problem.retry_after_seconds


class BadRequest(ServiceError):
    """The request cannot be understood."""


class InvalidInput(BadRequest):
    """The request is well formed, its content is not what the model takes; `code` says what is wrong with it."""


class Unauthenticated(ServiceError):
    """There was no key or token, or none that is accepted."""


class Forbidden(ServiceError):
    """The key or token lacks a role."""


class NotFound(ServiceError):
    """There is no such model or version."""


class RequestTimeout(ServiceError):
    """The service's own deadline for the request passed."""


class PayloadTooLarge(ServiceError):
    """The body is over the service's limit."""


class ModelError(ServiceError):
    """The model failed on valid input."""


class TooManyRequests(ServiceError):
    """A quota is used up, or a queue is full."""


class Unavailable(ServiceError):
    """Nothing can answer at the moment: no replica, or a full queue (`code` is overloaded)."""


BY_STATUS: dict[int, type[ServiceError]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: BadRequest,
    408: RequestTimeout,
    413: PayloadTooLarge,
    415: BadRequest,
    422: InvalidInput,
    424: ModelError,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
