"""Keys, tokens and what refuses them in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Collection

from deployments.errors import Forbidden, ScoringError, Unauthenticated, Unavailable
from deployments.ingress.openapi_parts import error_responses, form_of
from deployments.json_schemas import Json

# Whoever watches over the service has no key.
OPEN_PATHS = frozenset({"/", "/v2/health/live", "/v2/health/ready"})

# What describes the service; a setting opens it.
DOCUMENTS = frozenset({"/docs", "/swagger.json", "/version", "/v2"})

CREDENTIALS = "a key, a token of this service or one of an OpenID Connect issuer"

SECURITY_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": f"`Bearer` and {CREDENTIALS}."},
    **{
        name: {"type": "apiKey", "in": "header", "name": name, "description": "The same without `Bearer`."}
        for name in ("x-api-key", "api-key")
    },
}

_REFUSALS: tuple[type[ScoringError], ...] = (Unauthenticated, Forbidden, Unavailable)


def secured(paths: Json, open_paths: Collection[str]) -> Json:
    """Add what every operation asks for and refuses, but for the open ones."""
    return {
        path: item
        if path in open_paths
        else {method: _with_access(path, operation) for method, operation in item.items()}
        for path, item in paths.items()
    }


def _with_access(path: str, operation: Json) -> Json:
    return {
        **operation,
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "responses": {**operation["responses"], **error_responses(_REFUSALS, form_of(path))},
    }
