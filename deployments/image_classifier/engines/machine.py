"""What this process can compute on: the CPU's instructions, a GPU, the installed libraries."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")

# Ray writes one of these where a replica reserves no GPU.
NO_GPUS = {"", "-1", "NoDevFiles"}

# The least compute capability with arithmetic in bf16 (Ampere).
BF16_CAPABILITY = (8, 0)

# Package and the distributions that bring it.
PACKAGES = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What engines are chosen by.

    Attributes:
        cpu_flags: the CPU's instruction sets by Linux's names; empty where they are not known.
        has_gpu: whether PyTorch or ONNX Runtime can use a GPU here.
        gpu_has_bf16: whether that GPU computes in bf16.
        packages: versions of the installed engines by package.
    """

    cpu_flags: frozenset[str] = frozenset()
    has_gpu: bool = False
    gpu_has_bf16: bool = False
    packages: dict[str, str] = field(default_factory=dict)

    @property
    def cpu_has_bf16(self) -> bool:
        """Whether the CPU multiplies matrices of bf16, twice as fast as fp32 or more."""
        return bool(self.cpu_flags & {"avx512_bf16", "amx_bf16"})

    @property
    def cpu_has_fp16(self) -> bool:
        """Whether the CPU computes in fp16."""
        return bool(self.cpu_flags & {"avx512_fp16", "amx_fp16"})


def this_machine() -> Machine:
    """Look at the machine; imports an engine's library only where there is a GPU."""
    packages = {package: found for package in PACKAGES if (found := installed(package)) is not None}
    has_gpu, gpu_has_bf16 = _gpu(packages) if _may_have_gpu() else (False, False)
    return Machine(cpu_flags(), has_gpu, gpu_has_bf16, packages)


def installed(package: str) -> str | None:
    """Return the version of a package; None where it is not installed."""
    if find_spec(package) is None:
        return None
    for distribution in PACKAGES.get(package, (package,)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "unknown"


def cpu_flags(info: Path = CPU_INFO) -> frozenset[str]:
    """Return the instruction sets that Linux knows of the first CPU."""
    try:
        lines = info.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.split())


def cpu_model(info: Path = CPU_INFO) -> str:
    """Return the first CPU's name by Linux; empty where it is not known."""
    try:
        lines = info.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _may_have_gpu() -> bool:
    """Whether looking for a GPU is worth importing a library."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "any") in NO_GPUS
    # The second is how the Linux of Windows shows a GPU.
    return not hidden and (any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists())


def _gpu(packages: dict[str, str]) -> tuple[bool, bool]:
    """Return whether a library can use a GPU, and whether that computes in bf16."""
    if "torch" in packages:
        import torch  # noqa: PLC0415 - seconds that only a machine with a GPU has to spend

        has_gpu = torch.cuda.is_available()
        return has_gpu, has_gpu and torch.cuda.get_device_capability() >= BF16_CAPABILITY
    if "onnxruntime" in packages:
        import onnxruntime  # noqa: PLC0415 - as above

        return "CUDAExecutionProvider" in onnxruntime.get_available_providers(), False
    return False, False
