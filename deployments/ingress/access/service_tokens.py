"""Tokens that the service issues to whoever shows a key: for one model, for a while, no longer than the key."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

import jwt

from deployments.errors import Forbidden, Unauthenticated
from deployments.ingress.access.key_file import KeyTable
from deployments.ingress.access.principals import Principal
from deployments.ingress.access.roles import INVOKE
from deployments.ingress.access.settings import SERVICE_ISSUER
from deployments.ingress.access.signing import SigningKeys
from deployments.ingress.access.token_claims import Claims, verified

ALGORITHM = "EdDSA"
AUDIENCE_PREFIX = "scoring:"

# The replica that verifies may have an earlier clock than the one that issued.
CLOCK_SKEW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A token as its owner gets it.

    Attributes:
        text: the token.
        refresh_after: when a client should get the next, in seconds since 1970.
        expires: when it is no longer accepted, in seconds since 1970.
    """

    text: str = field(repr=False)
    refresh_after: int
    expires: int


def check_may_have_token(principal: Principal, model: str) -> None:
    """Make sure that a client may have a token for a model.

    Raises:
        Forbidden: the client showed no key, or may not score with the model.
    """
    if principal.method != "key":
        raise Forbidden("A token is issued to whoever shows a key.")
    principal.check_invoke(model)


def issue(keys: SigningKeys, principal: Principal, model: str, seconds: int) -> ServiceToken:
    """Issue a token for one model.

    Raises:
        Forbidden: the client showed no key, or may not score with the model.
    """
    check_may_have_token(principal, model)
    now = int(time.time())
    claims: Claims = {
        "iss": SERVICE_ISSUER,
        "sub": principal.client_id,
        "aud": f"{AUDIENCE_PREFIX}{model}",
        "key": principal.key_id,
        "nbf": now - CLOCK_SKEW_SECONDS,
        "exp": now + seconds,
        "jti": secrets.token_hex(8),
    }
    key_id, private = keys.signer(now)
    text = jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": key_id, "typ": "at+jwt"})
    return ServiceToken(text, now + seconds // 2, now + seconds)


def verify(keys: SigningKeys, token: str, key_id: str) -> Claims:
    """Verify a token of the service; who holds its key now is for `holder` to say.

    Raises:
        Unauthenticated: it is not valid.
    """
    public = keys.verifier(key_id)
    if public is None:
        raise Unauthenticated.by("The token is signed with a key that is not known.")
    return verified(token, public, algorithms=[ALGORITHM], issuer=SERVICE_ISSUER, audiences=None, leeway=0)


def holder(table: KeyTable, claims: Claims) -> Principal:
    """Return who a verified token stands for.

    Raises:
        Unauthenticated: the key that it was issued for is revoked, or it is for no model.
    """
    key_id, audience = claims.get("key"), claims["aud"]
    if not isinstance(key_id, str) or not isinstance(audience, str) or not audience.startswith(AUDIENCE_PREFIX):
        raise Unauthenticated.by("The token is for another audience.")
    owner = table.holder(key_id)
    if owner is None:
        raise Unauthenticated.by("The key that the token was issued for is not valid any more.")
    model = audience.removeprefix(AUDIENCE_PREFIX)
    roles = frozenset({f"{INVOKE}:{model}"} if owner.may_invoke(model) else ())
    return Principal(owner.client_id, roles, "token", key_id)
