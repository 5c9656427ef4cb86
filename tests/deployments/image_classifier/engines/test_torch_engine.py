"""What is PyTorch's own; what all engines share is in test_engines.py."""

import copy

import numpy as np
import pytest
import torch

from deployments.image_classifier.architectures import build
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.network import Classification
from deployments.image_classifier.pretrained import find_pretrained


def graph_of(architecture):
    known = find_pretrained(architecture, "DEFAULT")
    network = build(architecture, classes=10, options=known.options, seed=0)
    return Classification(network, known.preset).eval()


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "mobilenet_v3_small", "vit_b_16", "swin_t"])
def test_bf16_answers_as_autocast_does(architecture):
    graph = graph_of(architecture)
    images = probe(224, 1)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = graph(torch.from_numpy(images)).numpy()
    engine = TorchEngine(copy.deepcopy(graph), 224, precision="bf16", threads=1)
    np.testing.assert_allclose(engine.infer(images), expected, atol=0.02)
    assert engine.describe()["precision"] == "bf16"


def test_weights_are_kept_in_the_precision_they_compute_in():
    graph = graph_of("mobilenet_v3_small")
    TorchEngine(graph, 224, precision="bf16")
    kinds = {type(module): module.weight.dtype for module in graph.modules() if hasattr(module, "weight")}
    assert kinds[torch.nn.Conv2d] == kinds[torch.nn.Linear] == torch.bfloat16
    # Statistics of what the network saw in training need more digits.
    assert kinds[torch.nn.BatchNorm2d] == torch.float32


def test_fp32_leaves_weights_as_they_are():
    graph = graph_of("squeezenet1_1")
    before = copy.deepcopy(graph.state_dict())
    TorchEngine(graph, 224, precision="fp32")
    assert all(torch.equal(tensor, before[name]) for name, tensor in graph.state_dict().items())
