"""FAQ matching as a kind of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.hosted import Hosted
from deployments.kinds import BoundVersion, Kind, Surroundings, VersionSettings
from deployments.scaling import ScalingSettings, filled_from

if TYPE_CHECKING:
    from deployments.interface import Interface

# Of replicas of its own.
SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=64)

# Limits of a matcher that the ingress hosts: questions of one call, and of the queue.
HOSTED = ScalingSettings(max_concurrent_requests=128)

# Resident memory of a replica at rest (docs/benchmarks.md), rounded up.
MEMORY_MB = 300


class FaqVersion(VersionSettings):
    """One version of an FAQ model."""

    model: FaqMatcherSettings = Field(default=FaqMatcherSettings(), description="Where the model comes from.")
    scaling: Annotated[ScalingSettings | None, filled_from(SCALING)] = Field(
        default=None,
        description="Replicas of the FAQ matcher's own. Without, each replica of the ingress has the model, which "
        "spares every request a call to another process.",
    )


class FaqKind(Kind):
    """Matches questions with the originals of an FAQ."""

    name = "faq_matcher"
    title = "A model that matches questions with the originals of an FAQ."
    default_model = "faq"
    takes = "text"
    is_default = True
    settings = FaqVersion

    def bind(self, model: str, version: FaqVersion, surroundings: Surroundings) -> BoundVersion:
        """Bind a matcher of its own, or have the ingress host it."""
        from deployments.binding import bind_stage, class_of
        from deployments.faq_matcher.deployment import FAQ_MATCHER

        name, scaling = f"{model}-{version.name}", version.scaling or HOSTED
        stage: Any
        if version.scaling is None:
            stage = Hosted(name, class_of(FAQ_MATCHER), (version.model,))
        else:
            bound = bind_stage(FAQ_MATCHER, name, scaling, surroundings, callers=surroundings.ingress_replicas)
            stage = bound(version.model)
        return BoundVersion(model, version.name, self.name, stage, scaling)

    def interface(self) -> Interface:
        """Return how they are asked."""
        from deployments.faq_matcher.protocols.interface import INTERFACE

        return INTERFACE

    def scalings(self, version: FaqVersion) -> Mapping[str, ScalingSettings]:
        """Return the matcher's."""
        return {"scaling": version.scaling or SCALING}

    def memory_mb(self, version: FaqVersion, ingress_replicas: int) -> int:
        """Return that of each matcher."""
        return MEMORY_MB * (ingress_replicas if version.scaling is None else version.scaling.min_replicas)

    def curl(self) -> str:
        """Return a question."""
        body = json.dumps({"input": "Another program uses port 8000.", "top_k": 3})
        return f"-H 'content-type: application/json' -d '{body}'"


KIND = FaqKind()
