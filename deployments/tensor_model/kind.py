"""Kinds of models that are a signature and a class: the few lines that such a kind takes.

    KIND = TensorKind("word_counter", model="words.model:WordCounter", signature=SIGNATURE)

and an entry point of the group `scoring.kinds` that names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from deployments.hosted import Hosted
from deployments.kinds import BoundVersion, Kind, Surroundings, VersionSettings
from deployments.scaling import ScalingSettings, filled_from
from deployments.signature import Signature

if TYPE_CHECKING:
    from deployments.interface import Interface

# Of replicas of its own.
SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=64)

# Limits of a model that the ingress hosts.
HOSTED = ScalingSettings(max_concurrent_requests=128)


class NoSettings(BaseModel):
    """The settings of a kind that has none of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TensorVersion(VersionSettings):
    """One version of a model that is a signature and a class."""

    scaling: Annotated[ScalingSettings | None, filled_from(SCALING)] = Field(
        default=None,
        description="Replicas of the model's own. Without, each replica of the ingress has the model, which spares "
        "every request a call to another process.",
    )


class TensorKind(Kind):
    """Models that take and give tensors.

    Args:
        name: the kind's, as in the settings and in its entry point.
        model: where the model's class is, as in `package.module:Class`; its constructor gets the settings, and
            `predict(inputs, parameters)` gets arrays by name and returns arrays or lists by name.
        signature: what it takes and gives.
        settings: what a version may set under `model`.
        default_model: name of a model where the settings give none; the kind's if left out.
        platform: the library that runs it.
        resident_mb: memory of a replica at rest, in MiB.
    """

    def __init__(
        self,
        name: str,
        *,
        model: str,
        signature: Signature,
        settings: type[BaseModel] = NoSettings,
        default_model: str = "",
        platform: str = "python",
        resident_mb: int = 250,
    ) -> None:
        self.name = name  # type: ignore[misc]  # of one kind of many
        self.title = f"A model of the kind {name}."  # type: ignore[misc]
        self.default_model = default_model or name  # type: ignore[misc]
        self.settings = create_model(  # type: ignore[misc]
            f"{name}_version",
            __base__=TensorVersion,
            model=(settings, Field(default_factory=settings, description="What the model itself is to be.")),
        )
        self._model = model
        self._signature = signature
        self._platform = platform
        self._resident_mb = resident_mb

    def bind(self, model: str, version: Any, surroundings: Surroundings) -> BoundVersion:
        """Bind the model, or have the ingress host it."""
        from deployments.binding import bind_stage, class_of
        from deployments.tensor_model.deployment import TENSOR_MODEL

        # A signature that contradicts itself ends here, before anything starts.
        self.interface()
        name, scaling = f"{model}-{version.name}", version.scaling or HOSTED
        arguments = (self._model, self._signature, version.model, self._platform)
        stage: Any
        if version.scaling is None:
            stage = Hosted(name, class_of(TENSOR_MODEL), arguments)
        else:
            callers = surroundings.ingress_replicas
            stage = bind_stage(TENSOR_MODEL, name, scaling, surroundings, callers=callers)(*arguments)
        return BoundVersion(model, version.name, self.name, stage, scaling)

    @cached_property
    def _interface(self) -> Interface:
        from deployments.tensor_model.interface import SignatureInterface

        return SignatureInterface(self.name, self._signature)

    def interface(self) -> Interface:
        """Return how they are asked: as the signature says."""
        return self._interface

    def scalings(self, version: Any) -> Mapping[str, ScalingSettings]:
        """Return the model's."""
        return {"scaling": version.scaling or SCALING}

    def memory_mb(self, version: Any, ingress_replicas: int) -> int:
        """Return that of each replica."""
        return self._resident_mb * (ingress_replicas if version.scaling is None else version.scaling.min_replicas)

    def curl(self) -> str:
        """Return the example."""
        (_, example), *_ = self.interface().document().body["application/json"]["examples"].items()
        return f"-H 'content-type: application/json' -d '{json.dumps(example['value'])}'"
