"""Image classification as a kind of models: a preprocess stage before a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from deployments.hosted import Hosted
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.kinds import BoundVersion, Kind, Surroundings, VersionSettings
from deployments.preprocess.settings import PreprocessSettings
from deployments.scaling import ScalingSettings, filled_from

if TYPE_CHECKING:
    from deployments.interface import Interface

# Of replicas of their own.
PREPROCESS_SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=32)
CLASSIFIER_SCALING = ScalingSettings()

# Resident memory of a replica at rest (docs/benchmarks.md), rounded up.
PREPROCESS_MB = 250
CLASSIFIER_MB = 1200


class ImageVersion(VersionSettings):
    """One version of an image model."""

    model: ImageClassifierSettings = Field(
        default=ImageClassifierSettings(), description="Architecture, weights and labels."
    )
    scaling: ScalingSettings | None = Field(
        default=None,
        description="Replicas of the image classifier's own. Without, the ingress has it, if it needs no GPU and the "
        "ingress is one replica; else it has one of its own.",
    )
    preprocess: PreprocessSettings = Field(default=PreprocessSettings(), description="How images are decoded.")
    preprocess_scaling: Annotated[ScalingSettings | None, filled_from(PREPROCESS_SCALING)] = Field(
        default=None,
        description="Replicas of the preprocess stage's own. Without, the replicas of the ingress decode images.",
    )


class ImageKind(Kind):
    """Classifies images."""

    name = "image_classifier"
    title = "A model that classifies images."
    default_model = "image"
    takes = "images"
    is_default = True
    settings = ImageVersion

    def bind(self, model: str, version: ImageVersion, surroundings: Surroundings) -> BoundVersion:
        """Bind a classifier and the preprocess stage before it, or have the ingress host them."""
        from deployments.binding import bind_stage, class_of
        from deployments.preprocess.deployment import PREPROCESS

        name = f"{model}-{version.name}-preprocess"
        scaling, own = version.scaling or CLASSIFIER_SCALING, version.preprocess_scaling
        explained = version.model.explanations.most_under_way(scaling.max_replicas)
        by_all = explained * surroundings.ingress_replicas
        arguments = (version.preprocess, self._classifier(model, version, surroundings, by_all), scaling, by_all)
        bound = partial(BoundVersion, model, version.name, self.name, max_explanations=explained)
        if own is None:
            # Decoders take images one by one, and each goes on to the classifier's queue as soon as it is decoded.
            return bound(Hosted(name, class_of(PREPROCESS), arguments), PREPROCESS_SCALING, together=False)
        callers = surroundings.ingress_replicas
        preprocess = bind_stage(PREPROCESS, name, own, surroundings, callers=callers, explanations=by_all)
        return bound(preprocess(*arguments), own)

    def _classifier(self, model: str, version: ImageVersion, surroundings: Surroundings, explanations: int) -> Any:
        from deployments.binding import bind_stage, class_of
        from deployments.image_classifier.deployment import IMAGE_CLASSIFIER

        name = f"{model}-{version.name}"
        if self.needs_all_cores(version, surroundings):
            keywords = {"allow_untrained": surroundings.is_local}
            return Hosted(name, class_of(IMAGE_CLASSIFIER), (version.model,), keywords)
        own = version.preprocess_scaling
        bound = bind_stage(
            IMAGE_CLASSIFIER,
            name,
            version.scaling or CLASSIFIER_SCALING,
            surroundings,
            callers=surroundings.ingress_replicas if own is None else own.max_replicas,
            explanations=explanations,
            gpus=_gpus(version),
        )
        return bound(version.model, allow_untrained=surroundings.is_local)

    def needs_all_cores(self, version: ImageVersion, surroundings: Surroundings) -> bool:
        """Whether the ingress hosts the classifier: one that has no settings of its own and needs no GPU."""
        if version.scaling is not None or version.preprocess_scaling is not None or not surroundings.may_host_all:
            return False
        return _gpus(version) == 0

    def interface(self) -> Interface:
        """Return how they are asked."""
        from deployments.image_classifier.protocols.interface import INTERFACE

        return INTERFACE

    def scalings(self, version: ImageVersion) -> Mapping[str, ScalingSettings]:
        """Return those of both stages."""
        return {
            "scaling": version.scaling or CLASSIFIER_SCALING,
            "preprocess_scaling": version.preprocess_scaling or PREPROCESS_SCALING,
        }

    def gpu_stages(self, version: ImageVersion) -> frozenset[str]:
        """Return the classifier's where the settings name a number of GPUs."""
        return frozenset({"scaling"}) if version.model.gpus not in (0, "auto") else frozenset()

    def memory_mb(self, version: ImageVersion, ingress_replicas: int) -> int:
        """Return that of each classifier and each preprocess stage."""
        classifiers = 1 if version.scaling is None else version.scaling.min_replicas
        own = version.preprocess_scaling
        return CLASSIFIER_MB * classifiers + PREPROCESS_MB * (ingress_replicas if own is None else own.min_replicas)

    def curl(self) -> str:
        """Return an image file."""
        return "-H 'content-type: image/jpeg' --data-binary @photo.jpg"


def _gpus(version: ImageVersion) -> float:
    from deployments.binding import gpus_of_ray
    from deployments.image_classifier.gpus import reserved_gpus

    return reserved_gpus(version.model, gpus_of_ray())


KIND = ImageKind()
