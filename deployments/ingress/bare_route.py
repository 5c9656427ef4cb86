"""`POST /score`, as the reference applications have it: what the body holds decides which model answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from deployments.errors import InvalidInput
from deployments.ingress.access.principals import principal_of
from deployments.ingress.bodies import read_body
from deployments.ingress.deadlines import before_deadline
from deployments.ingress.endpoints import Handler
from deployments.ingress.json_bodies import is_json, parse_any
from deployments.ingress.large_bodies import aside
from deployments.ingress.models import Model, ModelTable, Takes
from deployments.ingress.settings import IngressSettings, Limits

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
    kinds = dict.fromkeys(model.takes for model in table)

    async def score(request: Request) -> Response:
        settings = limits()
        principal = principal_of(request)
        names = {takes: default_model(table, takes, settings.default_models).name for takes in kinds}
        if not any(map(principal.may_invoke, names.values())):
            # Refused before the body is read.
            principal.check_invoke(next(iter(names.values())))
        takes, request = await _told(request, list(names), settings)
        principal.check_invoke(names[takes])
        return await scorers[names[takes]](request)

    return score


async def _told(request: Request, kinds: Sequence[Takes], settings: IngressSettings) -> tuple[Takes, Request]:
    if len(kinds) == 1:
        # Its own errors tell more than a guess.
        return kinds[0], request
    if not is_json(request):
        return "images", request
    body = await before_deadline(request, settings, lambda _deadline: read_body(request, settings))
    return await aside(len(body), kind_of, body), replayed(request, body)


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
