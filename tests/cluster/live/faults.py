"""What may befall a cluster: pods that are deleted or killed, an operator that starts anew."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from cluster.kubernetes.api import Api
from cluster.kubernetes.kinds import Kind

# PID 1 is spared by the kernel; Ray's start script ends when what it started has.
_KILL_ALL = "import os, signal; os.kill(-1, signal.SIGKILL)"
_OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
KUBECTL = shutil.which("kubectl") or "kubectl"
RESTART_OPERATOR = "SCORING_RESTART_OPERATOR"


def kubectl(*arguments: str) -> str:
    done = subprocess.run([KUBECTL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill_processes(api: Api, pod: str, namespace: str, container: str) -> None:
    """Kill all processes of a container but its first, as when a node is out of memory."""
    # Who kills is killed, too, so the answer is that of a connection which ended.
    api.run(pod, namespace, container, ["python3", "-c", _KILL_ALL])


def restart_operator(api: Api) -> None:
    """Start KubeRay's operator anew, wherever it runs."""
    if command := os.environ.get(RESTART_OPERATOR):
        subprocess.run(shlex.split(command), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return
    selector = ",".join(f"{key}={value}" for key, value in _OPERATOR.items())
    found = [each["metadata"] for each in api.find(Kind("apps/v1", "Deployment"), labels=selector)]
    if not found:
        pytest.skip(f"KubeRay's operator runs outside of the cluster; {RESTART_OPERATOR} names no command for it.")
    for each in found:
        kubectl("rollout", "restart", "deployment", each["name"], "-n", each["namespace"])
        kubectl("rollout", "status", "deployment", each["name"], "-n", each["namespace"], "--timeout=120s")
