"""The kinds of models that the builder knows, one entry each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import ray
from ray.serve import Application, Deployment

from deployments.autoscaling import stage_options
from deployments.faq_matcher.deployment import FAQ_MATCHER
from deployments.hosted import Hosted
from deployments.image_classifier.conversion.model_files import kind_of
from deployments.image_classifier.deployment import IMAGE_CLASSIFIER
from deployments.image_classifier.engines.machine import NVIDIA, may_have_gpu
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.ingress.deployment import BoundVersion
from deployments.preprocess.deployment import PREPROCESS
from deployments.scaling import ScalingSettings, resources
from serve_app.settings import (
    CLASSIFIER_SCALING,
    PREPROCESS_SCALING,
    ApplicationSettings,
    FaqModel,
    FaqVersion,
    ImageModel,
    ImageVersion,
)

# A draining replica finishes the longest request that the ingress lets through, and a little more.
DRAIN_MARGIN_SECONDS = 5

# Limits of a matcher that the ingress hosts: questions of one call, and of the queue.
HOSTED_MATCHER = ScalingSettings(max_concurrent_requests=128)

Bind = Callable[[Any, ApplicationSettings], list[BoundVersion]]


def bind_faq_matcher(model: FaqModel, application: ApplicationSettings) -> list[BoundVersion]:
    """Bind one deployment for each version that is to have replicas of its own; the ingress hosts the others."""
    bound = []
    for version in model.versions:
        name, scaling = f"{model.name}-{version.name}", version.scaling or HOSTED_MATCHER
        stage: Application | Hosted
        if is_hosted(version, application):
            stage = Hosted(name, _class_of(FAQ_MATCHER), (version.model,))
        else:
            callers = application.ingress.scaling.max_replicas
            stage = _bound(FAQ_MATCHER, name, scaling, application, callers=callers)(version.model)
        bound.append(BoundVersion(model.name, version.name, "text", stage, scaling))
    return bound


def bind_image_classifier(model: ImageModel, application: ApplicationSettings) -> list[BoundVersion]:
    """Bind a classifier for each version, and the preprocess stage before it, which the ingress may host."""
    return [_image_version(model.name, version, application) for version in model.versions]


def _image_version(model: str, version: ImageVersion, application: ApplicationSettings) -> BoundVersion:
    name = f"{model}-{version.name}"
    ingress = application.ingress.scaling.max_replicas
    scaling, own = version.scaling or CLASSIFIER_SCALING, version.preprocess_scaling
    explained = version.model.explanations.most_under_way(scaling.max_replicas)
    explained_by_all = explained * ingress
    is_local = application.profile == "local"
    classifier: Application | Hosted
    if is_hosted(version, application):
        keywords = {"allow_untrained": is_local}
        classifier = Hosted(name, _class_of(IMAGE_CLASSIFIER), (version.model,), keywords)
    else:
        callers = ingress if own is None else own.max_replicas
        classifier = _bound(
            IMAGE_CLASSIFIER,
            name,
            scaling,
            application,
            callers=callers,
            explanations=explained_by_all,
            gpus=gpus(version.model),
        )(version.model, allow_untrained=is_local)
    name = f"{name}-preprocess"
    arguments = (version.preprocess, classifier, scaling, explained_by_all)
    bound = partial(BoundVersion, model, version.name, "images", max_explanations=explained)
    if own is None:
        # Decoders take images one by one, and each goes on to the classifier's queue as soon as it is decoded.
        return bound(Hosted(name, _class_of(PREPROCESS), arguments), PREPROCESS_SCALING, together=False)
    preprocess = _bound(PREPROCESS, name, own, application, callers=ingress, explanations=explained_by_all)
    return bound(preprocess(*arguments), own)


def is_hosted(version: FaqVersion | ImageVersion, application: ApplicationSettings) -> bool:
    """Whether the ingress has the model of a version in its own process."""
    if version.scaling is not None:
        return False
    if isinstance(version, FaqVersion):
        return True
    return version.preprocess_scaling is None and application.may_host_classifiers and gpus(version.model) == 0


def settled(application: ApplicationSettings) -> ApplicationSettings:
    """Return the settings with what follows from where stages are: an ingress that hosts a classifier is one."""
    versions = [version for model in application.models for version in model.versions]
    hosts = any(isinstance(version, ImageVersion) and is_hosted(version, application) for version in versions)
    return application.with_one_ingress() if hosts else application


def _bound(
    deployment: Deployment,
    name: str,
    scaling: ScalingSettings,
    application: ApplicationSettings,
    *,
    callers: int,
    explanations: int = 0,
    gpus: float = 0,
) -> Callable[..., Application]:
    """Return what binds a stage with replicas of its own to the arguments of its constructor."""
    configured = deployment.options(
        name=name,
        ray_actor_options=resources(scaling, gpus=gpus),
        graceful_shutdown_timeout_s=drain_seconds(application),
        logging_config=application.ingress.logging.for_ray(),
        **stage_options(scaling, callers=callers, explanations=explanations),
    )
    return configured.bind


def _class_of(deployment: Deployment) -> type[Any]:
    return cast("type[Any]", deployment.func_or_class)


KINDS: dict[str, Bind] = {
    "faq_matcher": bind_faq_matcher,
    "image_classifier": bind_image_classifier,
}


def drain_seconds(application: ApplicationSettings) -> float:
    """How long a replica that is to stop may work on what it has accepted."""
    return application.ingress.request_timeout_seconds + DRAIN_MARGIN_SECONDS


def gpus(settings: ImageClassifierSettings) -> float:
    """GPUs to reserve for each replica: what the settings say, or one where there is any that it can use."""
    if settings.gpus != "auto":
        return settings.gpus
    return 1 if _may_use_gpu(settings) and gpus_in_reach() else 0


def _may_use_gpu(settings: ImageClassifierSettings) -> bool:
    """Whether what the settings name can run on a GPU; OpenVINO runs on the CPU only."""
    if settings.device == "cpu" or settings.engine == "openvino":
        return False
    # A directory that only replicas can read may hold any kind.
    return settings.model_dir is None or kind_of(Path(settings.model_dir)) != "openvino"


def gpus_in_reach() -> bool:
    """Whether Ray, or where it does not run yet this machine, has a GPU."""
    if ray.is_initialized():
        resources_of_cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return resources_of_cluster.get("GPU", 0) > 0
    return may_have_gpu((NVIDIA,))
