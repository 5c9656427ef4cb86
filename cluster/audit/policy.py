"""Which known vulnerabilities are accepted, why, and until when."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

from pydantic import Field, ValidationError

from cluster.model import ClusterModel
from deployments.errors import StartupError
from deployments.setting_errors import explain


class Accepted(ClusterModel):
    """One vulnerability that does not fail an audit."""

    id: str = Field(min_length=1, description="Its identifier, or one that it is also known by: GHSA, CVE, PYSEC.")
    reason: str = Field(min_length=10, description="Why it does no harm here, or what is waited for.")
    until: date = Field(description="The last day; then somebody looks again.")


class Policy(ClusterModel):
    """All that is accepted."""

    accepted: list[Accepted] = Field(default=[], description="Accepted vulnerabilities.")

    def expired(self, today: date) -> list[Accepted]:
        """Return what is accepted no longer."""
        return [rule for rule in self.accepted if rule.until < today]

    def accepts(self, names: frozenset[str], today: date) -> bool:
        """Whether a vulnerability with any of these names is accepted today."""
        return any(rule.id in names and rule.until >= today for rule in self.accepted)


def read_policy(path: Path) -> Policy:
    """Read a policy from TOML.

    Raises:
        StartupError: it cannot be read, or names every key that is wrong.
    """
    try:
        return Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise StartupError(f"The policy {path} cannot be read as TOML.") from None
    except ValidationError as error:
        lines = [f"  {key}: {problem}" for key, problem in explain(error, Policy).items()]
        raise StartupError("\n".join([f"{path} is not valid:", *lines])) from None
