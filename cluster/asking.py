"""What a web service is asked over HTTP, by the routes of Azure Machine Learning."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from serve_app.client import ScoringClient
from serve_app.client.calls import Call
from serve_app.client.credentials import issue
from serve_app.client.payloads import Payload
from serve_app.client.readings import read_json

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Token:
    """A token for a model.

    Attributes:
        text: send it as Authorization: Bearer.
        refresh_after: when to get the next.
        expires: when it ends.
    """

    text: str = field(repr=False)
    refresh_after: datetime
    expires: datetime


def path_of(model: str) -> str:
    """Return the path under which a model has its routes."""
    return f"/api/v1/service/{quote(model, safe='')}"


def score(client: ScoringClient, model: str, body: str | bytes, media_type: str) -> Any:
    """Score a body and return the answer's JSON.

    Raises:
        ClientError: the service gives no result.
    """
    content = body.encode() if isinstance(body, str) else body
    return client.call(Call("POST", f"{path_of(model)}/score", read_json, model, Payload(content, media_type)))


def get_token(client: ScoringClient, model: str) -> Token:
    """Return a token for a model, with times on this machine's clock.

    Raises:
        ClientError: the service gives none.
    """
    issued = client.call(issue(model))
    now = time.time()
    return Token(issued.text.get_secret_value(), _at(now + issued.refresh_seconds), _at(now + issued.seconds))


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
