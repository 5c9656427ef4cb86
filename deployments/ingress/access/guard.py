"""The guard before a handler: tells who sends a request, and whether they may."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.access.authentication import Authenticator
from deployments.ingress.access.credentials import credential_of
from deployments.ingress.access.principals import ANYBODY, Principal
from deployments.ingress.access.service_tokens import ServiceToken
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.endpoints import Handler
from deployments.ingress.settings import Limits

# Raises Forbidden unless a principal may do what a request asks for.
Need = Callable[[Principal, Request], None]


class Guard:
    """Lets requests through to a handler, with who sent them as `scope["state"]["principal"]`.

    Args:
        limits: returns the ingress's settings.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._settings: AccessSettings | None = None
        self._authenticator = Authenticator(AccessSettings())

    def __call__(self, handler: Handler, need: Need) -> Handler:
        """Put the guard before a handler."""

        async def answer(request: Request) -> Response:
            principal = await self.admit(request.scope["headers"])
            request.scope.setdefault("state", {})["principal"] = principal
            need(principal, request)
            return await handler(request)

        return answer

    def documents(self, handler: Handler) -> Handler:
        """Put the guard before a handler of what describes the service, unless the settings leave that open."""
        guarded = self(handler, anybody)

        async def answer(request: Request) -> Response:
            return await (handler if self._limits().access.open_docs else guarded)(request)

        return answer

    async def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        """Tell who sends a request, by its headers; names in lower case.

        Raises:
            Unauthenticated: nobody who is known.
            Unavailable: it cannot be told at the moment.
        """
        settings = self._limits().access
        if not settings.is_required:
            return ANYBODY
        return await self._current(settings).authenticate(credential_of(headers))

    async def issue(self, principal: Principal, model: str) -> ServiceToken:
        """Issue a token for one model.

        Raises:
            Forbidden: the client showed no key, or may not score with the model.
            Unavailable: there is nothing to sign with.
        """
        return await self._current(self._limits().access).issue(principal, model)

    def _current(self, settings: AccessSettings) -> Authenticator:
        if settings is not self._settings:
            # Settings that are read again but say the same keep what is cached.
            if settings != self._settings:
                self._authenticator = Authenticator(settings)
            self._settings = settings
        return self._authenticator


def anybody(_principal: Principal, _request: Request) -> None:
    """Need no role, only a key or token."""


def invoking(model: str) -> Need:
    """Need the role to score with a model."""

    def need(principal: Principal, _request: Request) -> None:
        principal.check_invoke(model)

    return need


def invoking_named(principal: Principal, request: Request) -> None:
    """Need the role to score with the model that the path names."""
    principal.check_invoke(request.path_params["model"])


def describing_named(principal: Principal, request: Request) -> None:
    """Need the role to read what the model is that the path names."""
    principal.check_describe(request.path_params["model"])
