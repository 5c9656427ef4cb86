"""A key of whoever started the service, for as long as it runs.

`scoring serve` asks its own service what its models are, over HTTP as everybody does. It keeps the key in memory; the
replicas get the hash, in an environment variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from deployments.ingress.access.keys import Key, StoredKey, stored
from deployments.ingress.access.principals import Principal
from deployments.ingress.access.roles import ADMIN

LAUNCH_VARIABLE = "SCORING_LAUNCH_KEY_HASH"

_LAUNCHER = "scoring-serve"


def environment_for(key: Key) -> dict[str, str]:
    """Return the variable that lets a key into the replicas that are started with it."""
    return {LAUNCH_VARIABLE: stored(key, datetime.now(UTC)).model_dump_json()}


class LaunchKey:
    """What a replica knows of the key; nothing where it was not started with one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        told = environment.get(LAUNCH_VARIABLE)
        try:
            self._stored = StoredKey.model_validate_json(told) if told else None
        except ValueError:
            self._stored = None

    def owner(self, key: Key) -> Principal | None:
        """Return who has this key, if it is the one."""
        if self._stored is None or key.id != self._stored.id or not self._stored.is_of(key.secret):
            return None
        return Principal(_LAUNCHER, frozenset({ADMIN}), "key", key.id)
