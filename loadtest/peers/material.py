"""What all servers are given: the FAQ's file, the network, and the answers that both must give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload, written
from loadtest.peers.environments import REPOSITORY
from loadtest.peers.models.options import Options
from loadtest.programs import answer_of

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Material:
    """The models of a run.

    Attributes:
        faq: scikit-learn's object.
        own_faq: the product's own model of the same FAQ.
        network: directory of the converted network.
        precision: that it computes in.
        facts: for the table: `originals`, `ms_for_one`, `weights`.
    """

    faq: Path
    own_faq: Path
    network: Path
    precision: str
    facts: dict[str, Any]

    def file(self, model: str) -> Path:
        """Return what a server of a model loads."""
        return {"faq": self.faq, "image": self.network}[model]


def prepare(directory: Path, models: Sequence[str], *, data: Path | None, network: Path | None) -> Material:
    """Train and convert what is to be served, into a directory.

    Args:
        directory: for the files.
        models: which of `faq` and `image`.
        data: FAQ made by `scoring faq prepare`; None for the sample.
        network: made by `scoring image convert`; None for ResNet-152.

    Raises:
        BenchmarkError: one cannot be had.
    """
    facts: dict[str, Any] = {}
    if "faq" in models:
        given = [] if data is None else ["--data", str(data)]
        failure = "The FAQ cannot be trained; what it says stands above."
        facts |= answer_of("peer_models", "faq", *given, "--output", str(directory), failure=failure)
    if "image" in models:
        facts |= {"weights": _weights_of(network)} if network else _converted(directory / "network")
    return Material(
        directory / "faq.joblib", directory / "own", network or directory / "network", precision_here(), facts
    )


def precision_here(cpu_info: Path = CPU_INFO) -> str:
    """Return what the product computes in on this CPU: bf16 where it multiplies matrices of that, else fp32."""
    try:
        text = cpu_info.read_text(encoding="utf-8")
    except OSError:
        return "fp32"
    flags = {flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()}
    return "bf16" if flags & {"avx512_bf16", "amx_bf16"} else "fp32"


def expected(material: Material, model: str, payloads: Sequence[Payload], directory: Path) -> list[Any]:
    """Return what the model itself answers to each payload, without a server.

    Raises:
        BenchmarkError: it does not.
    """
    options = Options(model, str(material.file(model)), precision=material.precision)
    command = [sys.executable, "-m", "loadtest.peers.models.expected", *written(payloads, directory)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, env=environment(options))
    if done.returncode:
        raise BenchmarkError(f"The {model} model does not answer by itself; what it says stands above.")
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def environment(options: Options) -> dict[str, str]:
    """Return the variables of a process that runs a model, a peer's or this one's own."""
    # Servers bring their processes; libraries' own threads beside them would only fight for the cores.
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **one_thread, "PYTHONPATH": str(REPOSITORY), **options.environment()}


def _weights_of(network: Path) -> str:
    try:
        manifest = json.loads((network / "manifest.json").read_text(encoding="utf-8"))
        # By kind: another library's directory has none for ours.
        return str({"openvino": manifest["about"]["weights"]}[manifest["about"]["kind"]])
    except (OSError, ValueError, KeyError):
        raise BenchmarkError(
            f"{network} holds no network for OpenVINO; make one with `scoring image convert --output DIR`."
        ) from None


def _converted(directory: Path) -> dict[str, Any]:
    failure = "ResNet-152 cannot be converted; what it says stands above."
    return answer_of("peer_models", "network", "--output", str(directory), failure=failure)
