"""Libraries report nothing to their makers, in a process that imports any part of the service."""

import os
import subprocess
import sys

import pytest

from deployments.no_reports import SWITCHES


def run(program, **environment):
    inherited = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=inherited | environment, capture_output=True, text=True, check=True
    )
    return outcome.stdout.strip()


@pytest.mark.parametrize(("environment", "value"), [({}, "0"), ({"RAY_USAGE_STATS_ENABLED": "1"}, "1")])
def test_rays_switch_is_off_unless_somebody_sets_it(environment, value):
    assert run("import os, deployments; print(os.environ['RAY_USAGE_STATS_ENABLED'])", **environment) == value


def test_ray_heeds_its_switch():
    pytest.importorskip("ray", reason="needs Ray")
    program = "import deployments; from ray._common.usage import usage_lib; print(usage_lib.usage_stats_enabled())"
    assert run(program) == "False"


def test_onnx_runtime_keeps_no_identifier_of_the_device(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs ONNX Runtime")
    program = "import deployments, onnxruntime; print(onnxruntime.get_available_providers()[-1])"
    environment = {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    assert run(program, **environment) == "CPUExecutionProvider"
    assert list(tmp_path.rglob("*deviceid*")) == []


@pytest.mark.parametrize("module", ["openvino.tools.ovc", "nncf"])
def test_openvino_and_nncf_do_without_their_reporter(module):
    pytest.importorskip(module.partition(".")[0], reason=f"needs {module}")
    program = (
        f"import deployments, sys, {module}; print([name for name in sys.modules if 'openvino_telemetry.' in name])"
    )
    assert run(program) == "[]"
