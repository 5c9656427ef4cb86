"""Environments that hold a part of the product, made from their own locks."""

import os
import subprocess
import sys

import pytest
from services import ROOT, Service, write_config

UV = ROOT / ".venv-uv" / "bin" / "uv"


@pytest.fixture
def install(tmp_path):
    """Make an environment from a lock, and return its directory of commands."""
    if not UV.exists():
        pytest.skip("needs .venv-uv, which scripts/setup makes")

    def install(lock):
        environment = tmp_path / "venv"
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
        uv = {**os.environ, "VIRTUAL_ENV": str(environment)}
        pip = [UV, "pip", "install", "--quiet"]
        locked = ROOT / "requirements" / f"{lock}.txt"
        subprocess.run([*pip, "--require-hashes", "--requirement", locked], env=uv, check=True)
        subprocess.run(
            [*pip, "--require-hashes", "--requirement", ROOT / "requirements" / "editable.txt"], env=uv, check=True
        )
        project = [*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT]
        subprocess.run(project, env=uv, check=True)
        return environment / "bin"

    return install


def test_a_client_of_a_cluster_needs_no_ray(install):
    commands = install("client")
    script = "import serve_app.cli, importlib.util; print(importlib.util.find_spec('ray'))"
    run = subprocess.run([commands / "python", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "None"
    run = subprocess.run([commands / "scoring", "--help"], capture_output=True, text=True, check=True)
    assert "serve" in run.stdout


def test_a_node_without_torch_serves_the_faq(install, tmp_path):
    commands = install("serve-without-torch")
    script = "import importlib.util; print(importlib.util.find_spec('torch'))"
    run = subprocess.run([commands / "python", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "None"
    config = write_config(tmp_path / "c.yaml", {"models": [{"kind": "faq_matcher"}]})
    service = Service("--config", config, command=commands / "scoring")
    service.wait_for("Everything else")
    assert service.client.post("/faq/score", json={"input": "port"}).status_code == 200
    assert service.stop() == []
