"""Which network with which weights: all that decides what a model answers. No torch, no Keras."""

from __future__ import annotations

from deployments.image_classifier.keras_networks.source import find_keras
from deployments.image_classifier.origins import Source
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.torchvision_networks.source import find_torchvision


def find_source(settings: ImageClassifierSettings, *, allow_untrained: bool) -> Source:
    """Find what the settings name, weights fetched if need be.

    Args:
        settings: the network, its weights.
        allow_untrained: take random weights where those that the library publishes cannot be had.

    Raises:
        StartupError: the settings or the files they name are wrong, or there are no weights.
    """
    if settings.keras is not None:
        return find_keras(settings, settings.keras, allow_untrained=allow_untrained)
    return find_torchvision(settings, allow_untrained=allow_untrained)
