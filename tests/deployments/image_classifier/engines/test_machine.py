import numpy as np
import pytest

from deployments.image_classifier.engines import machine as module
from deployments.image_classifier.engines.machine import (
    Machine,
    cpu_flags,
    cpu_model,
    installed,
    this_machine,
)

INTEL = """processor\t: 0
model name\t: Some CPU
flags\t\t: fpu sse2 avx512_bf16 amx_bf16
bugs\t\t: none

processor\t: 1
flags\t\t: fpu
"""


def test_flags_are_those_of_the_first_cpu(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text(INTEL)
    assert cpu_flags(info) == {"fpu", "sse2", "avx512_bf16", "amx_bf16"}
    info.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert cpu_flags(info) == {"fp", "asimd", "bf16"}


def test_the_cpu_is_named_where_linux_names_it(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text(INTEL)
    assert cpu_model(info) == "Some CPU"
    info.write_text("processor\t: 0\n")
    assert cpu_model(info) == ""
    assert cpu_model(tmp_path / "none") == ""


def test_a_machine_without_flags_has_none(tmp_path):
    assert cpu_flags(tmp_path / "none") == frozenset()
    (tmp_path / "empty").write_text("")
    assert cpu_flags(tmp_path / "empty") == frozenset()


@pytest.mark.parametrize(
    ("flags", "bf16", "fp16"),
    [(set(), False, False), ({"avx512_bf16"}, True, False), ({"amx_bf16"}, True, False), ({"amx_fp16"}, False, True)],
)
def test_flags_say_which_precisions_are_fast(flags, bf16, fp16):
    machine = Machine(cpu_flags=frozenset(flags))
    assert (machine.cpu_has_bf16, machine.cpu_has_fp16) == (bf16, fp16)


def test_packages_are_found_with_their_versions():
    assert installed("numpy") == np.__version__
    assert installed("no_such_package") is None
    assert "torch" in this_machine().packages


def test_looking_at_a_machine_without_a_gpu_imports_no_library(run_python):
    code = """
        import os, sys
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        from deployments.image_classifier.engines.machine import this_machine
        for library in ("torch", "keras"):
            print(this_machine(library).has_gpu, {"torch", "openvino", "onnxruntime", "tensorflow"} & set(sys.modules))
    """
    assert run_python(code).stdout == "False set()\n" * 2


def test_keras_without_tensorflow_runs_nothing(monkeypatch):
    there = {"keras": "3.15", "tensorflow": "2.21"}
    monkeypatch.setattr(module, "installed", there.get)
    assert "keras" in this_machine().packages
    del there["tensorflow"]
    assert this_machine().packages == {}
