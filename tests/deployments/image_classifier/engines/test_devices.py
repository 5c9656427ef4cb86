import os

import pytest

from deployments.image_classifier.engines import devices
from deployments.image_classifier.engines.devices import NVIDIA, may_have_gpu, usable_cpus


@pytest.mark.parametrize(
    ("device", "hidden_by", "expected"),
    [
        ("nvidia0", None, (True, True)),
        ("nvidia0", "0", (True, True)),
        ("nvidia0", "", (False, False)),
        ("nvidia0", "NoDevFiles", (False, False)),
        # Of NVIDIA's driver alone, without a GPU.
        ("nvidiactl", None, (False, False)),
        ("dxg", None, (True, False)),
        ("dxg", "-1", (False, False)),
        ("null", None, (False, False)),
    ],
)
def test_a_gpu_is_looked_for_where_linux_shows_one_that_is_not_hidden(
    monkeypatch, tmp_path, device, hidden_by, expected
):
    (tmp_path / device).touch()
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden_by is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden_by)
    assert (may_have_gpu(), may_have_gpu((NVIDIA,))) == expected


def test_all_cpus_that_the_process_may_run_on_are_used_where_none_are_asked_for():
    usable = len(os.sched_getaffinity(0))
    assert usable_cpus() == usable_cpus(None) == usable_cpus(0) == usable
    assert usable_cpus(usable + 5) == usable + 5
