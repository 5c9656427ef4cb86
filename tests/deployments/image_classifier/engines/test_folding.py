import pytest
import torch
from torch import nn

from deployments.image_classifier.engines.folding import fold_batch_norms
from deployments.image_classifier.torchvision_networks.architectures import build
from deployments.image_classifier.torchvision_networks.classification import Classification
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def lively(network):
    """Statistics and factors as training leaves them, so that folding has something to do."""
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in [
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 2.0),
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.2, 0.2),
            ]:
                tensor.uniform_(low, high, generator=generator)
    return network.eval()


# How many of an architecture's layers are not folded: before a convolution, after a concatenation, only for training.
@pytest.mark.parametrize(
    ("architecture", "left"),
    [("resnet18", 0), ("mobilenet_v2", 0), ("googlenet", 2), ("shufflenet_v2_x0_5", 0), ("densenet121", 62)],
)
def test_answers_stay_the_same_to_rounding(architecture, left):
    known = find_pretrained(architecture, "DEFAULT")
    network = build(architecture, classes=10, options=known.options, seed=0)
    graph = Classification(lively(network), known.preset).eval()
    images = torch.randint(0, 256, (3, known.preset.crop, known.preset.crop, 3), dtype=torch.uint8)
    with torch.inference_mode():
        expected = graph(images)
    count = norms(graph)
    assert fold_batch_norms(graph) == count - left > 0
    assert norms(graph) == left
    with torch.inference_mode():
        torch.testing.assert_close(graph(images), expected, atol=1e-5, rtol=0)
        # Any number of images, whatever the network was followed with.
        torch.testing.assert_close(graph(images[:1]), expected[:1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "vit_b_32"])
def test_where_there_is_nothing_to_fold_the_network_is_left_alone(architecture):
    known = find_pretrained(architecture, "DEFAULT")
    network = build(architecture, classes=10, options=known.options, seed=0).eval()
    assert fold_batch_norms(network) == 0


class Shared(nn.Module):
    """Uses what a convolution gives, or the convolution, twice."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.convolution = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        given = self.convolution(images)
        if self.how == "result":
            return self.norm(given) + given
        if self.how == "norm":
            return self.norm(given) + self.norm(images)
        if self.how == "weight":
            return self.norm(given) + self.convolution.weight.sum()
        return self.norm(given) + self.convolution(images + 1)


@pytest.mark.parametrize("how", ["result", "convolution", "norm", "weight"])
def test_what_others_use_as_well_is_not_folded(how):
    network = lively(Shared(how))
    assert fold_batch_norms(network) == 0


def test_a_network_whose_code_depends_on_values_is_left_alone():
    class Undecided(nn.Sequential):
        def forward(self, images):
            return super().forward(images if images.sum() > 0 else -images)

    network = lively(Undecided(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    assert fold_batch_norms(network) == 0


def test_a_norm_without_statistics_or_in_training_is_not_folded():
    for norm in (nn.BatchNorm2d(3, track_running_stats=False).eval(), nn.BatchNorm2d(3).train()):
        network = nn.Sequential(nn.Conv2d(3, 3, 1).eval(), norm)
        assert fold_batch_norms(network) == 0
