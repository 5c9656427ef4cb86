"""Who sent a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from deployments.errors import Forbidden
from deployments.ingress.access.roles import ADMIN, INVOKE, invoke_role

if TYPE_CHECKING:
    # The command line, which makes keys, starts without it.
    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever sent a request.

    Attributes:
        client_id: for logs and quotas: the client's name, for clients of an issuer `{issuer's name}/{client}`; letters,
            digits and harmless signs only.
        roles: what it may do.
        method: how it showed who it is: by key, by token of the service, by token of an issuer, or not at all.
        key_id: the public part of the key, also for a token that was issued for one.
    """

    client_id: str
    roles: frozenset[str]
    method: Literal["none", "key", "token", "oidc"]
    key_id: str | None = None

    def may_invoke(self, model: str) -> bool:
        """Whether it may score with a model."""
        return INVOKE in self.roles or f"{INVOKE}:{model}" in self.roles

    def check_invoke(self, model: str) -> None:
        """Make sure that it may score with a model.

        Raises:
            Forbidden: it may not.
        """
        if not self.may_invoke(model):
            raise Forbidden.without(invoke_role(model))

    def check_describe(self, model: str) -> None:
        """Make sure that it may read what a model is.

        Raises:
            Forbidden: it may not.
        """
        if ADMIN not in self.roles:
            self.check_invoke(model)


# Everybody, where no key is required.
ANYBODY = Principal("anonymous", frozenset({INVOKE, ADMIN}), "none")


def principal_of(request: Request) -> Principal:
    """Return who sent a request that passed the guard.

    Raises:
        KeyError: the route has no guard.
    """
    principal: Principal = request.scope["state"]["principal"]
    return principal
