"""`POST /score`, as the reference applications have it: what the body holds decides which model answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from deployments.errors import InvalidInput
from deployments.ingress.access.principals import principal_of
from deployments.ingress.bodies import read_body
from deployments.ingress.endpoints import Handler
from deployments.ingress.json_bodies import is_json, parse_any
from deployments.ingress.models import Model, ModelTable, Takes
from deployments.ingress.settings import Limits

# Nearly every body begins with its input, so that it need not be read twice.
_INPUT_FIRST = re.compile(rb'\s*\{\s*"input"\s*:\s*(["\[{])')
_TAKES: dict[bytes, Takes] = {b'"': "text", b"[": "text", b"{": "images"}


def bare_route(table: ModelTable, limits: Limits, scorers: Mapping[str, Handler]) -> Handler:
    """Return the handler of `POST /score`.

    Args:
        table: the models.
        limits: the limits, and which model is the default of its kind.
        scorers: what scores with a model, by its name; the guard before this route lets anybody through that it knows,
            and the role for the model is asked for here.
    """
    kinds = {model.takes: None for model in table}

    async def score(request: Request) -> Response:
        settings = limits()
        principal = principal_of(request)
        defaults = {takes: default_model(table, takes, settings.default_models).name for takes in kinds}
        if not any(map(principal.may_invoke, defaults.values())):
            # Refused before the body is read.
            principal.check_invoke(next(iter(defaults.values())))
        if len(defaults) == 1:
            # Its own errors tell more than a guess.
            (takes,) = defaults
        elif is_json(request):
            body = await read_body(request, settings.max_body_bytes)
            takes = kind_of(body)
            request = replayed(request, body)
        else:
            takes = "images"
        principal.check_invoke(defaults[takes])
        return await scorers[defaults[takes]](request)

    return score


def default_model(table: ModelTable, takes: Takes, defaults: Mapping[Takes, str]) -> Model:
    """Return the model that the settings name for what a request holds, else the first that takes it."""
    if takes in defaults:
        return table.find(defaults[takes])
    return next(model for model in table if model.takes == takes)


def kind_of(body: bytes) -> Takes:
    """Tell from a JSON body what it holds.

    Raises:
        InvalidJson: it is not JSON.
        InvalidInput: its input is neither text nor images.
    """
    if match := _INPUT_FIRST.match(body):
        return _TAKES[match[1]]
    content = parse_any(body)
    held: Any = content.get("input") if isinstance(content, dict) else None
    if isinstance(held, str | list):
        return "text"
    if isinstance(held, dict):
        return "images"
    raise InvalidInput("The field 'input' must be a text, a list of texts, or an object of images by name.")


def replayed(request: Request, body: bytes) -> Request:
    """Return a request whose body, which was read already, can be read again."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await request.receive()

    return Request(request.scope, receive)
