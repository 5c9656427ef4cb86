import pickle

import pytest
import torch
import torchvision

from deployments.errors import StartupError
from deployments.image_classifier.torchvision_networks.state_dicts import load_state_dict


def network():
    return torchvision.models.squeezenet1_1(weights=None)


def load(path, into=None):
    load_state_dict(into or network(), path, name=path.name, architecture="squeezenet1_1 with 1000 classes")


def saved(tmp_path, state, **options):
    path = tmp_path / "w.pth"
    torch.save(state, path, **options)
    return path


def assert_same(one, other):
    assert all(torch.equal(one.state_dict()[key], tensor) for key, tensor in other.state_dict().items())


@pytest.mark.parametrize("zipped", [True, False])
def test_loads_what_torch_saved(tmp_path, zipped):
    trained, loaded = network(), network()
    load(saved(tmp_path, trained.state_dict(), _use_new_zipfile_serialization=zipped), loaded)
    assert_same(loaded, trained)


def test_loads_densenets_old_keys(tmp_path):
    trained, loaded = (torchvision.models.densenet121(weights=None, num_classes=2) for _ in range(2))
    state = {
        key.replace(".norm1.", ".norm.1.").replace(".norm2.", ".norm.2.").replace(".conv1.", ".conv.1."): tensor
        for key, tensor in trained.state_dict().items()
    }
    load(saved(tmp_path, state), loaded)
    assert_same(loaded, trained)


def test_loads_files_without_counters(tmp_path):
    state = torchvision.models.resnet18(weights=None, num_classes=2).state_dict()
    old = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    load(saved(tmp_path, old), torchvision.models.resnet18(weights=None, num_classes=2))


def test_keeps_the_versions_of_modules(tmp_path):
    trained, loaded = (torchvision.models.mnasnet0_5(weights=None, num_classes=2) for _ in range(2))
    load(saved(tmp_path, trained.state_dict()), loaded)
    assert_same(loaded, trained)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("classifier.1.bias"), r"it has no classifier\.1\.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "it has extra, which the network has not"),
        (
            lambda state: state.update({"classifier.1.weight": torch.zeros(37, 512, 1, 1)}),
            r"its classifier\.1\.weight has the shape \(37, 512, 1, 1\), not \(1000, 512, 1, 1\)",
        ),
    ],
)
def test_says_what_does_not_fit(tmp_path, change, sentence):
    state = network().state_dict()
    change(state)
    prefix = r"^The weights file w\.pth does not fit squeezenet1_1 with 1000 classes: "
    with pytest.raises(StartupError, match=prefix + sentence):
        load(saved(tmp_path, state))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04nothing", b"\x80\x02}q\x00."])
def test_refuses_other_files(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(StartupError, match=r"^The weights file w\.pth "):
        load(path)


def test_refuses_a_truncated_file(tmp_path):
    path = saved(tmp_path, network().state_dict())
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(StartupError, match="is not a PyTorch state dict"):
        load(path)


@pytest.mark.parametrize("state", [[1, 2], {"a": 1}, {1: torch.zeros(1)}, {"state_dict": {"a": torch.zeros(1)}}])
def test_refuses_other_objects(tmp_path, state):
    with pytest.raises(StartupError, match="holds something else than the tensors of a state dict"):
        load(saved(tmp_path, state))


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ("unpickled code ran",))


def test_runs_no_code_of_a_pickle(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(StartupError, match="is not a PyTorch state dict"):
        load(path)
    with pytest.raises(StartupError, match="is not a PyTorch state dict"):
        load(saved(tmp_path, {"a": Harmful()}))
