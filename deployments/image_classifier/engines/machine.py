"""What this process can compute on: the CPU's instructions, a GPU, the installed libraries."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from deployments.image_classifier.engines.devices import may_have_gpu
from deployments.image_classifier.engines.engine import Library

CPU_INFO = Path("/proc/cpuinfo")

# The least compute capability with arithmetic in bf16 (Ampere).
BF16_CAPABILITY = (8, 0)

# Package and the distributions that bring it.
PACKAGES = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "keras": ("keras",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
}

# What runs Keras here.
BACKEND = "tensorflow"


@dataclass(frozen=True, slots=True)
class Machine:
    """What engines are chosen by.

    Attributes:
        cpu_flags: the CPU's instruction sets by Linux's names; empty where they are not known.
        has_gpu: whether the library that networks come from, or ONNX Runtime, can use a GPU here.
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


def this_machine(library: Library = "torch") -> Machine:
    """Look at the machine; imports a library only where there is a GPU.

    Args:
        library: where networks come from: each sees a GPU only with drivers and packages of its own.
    """
    packages = {package: found for package in PACKAGES if (found := installed(package)) is not None}
    if BACKEND not in packages:
        packages.pop("keras", None)
    has_gpu, gpu_has_bf16 = _gpu(packages, library) if may_have_gpu() else (False, False)
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
    return frozenset(_of_first_cpu(info, "flags", "Features").split())


def cpu_model(info: Path = CPU_INFO) -> str:
    """Return the first CPU's name by Linux; empty where it is not known."""
    return _of_first_cpu(info, "model name")


def _of_first_cpu(info: Path, *names: str) -> str:
    try:
        lines = info.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(names)), "")


def _gpu(packages: dict[str, str], library: Library) -> tuple[bool, bool]:
    """Return whether a library can use a GPU, and whether that computes in bf16."""
    if library == "keras":
        return "keras" in packages and _tensorflow_has_gpu(), False
    if "torch" in packages:
        import torch  # noqa: PLC0415 - seconds that only a machine with a GPU has to spend

        has_gpu = torch.cuda.is_available()
        return has_gpu, has_gpu and torch.cuda.get_device_capability() >= BF16_CAPABILITY
    if "onnxruntime" in packages:
        import onnxruntime  # noqa: PLC0415 - as above

        return "CUDAExecutionProvider" in onnxruntime.get_available_providers(), False
    return False, False


def _tensorflow_has_gpu() -> bool:
    from deployments.image_classifier.keras_networks.library import tf  # noqa: PLC0415 - as above

    return bool(tf.config.list_physical_devices("GPU"))
