"""A client of the scoring service, for threads and for event loops. It needs neither Ray nor a model library.

with ScoringClient("https://scoring.example.com", credentials=Keys(primary, secondary)) as client:
    client.ask("Which port does it listen on?", top_k=3, answers=True).best
    client.classify("lynx.jpg").best
"""

from serve_app.client.async_client import AsyncScoringClient
from serve_app.client.calls import CallOptions, FaqOptions, ImageOptions
from serve_app.client.credentials import Keys
from serve_app.client.errors import (
    BadRequest,
    ClientError,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    ModelError,
    NotFound,
    PayloadTooLarge,
    Problem,
    RequestTimeout,
    ServiceError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedResponse,
)
from serve_app.client.results import (
    Explanation,
    FaqResult,
    ImageClass,
    ImageExplanation,
    ImageResult,
    Match,
    ModelDescription,
    Origin,
    Tensor,
    Term,
)
from serve_app.client.retries import NO_RETRIES, Retries
from serve_app.client.sync_client import ScoringClient

__all__ = [
    "NO_RETRIES",
    "AsyncScoringClient",
    "BadRequest",
    "CallOptions",
    "ClientError",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Explanation",
    "FaqOptions",
    "FaqResult",
    "Forbidden",
    "ImageClass",
    "ImageExplanation",
    "ImageOptions",
    "ImageResult",
    "InvalidInput",
    "Keys",
    "Match",
    "ModelDescription",
    "ModelError",
    "NotFound",
    "Origin",
    "PayloadTooLarge",
    "Problem",
    "RequestTimeout",
    "Retries",
    "ScoringClient",
    "ServiceError",
    "Tensor",
    "Term",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedResponse",
]
