"""FAQ matching as a kind of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from deployments.contracts import CallLimits
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.kinds import Kind, Surroundings, VersionSettings
from deployments.scaling import ScalingSettings, filled_from

if TYPE_CHECKING:
    from ray.serve import Application

    from deployments.interface import Interface
    from deployments.local_stage import LocalStage

# Of replicas of its own.
SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=64)

# Limits of a matcher in the gateway's process: questions of one call, and of the queue.
LOCAL = ScalingSettings(max_concurrent_requests=128)

# Resident memory of a replica at rest (docs/benchmarks.md), rounded up.
MEMORY_MB = 300


class FaqVersion(VersionSettings):
    """One version of an FAQ model."""

    model: FaqMatcherSettings = Field(default=FaqMatcherSettings(), description="Where the model comes from.")
    scaling: Annotated[ScalingSettings | None, filled_from(SCALING)] = Field(
        default=None,
        description="Replicas of the FAQ matcher, where it is an application of its own.",
    )


class FaqKind(Kind):
    """Matches questions with the originals of an FAQ."""

    name = "faq_matcher"
    title = "A model that matches questions with the originals of an FAQ."
    default_model = "faq"
    takes = "text"
    is_default = True
    settings = FaqVersion

    def bind(self, name: str, version: FaqVersion, surroundings: Surroundings) -> Application:
        """Bind a matcher."""
        from deployments.binding import bind_stage
        from deployments.faq_matcher.deployment import FAQ_MATCHER

        scaling = version.scaling or SCALING
        bound = bind_stage(FAQ_MATCHER, name, scaling, surroundings, callers=surroundings.callers)
        return bound(version.model, self.calls(version))

    def local(self, name: str, version: FaqVersion, surroundings: Surroundings) -> LocalStage:  # noqa: ARG002
        """Return a matcher."""
        from deployments.binding import class_of
        from deployments.faq_matcher.deployment import FAQ_MATCHER
        from deployments.local_stage import LocalStage

        return LocalStage(name, class_of(FAQ_MATCHER), (version.model, self.calls(version)))

    def calls(self, version: FaqVersion) -> CallLimits:
        """Return how a matcher is called."""
        return (LOCAL if version.application is None else version.scaling or SCALING).call_limits()

    def interface(self) -> Interface:
        """Return how they are asked."""
        from deployments.faq_matcher.protocols.interface import INTERFACE

        return INTERFACE

    def scalings(self, version: FaqVersion) -> Mapping[str, ScalingSettings]:
        """Return the matcher's."""
        return {"scaling": version.scaling or SCALING}

    def memory_mb(self, version: FaqVersion, gateway_replicas: int) -> int:
        """Return that of each matcher."""
        own = (version.scaling or SCALING).min_replicas
        return MEMORY_MB * (gateway_replicas if version.application is None else own)

    def curl(self) -> str:
        """Return a question."""
        body = json.dumps({"input": "Another program uses port 8000.", "top_k": 3})
        return f"-H 'content-type: application/json' -d '{body}'"


KIND = FaqKind()
