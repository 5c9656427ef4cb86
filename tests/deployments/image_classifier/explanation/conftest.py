"""Networks of which it is known where they look, and images for them."""

import numpy as np
import pytest
import torch
from torch import nn

from deployments.contracts import ImagePreset
from deployments.image_classifier.torchvision_networks.architectures import build
from deployments.image_classifier.torchvision_networks.classification import Classification
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained

SIDE = 224
PRESET = ImagePreset(256, SIDE, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
RED, BLUE = 0, 1


class Quadrant(nn.Module):
    """Sees one quadrant of the image and nothing else."""

    def __init__(self, row, column, seed, classes=10):
        super().__init__()
        torch.manual_seed(seed)
        half = SIDE // 2
        mask = torch.zeros(SIDE, SIDE)
        mask[row * half : (row + 1) * half, column * half : (column + 1) * half] = 1
        self.register_buffer("mask", mask)
        # Without biases, what is masked gives zeros; the kernels do not reach over the quadrant's border.
        self.convolution = nn.Conv2d(3, 12, 16, stride=16, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(12, classes, bias=False)

    def forward(self, images):
        features = self.relu(self.convolution(images * self.mask))
        return 20 * self.head(features.mean((2, 3)))


class Colours(nn.Module):
    """Knows red (class 0) and blue (class 1), wherever they are."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 8, stride=8, bias=False)
        with torch.no_grad():
            self.convolution.weight.zero_()
            for colour, channel in ((RED, 0), (BLUE, 2)):
                self.convolution.weight[colour] = -1 / 64
                self.convolution.weight[colour, channel] = 1 / 64
        self.relu = nn.ReLU()

    def forward(self, images):
        return self.relu(self.convolution(images)).mean((2, 3))


@pytest.fixture
def preset():
    return PRESET


@pytest.fixture
def quadrant():
    """A graph that sees one quadrant of the image, with 10 classes."""
    return lambda row, column, seed: Classification(Quadrant(row, column, seed), PRESET).eval()


@pytest.fixture
def colours():
    """A graph with the classes red (0) and blue (1)."""
    return Classification(Colours(), PRESET).eval()


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def red_and_blue():
    """Grey, with a red square in the upper left and a smaller blue one in the lower right."""
    pixels = np.full((SIDE, SIDE, 3), (124, 116, 104), np.uint8)
    pixels[16:96, 16:96] = (250, 10, 10)
    pixels[150:200, 150:200] = (10, 10, 250)
    return pixels


@pytest.fixture
def graph_of():
    """A network of torchvision with 10 classes and seeded weights, from pixels to probabilities."""

    def graph_of(architecture):
        known = find_pretrained(architecture, "DEFAULT")
        network = build(architecture, classes=10, options=known.options, seed=0)
        return Classification(network, known.preset).eval()

    return graph_of
