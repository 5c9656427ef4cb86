"""Image classification as a kind of models: a preprocess stage before a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from deployments.contracts import CallLimits
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.kinds import Kind, Surroundings, VersionSettings
from deployments.preprocess.settings import PreprocessSettings
from deployments.scaling import ScalingSettings, filled_from

if TYPE_CHECKING:
    from ray.serve import Application

    from deployments.interface import Interface
    from deployments.local_stage import LocalStage

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
        default=None, description="Replicas of the classifier, where the version is an application of its own."
    )
    preprocess: PreprocessSettings = Field(default=PreprocessSettings(), description="How images are decoded.")
    preprocess_scaling: Annotated[ScalingSettings | None, filled_from(PREPROCESS_SCALING)] = Field(
        default=None, description="Replicas of the stage that decodes images, likewise."
    )


class ImageKind(Kind):
    """Classifies images."""

    name = "image_classifier"
    title = "A model that classifies images."
    default_model = "image"
    takes = "images"
    is_default = True
    settings = ImageVersion

    def bind(self, name: str, version: ImageVersion, surroundings: Surroundings) -> Application:
        """Bind a classifier, and the preprocess stage before it."""
        from deployments.binding import bind_stage
        from deployments.image_classifier.deployment import IMAGE_CLASSIFIER
        from deployments.preprocess.deployment import PREPROCESS

        own, before = _scalings(version)
        explained = self.calls(version).explanations
        by_all = explained * surroundings.callers
        of_classifier = bind_stage(
            IMAGE_CLASSIFIER,
            name,
            own,
            surroundings,
            callers=before.max_replicas,
            explanations=by_all,
            gpus=_gpus(version),
        )
        classifier = of_classifier(version.model, allow_untrained=surroundings.is_local)
        of_preprocess = bind_stage(
            PREPROCESS,
            self.first_stage(name),
            before,
            surroundings,
            callers=surroundings.callers,
            explanations=by_all,
        )
        calls = own.call_limits(explanations=by_all)
        return of_preprocess(version.preprocess, classifier, calls, self.calls(version))

    def first_stage(self, name: str) -> str:
        """Return that of the preprocess stage."""
        return f"{name}-preprocess"

    def local(self, name: str, version: ImageVersion, surroundings: Surroundings) -> LocalStage:
        """Return the preprocess stage, with the classifier behind it."""
        from deployments.binding import class_of
        from deployments.image_classifier.deployment import IMAGE_CLASSIFIER
        from deployments.local_stage import LocalStage
        from deployments.preprocess.deployment import Preprocess

        keywords = {"allow_untrained": surroundings.is_local}
        classifier = LocalStage(name, class_of(IMAGE_CLASSIFIER), (version.model,), keywords)
        calls = self.calls(version)
        behind = CLASSIFIER_SCALING.call_limits(explanations=calls.explanations)
        return LocalStage(self.first_stage(name), Preprocess, (version.preprocess, classifier, behind, calls))

    def calls(self, version: ImageVersion) -> CallLimits:
        """Return how the preprocess stage is called."""
        own, before = _scalings(version)
        if version.application is None:
            # Decoders take images one by one, and each goes on to the classifier's queue as soon as it is decoded.
            explained = version.model.explanations.most_under_way(CLASSIFIER_SCALING.max_replicas)
            return PREPROCESS_SCALING.call_limits(together=False, explanations=explained)
        return before.call_limits(explanations=version.model.explanations.most_under_way(own.max_replicas))

    def hosts(self, version: Mapping[str, Any]) -> Mapping[str, str]:
        """Return where weights are published, if they are not the settings' own."""
        settings = version.get("model") or {}
        keras = settings.get("keras") or {}
        if "model_dir" in settings or settings.get("download") is False:
            return {}
        if keras.get("application") and not keras.get("uri"):
            return {"storage.googleapis.com": "weights of Keras"}
        if not keras and not settings.get("weights_uri"):
            return {"download.pytorch.org": "weights of torchvision"}
        return {}

    def takes_all_cores(self, version: ImageVersion) -> bool:  # noqa: ARG002
        """Return that it does."""
        return True

    def wants_gpu(self, version: ImageVersion) -> bool:
        """Whether it would be on a GPU."""
        return _gpus(version) > 0

    def interface(self) -> Interface:
        """Return how they are asked."""
        from deployments.image_classifier.protocols.interface import INTERFACE

        return INTERFACE

    def scalings(self, version: ImageVersion) -> Mapping[str, ScalingSettings]:
        """Return those of both stages."""
        own, before = _scalings(version)
        return {"scaling": own, "preprocess_scaling": before}

    def gpu_stages(self, version: ImageVersion) -> frozenset[str]:
        """Return the classifier's where the settings name a number of GPUs."""
        return frozenset({"scaling"}) if version.model.gpus not in (0, "auto") else frozenset()

    def memory_mb(self, version: ImageVersion, gateway_replicas: int) -> int:
        """Return that of each classifier and each preprocess stage."""
        if version.application is None:
            return (CLASSIFIER_MB + PREPROCESS_MB) * gateway_replicas
        own, before = _scalings(version)
        return CLASSIFIER_MB * own.min_replicas + PREPROCESS_MB * before.min_replicas

    def curl(self) -> str:
        """Return an image file."""
        return "-H 'content-type: image/jpeg' --data-binary @photo.jpg"


def _scalings(version: ImageVersion) -> tuple[ScalingSettings, ScalingSettings]:
    """Return those of the classifier and of the stage before it, which an application of its own has."""
    return version.scaling or CLASSIFIER_SCALING, version.preprocess_scaling or PREPROCESS_SCALING


def _gpus(version: ImageVersion) -> float:
    from deployments import gpus
    from deployments.image_classifier.gpus import reserved_gpus

    return reserved_gpus(version.model, gpus.gpus_of_ray())


KIND = ImageKind()
