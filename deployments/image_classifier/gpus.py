"""How many GPUs a replica of the classifier reserves."""

from __future__ import annotations

from pathlib import Path

from deployments.image_classifier.conversion.model_files import kind_of
from deployments.image_classifier.engines.devices import NVIDIA, may_have_gpu
from deployments.image_classifier.settings import ImageClassifierSettings


def reserved_gpus(settings: ImageClassifierSettings, of_ray: float | None) -> float:
    """Return what the settings say, or one where there is any that it can use.

    Args:
        settings: of the classifier.
        of_ray: GPUs of the cluster; None where Ray does not run yet, then this machine's count.
    """
    if settings.gpus != "auto":
        return settings.gpus
    return 1 if _may_use_gpu(settings) and _in_reach(of_ray) else 0


def _in_reach(of_ray: float | None) -> bool:
    return may_have_gpu((NVIDIA,)) if of_ray is None else of_ray > 0


def _may_use_gpu(settings: ImageClassifierSettings) -> bool:
    """Whether what the settings name can run on a GPU; OpenVINO runs on the CPU only."""
    if settings.device == "cpu" or settings.engine == "openvino":
        return False
    # A directory that only replicas can read may hold any kind.
    return settings.model_dir is None or kind_of(Path(settings.model_dir)) != "openvino"
