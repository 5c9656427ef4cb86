"""The kinds of models that the builder knows, one entry each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray

from deployments.autoscaling import stage_options
from deployments.faq_matcher.deployment import FAQ_MATCHER
from deployments.image_classifier.conversion.model_files import kind_of
from deployments.image_classifier.deployment import IMAGE_CLASSIFIER
from deployments.image_classifier.engines.machine import NVIDIA, may_have_gpu
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.ingress.deployment import BoundVersion
from deployments.preprocess.deployment import PREPROCESS
from deployments.scaling import resources
from serve_app.settings import ApplicationSettings, FaqModel, ImageModel

# A draining replica finishes the longest request that the ingress lets through, and a little more.
DRAIN_MARGIN_SECONDS = 5

Bind = Callable[[Any, ApplicationSettings], list[BoundVersion]]


def bind_faq_matcher(model: FaqModel, application: ApplicationSettings) -> list[BoundVersion]:
    """Bind one deployment for each version."""
    return [
        BoundVersion(
            model=model.name,
            version=version.name,
            takes="text",
            first_stage=FAQ_MATCHER.options(
                name=f"{model.name}-{version.name}",
                ray_actor_options=resources(version.scaling),
                graceful_shutdown_timeout_s=drain_seconds(application),
                logging_config=application.ingress.logging.for_ray(),
                **stage_options(version.scaling, callers=application.ingress.scaling.max_replicas),
            ).bind(version.model),
            scaling=version.scaling,
        )
        for version in model.versions
    ]


def bind_image_classifier(model: ImageModel, application: ApplicationSettings) -> list[BoundVersion]:
    """Bind a classifier and the preprocess stage before it for each version."""
    bound = []
    for version in model.versions:
        name = f"{model.name}-{version.name}"
        explained = version.model.explanations.most_under_way(version.scaling.max_replicas)
        explained_by_all = explained * application.ingress.scaling.max_replicas
        classifier = IMAGE_CLASSIFIER.options(
            name=name,
            ray_actor_options=resources(version.scaling, gpus=gpus(version.model)),
            graceful_shutdown_timeout_s=drain_seconds(application),
            logging_config=application.ingress.logging.for_ray(),
            **stage_options(
                version.scaling, callers=version.preprocess_scaling.max_replicas, explanations=explained_by_all
            ),
        ).bind(version.model, allow_untrained=application.profile == "local")
        preprocess = PREPROCESS.options(
            name=f"{name}-preprocess",
            ray_actor_options=resources(version.preprocess_scaling),
            graceful_shutdown_timeout_s=drain_seconds(application),
            logging_config=application.ingress.logging.for_ray(),
            **stage_options(
                version.preprocess_scaling,
                callers=application.ingress.scaling.max_replicas,
                explanations=explained_by_all,
            ),
        ).bind(version.preprocess, classifier, version.scaling, explained_by_all)
        scaling = version.preprocess_scaling
        bound.append(BoundVersion(model.name, version.name, "images", preprocess, scaling, explained))
    return bound


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
