"""The whole network in PyTorch, from pixels to probabilities: what engines run and conversions start from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deployments.contracts import ImagePreset
from deployments.image_classifier.torchvision_networks.architectures import build
from deployments.image_classifier.torchvision_networks.source import TorchvisionSource
from deployments.image_classifier.torchvision_networks.state_dicts import load_state_dict

CHANNELS = 3


class Classification(nn.Module):
    """From pixels to probabilities: torchvision's normalization, the network, softmax.

    Args:
        network: takes (n, 3, height, width) float32, gives (n, classes) logits.
        preset: its mean and standard deviation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preset: ImagePreset) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(preset.mean).view(1, CHANNELS, 1, 1))
        self.register_buffer("std", torch.tensor(preset.std).view(1, CHANNELS, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, height, width, 3) uint8 to (n, classes) float32."""
        # In memory this stays height, width, channel: what convolutions are fastest on.
        pixels = images.permute(0, 3, 1, 2).to(torch.float32)
        normalized = pixels.div_(255).sub_(self.mean).div_(self.std)
        # Of float32 whatever the network computes in, so that the probabilities add up to 1.
        return torch.softmax(self.network(normalized).to(torch.float32), dim=1)


def load_network(source: TorchvisionSource) -> Classification:
    """Build the network and put its weights in.

    Raises:
        StartupError: the weights file is no state dict, or does not fit the network.
    """
    classes, architecture = len(source.labels), source.architecture
    network = build(architecture, classes=classes, options=source.known.options, seed=source.seed)
    if source.file is not None:
        what = f"{architecture} with {classes} classes"
        load_state_dict(network, source.file.path, name=source.file.name, architecture=what)
    return Classification(network, source.known.preset).eval()
