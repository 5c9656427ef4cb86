"""Tokens of OpenID Connect issuers, such as Microsoft Entra ID."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from deployments.errors import Unauthenticated
from deployments.ingress.access.issuer_keys import IssuerKeys
from deployments.ingress.access.principals import Principal
from deployments.ingress.access.roles import known_roles
from deployments.ingress.access.settings import IssuerSettings
from deployments.ingress.access.token_claims import Announced, Claims, verified

# What may stand in a log line unquoted.
_HARMLESS = re.compile(r"[A-Za-z0-9._:@|+=/-]{1,128}")


class Issuer:
    """One issuer: verifies its tokens and reads clients and roles from them.

    Args:
        settings: what its tokens must be like.
        keys: its public keys.
    """

    def __init__(self, settings: IssuerSettings, keys: IssuerKeys) -> None:
        self._settings = settings
        self._keys = keys

    async def verify(self, token: str, said: Announced) -> Claims:
        """Verify a token that says it is from this issuer.

        Raises:
            Unauthenticated: it is not valid.
            Unavailable: the issuer's keys cannot be had.
        """
        settings = self._settings
        if said.algorithm not in settings.algorithms:
            raise Unauthenticated.by("The token is signed with an algorithm that is not accepted.")
        key = await self._keys.find(said.key_id)
        # An issuer that names an algorithm for a key means it for no other.
        algorithms = [each for each in settings.algorithms if key.algorithm in {None, each}]
        return verified(
            token,
            key.public,
            algorithms=list(algorithms),
            issuer=settings.issuer,
            audiences=settings.audiences,
            leeway=settings.clock_skew_seconds,
        )

    def principal(self, claims: Claims) -> Principal:
        """Return who a verified token stands for.

        Raises:
            Unauthenticated: it names no client.
        """
        return Principal(f"{self._settings.name}/{self._client(claims)}", self._roles(claims), "oidc")

    def _client(self, claims: Claims) -> str:
        names = (claims.get(claim) for claim in self._settings.client_claims)
        name = next((name for name in names if isinstance(name, str) and name), None)
        if name is None:
            raise Unauthenticated.by("The token names no client.")
        return name if _HARMLESS.fullmatch(name) else "sha256-" + hashlib.sha256(name.encode()).hexdigest()[:32]

    def _roles(self, claims: Claims) -> frozenset[str]:
        return frozenset[str]().union(*(_texts(_at(claims, claim)) for claim in self._settings.role_claims))


def _at(claims: Claims, path: str) -> Any:
    """Return a claim: by its whole name, which may hold dots, or by a path of names."""
    if path in claims:
        return claims[path]
    place: Any = claims
    for name in path.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return place


def _texts(value: Any) -> frozenset[str]:
    return known_roles(value.split(" ") if isinstance(value, str) else value if isinstance(value, list) else ())
