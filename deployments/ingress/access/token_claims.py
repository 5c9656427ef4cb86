"""Reading JSON Web Tokens with PyJWT: what is wrong with one, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt

from deployments.errors import Unauthenticated

Claims = dict[str, Any]

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired."),
    (jwt.ImmatureSignatureError, "The token is not valid yet."),
    (jwt.InvalidAudienceError, "The token is for another audience."),
    (jwt.InvalidIssuerError, "The token is from an issuer that is not accepted."),
    (jwt.InvalidAlgorithmError, "The token is signed with an algorithm that is not accepted."),
    (jwt.MissingRequiredClaimError, "The token lacks a claim that it must have."),
    (jwt.InvalidSignatureError, "The token's signature is wrong."),
)
UNREADABLE = "The token cannot be read."

# What hostile content may make a parser raise beside PyJWT's own errors.
_REFUSED = (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a token says of itself before anything of it is verified."""

    issuer: str
    key_id: str
    algorithm: str


def announced(token: str) -> Announced:
    """Read who is to verify a token, and with which key.

    Raises:
        Unauthenticated: it is no token, or does not say so.
    """
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
        said = (parts["payload"]["iss"], parts["header"]["kid"], parts["header"]["alg"])
    except _REFUSED:
        raise Unauthenticated.by(UNREADABLE) from None
    if not all(isinstance(each, str) for each in said):
        raise Unauthenticated.by(UNREADABLE)
    return Announced(*said)


def verified(
    token: str, key: Any, *, algorithms: list[str], issuer: str, audiences: list[str] | None, leeway: float
) -> Claims:
    """Verify a token's signature, issuer, audience and times.

    Args:
        token: the token.
        key: a public key of cryptography.
        algorithms: those that are accepted.
        issuer: the claim `iss` that it must have.
        audiences: it must have one of them as `aud`; None where the caller checks it.
        leeway: how far clocks may be apart, in seconds.

    Raises:
        Unauthenticated: it is not valid.
    """
    options: Any = {
        "require": ["exp", "iss", "aud"],
        "verify_aud": audiences is not None,
        "enforce_minimum_key_length": True,
    }
    try:
        return jwt.decode(
            token, key, algorithms=algorithms, issuer=issuer, audience=audiences, leeway=leeway, options=options
        )
    except _REFUSED as error:
        raise Unauthenticated.by(_reason(error)) from None


def _reason(error: Exception) -> str:
    return next((sentence for kind, sentence in _REASONS if isinstance(error, kind)), UNREADABLE)
