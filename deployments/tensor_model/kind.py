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

from deployments.contracts import CallLimits
from deployments.kinds import Kind, Surroundings, VersionSettings
from deployments.scaling import ScalingSettings, filled_from
from deployments.signature import Signature

if TYPE_CHECKING:
    from ray.serve import Application

    from deployments.interface import Interface
    from deployments.local_stage import LocalStage

# Of replicas of its own.
SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=64)

# Limits of a model in the gateway's process.
LOCAL = ScalingSettings(max_concurrent_requests=128)


class NoSettings(BaseModel):
    """The settings of a kind that has none of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TensorVersion(VersionSettings):
    """One version of a model that is a signature and a class."""

    scaling: Annotated[ScalingSettings | None, filled_from(SCALING)] = Field(
        default=None,
        description="Replicas of the model, where the version is an application of its own.",
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

    def bind(self, name: str, version: Any, surroundings: Surroundings) -> Application:
        """Bind the model."""
        from deployments.binding import bind_stage
        from deployments.tensor_model.deployment import TENSOR_MODEL

        # A signature that contradicts itself ends here, before anything starts.
        self.interface()
        scaling = version.scaling or SCALING
        bound = bind_stage(TENSOR_MODEL, name, scaling, surroundings, callers=surroundings.callers)
        return bound(*self._arguments(version))

    def local(self, name: str, version: Any, surroundings: Surroundings) -> LocalStage:  # noqa: ARG002
        """Return the model."""
        from deployments.binding import class_of
        from deployments.local_stage import LocalStage
        from deployments.tensor_model.deployment import TENSOR_MODEL

        return LocalStage(name, class_of(TENSOR_MODEL), self._arguments(version))

    def _arguments(self, version: Any) -> tuple[Any, ...]:
        return self._model, self._signature, version.model, self._platform, self.calls(version)

    def calls(self, version: Any) -> CallLimits:
        """Return how the model is called."""
        return (LOCAL if version.application is None else version.scaling or SCALING).call_limits()

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

    def memory_mb(self, version: Any, gateway_replicas: int) -> int:
        """Return that of each replica."""
        own = (version.scaling or SCALING).min_replicas
        return self._resident_mb * (gateway_replicas if version.application is None else own)

    def curl(self) -> str:
        """Return the example."""
        (_, example), *_ = self.interface().document().body["application/json"]["examples"].items()
        return f"-H 'content-type: application/json' -d '{json.dumps(example['value'])}'"
