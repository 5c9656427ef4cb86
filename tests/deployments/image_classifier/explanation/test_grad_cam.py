import numpy as np
import pytest
import torch
from torch import nn

from deployments.image_classifier.engines.engine import GradCamEngine
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.explanation.grad_cam import GradCam
from deployments.image_classifier.torchvision_networks.architectures import build
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained


def network_of(architecture):
    options = find_pretrained(architecture, "DEFAULT").options
    return build(architecture, classes=10, options=options, seed=0).eval()


def images(seed=0, side=224):
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def heat_of(network, inputs, class_index):
    return GradCam(network).heat(lambda: network(inputs), class_index)


def by_the_formula(features, head, class_index):
    """Equations 1 and 2 of the paper, with the network taken apart by hand."""
    features = features.detach().requires_grad_()
    head(features)[0, class_index].backward()
    alpha = features.grad.mean(dim=(2, 3))[0]
    return torch.relu(torch.einsum("k,kij->ij", alpha, features.detach()[0]))


@pytest.mark.parametrize("class_index", [0, 7])
def test_it_is_what_the_paper_says(class_index):
    network, inputs = network_of("mobilenet_v2"), images()
    expected = by_the_formula(network.features(inputs), lambda maps: network.classifier(maps.mean((2, 3))), class_index)
    heat = heat_of(network, inputs, class_index)
    assert heat.shape == (7, 7)
    assert heat.max() > 0
    torch.testing.assert_close(heat, expected)


def test_a_map_that_is_changed_in_place_after_it_came_out_is_taken_as_it_goes_on():
    network, inputs = network_of("densenet121"), images()
    expected = by_the_formula(
        network.features(inputs).relu(), lambda maps: network.classifier(maps.mean((2, 3))), class_index=3
    )
    torch.testing.assert_close(heat_of(network, inputs, 3), expected)


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("resnet18", (7, 7)),
        ("squeezenet1_1", (13, 13)),
        ("alexnet", (6, 6)),
        ("shufflenet_v2_x0_5", (7, 7)),
        ("regnet_y_400mf", (7, 7)),
        ("efficientnet_b0", (7, 7)),
        ("convnext_tiny", (7, 7)),
        # A transformer that keeps its tokens as a map.
        ("swin_t", (7, 7)),
    ],
)
def test_networks_of_many_kinds_have_a_map(architecture, shape):
    network, inputs = network_of(architecture), images()
    heats = [heat_of(network, inputs, class_index) for class_index in range(3)]
    for heat in heats:
        assert heat.shape == shape
        assert torch.isfinite(heat).all()
        assert heat.min() >= 0
    assert any(heat.max() > 0 for heat in heats)


def test_a_transformer_of_tokens_has_none():
    # Its only map is the first layer's, which knows nothing of classes.
    assert heat_of(network_of("vit_b_16"), images(), 0) is None


def test_a_network_of_vectors_has_none():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4)).eval()
    assert heat_of(network, images(side=16), 0) is None


class Twice(nn.Module):
    """Uses one module several times."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Linear(3, 4)

    def maps(self, inputs):
        return self.convolution(torch.relu(self.convolution(inputs)))

    def forward(self, inputs):
        return self.head(self.maps(inputs).mean((2, 3)))


def test_of_a_module_that_runs_twice_the_last_output_counts():
    network, inputs = Twice().eval(), images(side=16)
    expected = by_the_formula(network.maps(inputs), lambda maps: network.head(maps.mean((2, 3))), class_index=2)
    torch.testing.assert_close(heat_of(network, inputs, 2), expected)


def test_a_network_is_left_as_it_was():
    network, inputs = network_of("squeezenet1_1"), images()
    with torch.inference_mode():
        before = network(inputs)
    explainer = GradCam(network)
    first = explainer.heat(lambda: network(inputs), 1)
    assert torch.is_grad_enabled()
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())
    with torch.inference_mode():
        assert torch.equal(network(inputs), before)
    # The place is known by now.
    assert torch.equal(explainer.heat(lambda: network(inputs), 1), first)


def test_hooks_are_gone_when_the_network_fails():
    network = network_of("squeezenet1_1")
    with pytest.raises(RuntimeError):
        heat_of(network, images()[:, :2], 0)
    assert torch.is_grad_enabled()
    assert not any(module._forward_hooks for module in network.modules())


def test_the_engine_explains_between_inferences(graph_of, noise):
    engine = TorchEngine(graph_of("mobilenet_v2"), 224, threads=1)
    assert isinstance(engine, GradCamEngine)
    before = engine.infer(noise[None])
    noise.setflags(write=False)  # as pixels are that came from another process
    heat = engine.grad_cam(noise, 4)
    assert (heat.shape, heat.dtype) == ((7, 7), np.float32)
    noise.setflags(write=True)
    np.testing.assert_array_equal(engine.infer(noise[None]), before)
    np.testing.assert_array_equal(engine.grad_cam(noise, 4), heat)


def test_bf16_sees_what_fp32_sees(graph_of, noise):
    engines = [TorchEngine(graph_of("resnet18"), 224, precision=each, threads=1) for each in ("fp32", "bf16")]
    most_probable = int(engines[0].infer(noise[None]).argmax())
    precise, coarse = (engine.grad_cam(noise, most_probable) for engine in engines)
    assert precise.max() > 0
    np.testing.assert_allclose(coarse / coarse.max(), precise / precise.max(), atol=0.1)


def test_an_engine_without_a_network_inside_has_no_map():
    graph = nn.Sequential(nn.Flatten(), nn.Linear(12, 2), nn.Softmax(dim=1))
    assert TorchEngine(graph, 2, threads=1).grad_cam(np.zeros((2, 2, 3), np.uint8), 0) is None
