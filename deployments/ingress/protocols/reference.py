"""The reference applications' protocol: `/{model}/score`, `/{model}/versions/{version}/score`, and `/score` for any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from deployments.codecs.body import Body, media_type_of
from deployments.contracts import ModelDescription
from deployments.errors import InvalidInput
from deployments.ingress.access.principals import Principal
from deployments.ingress.http_context import HttpContext
from deployments.ingress.http_response import JSON, HttpResponse
from deployments.ingress.pipeline import Endpoint, Protocol, Target
from deployments.ingress.protocols.headers import RawHeaders, model_headers
from deployments.ingress.routing.table import Model, ModelTable
from deployments.ingress.scoring import Scored
from deployments.interface import RequestLimits, Work, Written

Json = dict[str, Any]


class Reference(Protocol[HttpContext]):
    """Reads a body as the model's interface does; writes the result and how long it took."""

    def check(self, context: HttpContext, target: Target) -> None:
        """Leave it to the interface."""
        target.model.interface.check(media_type_of(context.header(b"content-type") or ""))

    def decode(
        self,
        context: HttpContext,  # noqa: ARG002
        body: Body,
        target: Target,
        limits: RequestLimits,
        description: ModelDescription | None,  # noqa: ARG002
    ) -> Work:
        """Leave it to the interface."""
        return target.model.interface.read(body, limits)

    def encode(self, context: HttpContext, target: Target, work: Work, scored: Scored) -> HttpResponse:
        """Write the result."""
        written: Written = work.write(scored.results)
        seconds = context.seconds()
        return json_response(target, scored, seconds, computed(written, seconds))


def computed(written: Written, seconds: float) -> Json:
    """Return a result in the form of the reference applications."""
    return {"result": [written.result, f"Computed in {seconds * 1000:.1f} ms"], **written.beside}


def json_response(target: Target, scored: Scored, seconds: float, content: Json) -> HttpResponse:
    """Return a JSON response, with headers that tell who answered and where time went."""
    if scored.weights == "untrained":
        content["weights"] = scored.weights
    return HttpResponse(orjson.dumps(content), [JSON, *headers_of(target, scored, seconds)])


def headers_of(target: Target, scored: Scored, seconds: float) -> RawHeaders:
    """Return the headers that tell who answered and where time went."""
    return model_headers(target.model.name, target.version.name, scored.weights, scored.seconds, seconds)


class ModelEndpoint(Endpoint[HttpContext]):
    """The way in for one model, or one of its versions.

    Args:
        protocol: of the requests.
        model: the model.
        version: of it; None for its default.
    """

    def __init__(self, protocol: Protocol[HttpContext], model: Model, version: str | None = None) -> None:
        super().__init__(protocol)
        self._model = model
        self._version = version

    def model(self, context: HttpContext) -> Model:  # noqa: ARG002
        """Return the model."""
        return self._model

    def version(self, context: HttpContext) -> str | None:  # noqa: ARG002
        """Return the version."""
        return self._version


class DispatchEndpoint(Endpoint[HttpContext]):
    """`POST /score`: what the body holds tells which model answers.

    Args:
        protocol: of the requests.
        table: the models; at least one of them claims some bodies for itself.
    """

    def __init__(self, protocol: Protocol[HttpContext], table: ModelTable) -> None:
        super().__init__(protocol)
        self._table = table
        self._takes = list(dict.fromkeys(takes for model in table if (takes := model.interface.takes) is not None))

    def model(self, context: HttpContext) -> Model | None:  # noqa: ARG002
        """Return None: only the body tells."""
        return None

    def authorize(self, context: HttpContext, principal: Principal) -> None:  # noqa: ARG002
        """Refuse who may score with none of the models."""
        models = self._models()
        if not any(principal.may_invoke(model.name) for model in models):
            principal.check_invoke(models[0].name)

    def find(self, context: HttpContext, body: Body) -> tuple[Model, str | None]:  # noqa: ARG002
        """Return the first model that claims the body.

        Raises:
            InvalidInput: none does.
        """
        models = self._models()
        for model in models:
            if model.interface.claims(body):
                return model, None
        *others, last = [phrase for model in models for phrase in model.interface.claimed]
        raise InvalidInput(f"The field 'input' must be {', '.join(others)}, or {last}.")

    def _models(self) -> list[Model]:
        return [default_model(self._table, takes, self._table.defaults) for takes in self._takes]


def dispatch_endpoint(protocol: Protocol[HttpContext], table: ModelTable) -> Endpoint[HttpContext]:
    """Return the endpoint of `POST /score`; where all models take one thing, their errors tell more than a guess."""
    takes = {model.interface.takes for model in table} - {None}
    if len(takes) > 1:
        return DispatchEndpoint(protocol, table)
    return OnlyEndpoint(protocol, table, next(iter(takes), None))


class OnlyEndpoint(Endpoint[HttpContext]):
    """`POST /score` where there is one kind of bodies: the default model for it answers.

    Args:
        protocol: of the requests.
        table: the models.
        takes: what the bodies hold; None where no model says.
    """

    def __init__(self, protocol: Protocol[HttpContext], table: ModelTable, takes: str | None) -> None:
        super().__init__(protocol)
        self._table = table
        self._takes = takes

    def model(self, context: HttpContext) -> Model:  # noqa: ARG002
        """Return the default model."""
        if self._takes is None:
            return next(iter(self._table))
        return default_model(self._table, self._takes, self._table.defaults)


def default_model(table: ModelTable, takes: str, defaults: Mapping[str, str]) -> Model:
    """Return the model that the settings name for what a request holds, else the first that takes it."""
    if takes in defaults:
        return table.find(defaults[takes])
    return next(model for model in table if model.interface.takes == takes)
