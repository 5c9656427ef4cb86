"""What is PyTorch's own; what all engines share is in test_engines.py."""

import copy
import shutil

import numpy as np
import pytest
import torch

from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.torchvision_networks.architectures import build
from deployments.image_classifier.torchvision_networks.classification import Classification
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained


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
    # DenseNet normalizes before some convolutions, too, which cannot be folded.
    modules = TorchEngine(graph_of("densenet121"), 224, precision="bf16")._graph.modules()
    kinds = {type(module): module.weight.dtype for module in modules if hasattr(module, "weight")}
    assert kinds[torch.nn.Conv2d] == kinds[torch.nn.Linear] == torch.bfloat16
    # Statistics of what the network saw in training need more digits.
    assert kinds[torch.nn.BatchNorm2d] == torch.float32


def test_fp32_leaves_weights_as_they_are():
    graph = graph_of("squeezenet1_1")
    before = copy.deepcopy(graph.state_dict())
    TorchEngine(graph, 224, precision="fp32")
    assert all(torch.equal(tensor, before[name]) for name, tensor in graph.state_dict().items())


class Small(torch.nn.Module):
    """Takes images as a classification network does, and is compiled in seconds."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)

    def forward(self, images):
        features = self.norm(self.convolution(images.permute(0, 3, 1, 2).to(torch.float32) / 255))
        return torch.softmax(features.mean((2, 3)), 1)


@pytest.fixture
def small():
    torch.manual_seed(3)
    return Small().eval()


@pytest.fixture
def fresh_compiler(tmp_path, monkeypatch):
    """Nothing is kept from other tests, nor for them."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    torch.compiler.reset()
    with torch._inductor.config.patch(fx_graph_cache=False):
        yield
    torch.compiler.reset()


def expected_of(network, images):
    with torch.inference_mode():
        return network(torch.from_numpy(images)).numpy()


@pytest.mark.parametrize("wanted", ["auto", False])
def test_on_a_cpu_nothing_is_compiled_unless_told(small, wanted):
    engine = TorchEngine(small, 16, compile=wanted)
    engine.warm_up()
    assert engine.describe()["compiled"] == "no"


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++ here.")
def test_a_compiled_network_is_ready_for_every_batch_after_the_warm_up(small, fresh_compiler):
    images = probe(16, 8)
    expected = expected_of(small, images)
    engine = TorchEngine(small, 16, max_batch=5, compile=True)
    engine.warm_up()
    assert engine.describe()["compiled"] == "torch.compile"
    with torch.compiler.set_stance("fail_on_recompile"):
        for count in (1, 2, 3, 4, 5, 8):
            np.testing.assert_allclose(engine.infer(images[:count]), expected[:count], atol=1e-6)


def test_where_there_is_no_compiler_the_network_runs_without_it(small, fresh_compiler, caplog):
    images = probe(16, 3)
    expected = expected_of(small, images)
    engine = TorchEngine(small, 16, compile=True)
    with torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)}):
        engine.warm_up()
    assert "torch.compile cannot compile the network, which runs without it." in caplog.text
    assert engine.describe()["compiled"] == "no"
    np.testing.assert_allclose(engine.infer(images), expected, atol=1e-6)


def test_the_size_of_batches_may_change_before_the_warm_up(small):
    images = probe(16, 7)
    expected = expected_of(small, images)
    engine = TorchEngine(small, 16, max_batch=4)
    for most in (4, 2, 6):
        engine.max_batch = most
        engine.warm_up()
        np.testing.assert_allclose(engine.infer(images), expected, atol=1e-6)


def test_a_network_that_fails_fails_with_and_without_a_compiler(fresh_compiler):
    class Broken(torch.nn.Module):
        def forward(self, images):
            return images.to(torch.float32) @ torch.zeros(5, 5)

    with pytest.raises(RuntimeError):
        TorchEngine(Broken(), 16, compile=True).warm_up()
