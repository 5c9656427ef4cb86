import pytest

from deployments.errors import StartupError
from deployments.image_classifier.torchvision_networks import architectures, pretrained
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained


@pytest.mark.parametrize(
    ("architecture", "weights"), [("resnet152", "IMAGENET1K_V2"), ("maxvit_t", "DEFAULT"), ("vgg16", "DEFAULT")]
)
def test_what_is_kept_is_what_torchvision_says(architecture, weights):
    found = find_pretrained(architecture, weights)
    assert found == architectures.pretrained(architecture, weights)
    assert find_pretrained(architecture, weights).url == found.url


def test_kept_options_build_the_same_network():
    find_pretrained("maxvit_t", "DEFAULT")
    kept = find_pretrained("maxvit_t", "DEFAULT")
    network = architectures.build("maxvit_t", classes=10, options=kept.options, seed=0)
    assert sum(parameter.numel() for parameter in network.parameters()) > 1_000_000


def test_torchvision_is_asked_once(monkeypatch):
    found = find_pretrained("resnet18", "DEFAULT")
    monkeypatch.setattr(architectures, "pretrained", None)
    assert find_pretrained("resnet18", "DEFAULT") == found


def test_another_version_of_torchvision_is_asked_again(monkeypatch):
    find_pretrained("resnet18", "DEFAULT")
    asked = []
    original = architectures.pretrained
    monkeypatch.setattr(architectures, "pretrained", lambda *names: asked.append(names) or original(*names))
    monkeypatch.setattr(pretrained, "installed", lambda _: "99.0")
    find_pretrained("resnet18", "DEFAULT")
    assert asked == [("resnet18", "DEFAULT")]


def test_without_torchvision_what_is_kept_will_do(monkeypatch):
    found = find_pretrained("resnet18", "DEFAULT")
    monkeypatch.setattr(pretrained, "installed", lambda _: None)
    monkeypatch.setattr(architectures, "pretrained", None)
    assert find_pretrained("resnet18", "DEFAULT") == found


def test_without_torchvision_and_cache_it_is_said_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "deployments.image_classifier.torchvision_networks.architectures")
    monkeypatch.delattr("deployments.image_classifier.torchvision_networks.architectures")
    with pytest.raises(StartupError, match=r"torchvision is not installed, which weights by name need: .*model_dir\.$"):
        find_pretrained("resnet18", "DEFAULT")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00"])
def test_a_damaged_file_is_replaced(cache, content):
    found = find_pretrained("resnet18", "DEFAULT")
    (file,) = cache.parent.rglob("*.json")
    file.write_bytes(content)
    assert find_pretrained("resnet18", "DEFAULT") == found
    assert file.read_bytes() != content


def test_a_name_never_leaves_the_cache(cache):
    with pytest.raises(StartupError, match="architecture must be"):
        find_pretrained("../../etc", "../passwd")
    assert list(cache.parent.rglob("*.json")) == []
