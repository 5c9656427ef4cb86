"""A client of the scoring service, for threads and for event loops. It needs neither Ray nor a model library.

with ScoringClient("https://scoring.example.com", credentials=Keys(primary, secondary)) as client:
    client.predict("sums", {"values": [[1.0, 2.0]], "weights": [[0.5, 0.5]]})["sums"]
    client.predict("words", "to be or not to be", parameters={"least": 2}).outputs

A kind of models may have calls of its own, with results that are typed: `client.call(...)` makes them.
"""

from serve_app.client.async_client import AsyncScoringClient
from serve_app.client.calls import Call, CallOptions
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
from serve_app.client.inference.request import PredictOptions
from serve_app.client.results import ModelDescription, Origin, Prediction, Tensor
from serve_app.client.retries import NO_RETRIES, Retries
from serve_app.client.sync_client import ScoringClient

__all__ = [
    "NO_RETRIES",
    "AsyncScoringClient",
    "BadRequest",
    "Call",
    "CallOptions",
    "ClientError",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Forbidden",
    "InvalidInput",
    "Keys",
    "ModelDescription",
    "ModelError",
    "NotFound",
    "Origin",
    "PayloadTooLarge",
    "PredictOptions",
    "Prediction",
    "Problem",
    "RequestTimeout",
    "Retries",
    "ScoringClient",
    "ServiceError",
    "Tensor",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedResponse",
]
