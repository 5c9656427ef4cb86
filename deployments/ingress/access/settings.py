"""Who may use the service: settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_dir
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

DIRECTORY_VARIABLE = "SCORING_ACCESS"

# What the service calls itself in the tokens that it issues.
SERVICE_ISSUER = "ray-scoring"

# Signed with a private key that the service never has: a public key cannot be mistaken for a shared secret.
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # fmt: skip

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_fetched_safely(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise ValueError("must be a URL") from None
    if not host or parts.scheme not in {"https", "http"} or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an https:// URL without query, fragment or user")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError("must be an https:// URL; http:// is for this machine alone")
    return url


Url = Annotated[str, AfterValidator(_is_fetched_safely)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class IssuerSettings(_Settings):
    """An OpenID Connect issuer whose tokens are accepted."""

    name: str = Field(
        default="oidc",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$",
        description="Stands before the client's own name in logs and quotas: {name}/{client}.",
    )
    issuer: Url = Field(
        description="As in the tokens' claim `iss`; its keys are found by {issuer}/.well-known/openid-configuration."
    )
    audiences: list[str] = Field(min_length=1, description="Values of the claim `aud` of which a token must have one.")
    algorithms: list[Algorithm] = Field(
        default=["RS256"], min_length=1, description="Algorithms that tokens may be signed with; asymmetric ones only."
    )
    role_claims: list[str] = Field(
        default=["roles"],
        min_length=1,
        description="Claims that hold roles, as a list or as words of one text; `a.b` is the claim b inside a.",
    )
    client_claims: list[str] = Field(
        default=["azp", "appid", "client_id", "sub"],
        min_length=1,
        description="Claims that name the client; the first that a token has is taken.",
    )
    jwks_uri: Url | None = Field(default=None, description="Where the keys are, for an issuer without discovery.")
    clock_skew_seconds: float = Field(
        default=60, ge=0, le=300, description="How far the issuer's clock may be from this one's."
    )
    refresh_seconds: float = Field(
        default=300, ge=10, le=86400, description="How often the issuer's keys are fetched while requests come."
    )
    cooldown_seconds: float = Field(
        default=30,
        ge=1,
        le=3600,
        description="Between two fetches for keys that are not known, and after a failed one.",
    )


class AccessSettings(_Settings):
    """Who may send requests; health routes are open to everybody."""

    required: bool | None = Field(
        default=None, description="Whether requests need a key or a token. Unset: yes, except in `profile: local`."
    )
    directory: Path | None = Field(
        default=None,
        description=(
            "Holds keys.json (hashes of keys) and signing.json (what signs tokens); every replica of the ingress must "
            f"see it. Unset: where the environment variable {DIRECTORY_VARIABLE} says, else in the user's data "
            "directory."
        ),
    )
    open_docs: bool = Field(
        default=False, description="Whether /docs, /swagger.json, /version and /v2 need no key either."
    )
    token_seconds: int = Field(
        default=3600, ge=60, le=86400, description="How long a token that the service issues is valid."
    )
    issuers: list[IssuerSettings] = Field(default=[], description="OpenID Connect issuers besides the service itself.")

    @field_validator("directory")
    @classmethod
    def _is_found_from_everywhere(cls, directory: Path | None) -> Path | None:
        if directory is not None and not directory.is_absolute():
            # Replicas have working directories of their own.
            raise ValueError("must be an absolute path")
        return directory

    @field_validator("issuers")
    @classmethod
    def _are_told_apart(cls, issuers: list[IssuerSettings]) -> list[IssuerSettings]:
        for what in ("name", "issuer"):
            values = [getattr(issuer, what) for issuer in issuers]
            if len(set(values)) < len(values):
                raise ValueError(f"two issuers have the same {what}")
        return issuers

    @property
    def is_required(self) -> bool:
        """Whether requests need a key or a token; in doubt they do."""
        return self.required is not False

    @property
    def place(self) -> Path:
        """The directory, wherever it is set."""
        return self.directory or default_directory()


def default_directory() -> Path:
    """Return the directory that is used where the settings name none."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    return Path(named).absolute() if named else Path(user_data_dir("ray-scoring")) / "access"
