import pytest
import torch
import torchvision

from deployments.contracts import ImagePreset
from deployments.errors import StartupError
from deployments.image_classifier.torchvision_networks.architectures import build, pretrained


def test_resnet152_has_its_own_preset():
    known = pretrained("resnet152", "IMAGENET1K_V2")
    assert known.preset == ImagePreset(232, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert known.url.endswith("/resnet152-f82ba261.pth")
    assert len(known.categories) == 1000


def test_default_is_the_best():
    assert pretrained("resnet50", "DEFAULT").name == "IMAGENET1K_V2"


def test_every_weight_of_torchvision_has_a_preset():
    for name in torchvision.models.list_models(module=torchvision.models):
        for entry in torchvision.models.get_model_weights(name):
            preset = pretrained(name, entry.name).preset
            assert 0 < preset.crop <= preset.resize
            assert preset.interpolation in {"bilinear", "bicubic"}


@pytest.mark.parametrize(
    ("architecture", "weights"),
    [
        ("googlenet", "DEFAULT"),
        ("inception_v3", "DEFAULT"),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"),
        ("maxvit_t", "DEFAULT"),
    ],
)
def test_builds_what_torchvision_builds_for_its_weights(monkeypatch, architecture, weights):
    """torchvision's own builder, with the download replaced by random tensors."""
    known = pretrained(architecture, weights)
    ours = build(architecture, classes=1000, options=known.options, seed=3)
    monkeypatch.setattr(type(known_entry(architecture, weights)), "get_state_dict", lambda *_, **__: ours.state_dict())
    theirs = torchvision.models.get_model(architecture, weights=weights)
    images = torch.randn(1, 3, known.preset.crop, known.preset.crop)
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(images), theirs.eval()(images))


def known_entry(architecture, weights):
    return torchvision.models.get_model_weights(architecture)[weights]


def test_the_seed_decides():
    one, same, other = (build("squeezenet1_1", classes=5, options={}, seed=seed) for seed in (1, 1, 2))
    weight = "features.0.weight"
    assert torch.equal(one.state_dict()[weight], same.state_dict()[weight])
    assert not torch.equal(one.state_dict()[weight], other.state_dict()[weight])


def test_the_seed_is_ours_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    build("squeezenet1_1", classes=5, options={}, seed=9)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("architecture", "weights", "sentence"),
    [
        ("resnet125", "DEFAULT", r"^architecture must be .*, not 'resnet125'; near: resnet152"),
        ("quantized_resnet50", "DEFAULT", "architecture must be"),
        ("fasterrcnn_resnet50_fpn", "DEFAULT", "architecture must be"),
        ("alexnet", "IMAGENET1K_V2", "^weights of alexnet must be one of IMAGENET1K_V1, DEFAULT, not 'IMAGENET1K_V2'"),
    ],
)
def test_says_what_there_is(architecture, weights, sentence):
    with pytest.raises(StartupError, match=sentence):
        pretrained(architecture, weights)
