"""Which engine runs the network, in which precision, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from deployments.errors import StartupError
from deployments.image_classifier.engines.engine import RUNS, Device, EngineName, Kind, Library, Precision
from deployments.image_classifier.engines.machine import Machine

# What may be asked for.
AskedEngine = Literal["auto"] | EngineName
AskedPrecision = Literal["auto"] | Precision
AskedDevice = Literal["auto"] | Device

# In which engines auto looks for one that is installed, fastest first by measurements on CPUs with AVX-512.
ON_CPU: dict[Library, tuple[EngineName, ...]] = {
    "torch": ("openvino", "torch", "onnxruntime"),
    "keras": ("openvino", "keras"),
}
ON_GPU: dict[Library, tuple[EngineName, ...]] = {"torch": ("torch", "onnxruntime"), "keras": ("keras",)}

NAMES: dict[EngineName, str] = {
    "torch": "PyTorch",
    "openvino": "OpenVINO",
    "onnxruntime": "ONNX Runtime",
    "keras": "Keras",
}

# Compute in what the network's own layers say.
AS_THEY_ARE: dict[EngineName, str] = {
    "onnxruntime": "ONNX Runtime computes in what the file holds",
    "keras": "Keras computes in what the network's layers say",
}


@dataclass(frozen=True, slots=True)
class Converted:
    """What of a converted model decides who can run it: its kind of files and the precision of its weights."""

    kind: Kind
    precision: Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, and the reason for it.

    Attributes:
        engine: by name.
        precision: of the arithmetic.
        device: where it runs.
        why: a sentence.
    """

    engine: EngineName
    precision: Precision
    device: Device
    why: str


def choose(
    machine: Machine,
    *,
    engine: AskedEngine = "auto",
    precision: AskedPrecision = "auto",
    device: AskedDevice = "auto",
    converted: Converted | None = None,
    library: Library = "torch",
) -> Choice:
    """Choose what is near the bound of the machine among what is installed, unless the user says otherwise.

    Args:
        machine: what there is.
        engine: as in the settings.
        precision: as in the settings.
        device: as in the settings.
        converted: the model, where it is converted already.
        library: where the network comes from, where it is not.

    Raises:
        StartupError: what is asked for is not there or does not go together.
    """
    where = _device(machine, device, engine, converted)
    name, reason = _engine(machine, where, engine, converted, library)
    arithmetic, because = _precision(machine, where, name, precision, converted)
    return Choice(name, arithmetic, where, f"{NAMES[name]}, since {reason}; {arithmetic}, since {because}.")


def _device(machine: Machine, asked: AskedDevice, engine: AskedEngine, converted: Converted | None) -> Device:
    if asked == "cuda" and not machine.has_gpu:
        raise StartupError("device is cuda, and this replica has no GPU; set device to auto or cpu, or gpus to 1.")
    on_cpu_only = engine == "openvino" or (converted is not None and converted.kind == "openvino")
    if asked == "cuda" and on_cpu_only:
        raise StartupError("OpenVINO runs on the CPU only; set device to auto or cpu, or take another engine.")
    return "cuda" if machine.has_gpu and asked != "cpu" and not on_cpu_only else "cpu"


def _engine(
    machine: Machine, device: Device, asked: AskedEngine, converted: Converted | None, library: Library
) -> tuple[EngineName, str]:
    if converted is not None:
        return _engine_for(machine, asked, converted)
    if asked != "auto":
        return _installed(machine, _running(asked, library)), "the settings say so"
    place = "a GPU" if device == "cuda" else "a CPU"
    for name in ON_GPU[library] if device == "cuda" else ON_CPU[library]:
        if name in machine.packages:
            return name, f"it is the fastest of the installed engines on {place}"
    raise StartupError(f"No engine is installed: install one with `pip install 'ray-scoring[{library},openvino]'`.")


def _running(asked: EngineName, library: Library) -> EngineName:
    running = ON_CPU[library]
    if asked not in running:
        names = " or ".join(running)
        raise StartupError(
            f"engine is {asked}, and a network of {NAMES[library]} runs with {names}; "
            f"set engine to auto or {running[0]}."
        )
    return asked


def _engine_for(machine: Machine, asked: AskedEngine, converted: Converted) -> tuple[EngineName, str]:
    runs = RUNS[converted.kind]
    if asked not in {"auto", runs}:
        raise StartupError(
            f"engine is {asked}, and the converted model is one of {NAMES[runs]}; set engine to auto or {runs}."
        )
    return _installed(machine, runs), "the model is converted for it"


def _installed(machine: Machine, name: EngineName) -> EngineName:
    if name not in machine.packages:
        raise StartupError(f"{NAMES[name]} is not installed: install it with `pip install 'ray-scoring[{name}]'`.")
    return name


def _precision(
    machine: Machine, device: Device, engine: EngineName, asked: AskedPrecision, converted: Converted | None
) -> tuple[Precision, str]:
    if converted is not None and converted.precision == "int8":
        if asked not in {"auto", "int8"}:
            raise StartupError(f"precision is {asked}, and the model is quantized to int8; set it to auto or int8.")
        return "int8", "the model is quantized"
    if asked == "int8":
        raise StartupError(
            "precision int8 needs a model that is quantized with images of yours: make one with "
            "`scoring image convert --precision int8`, and name it with model_dir."
        )
    possible = _possible(machine, device, engine)
    if asked == "auto":
        return possible[0], _why_fastest(possible[0], device, engine)
    if asked not in possible:
        place = "GPU" if device == "cuda" else "CPU"
        raise StartupError(
            f"precision is {asked}, and {NAMES[engine]} on this {place} computes in {' or '.join(possible)}; "
            "set precision to auto."
        )
    return asked, "the settings say so"


def _possible(machine: Machine, device: Device, engine: EngineName) -> list[Precision]:
    """Return the precisions that gain something, fastest first, and fp32."""
    if engine in AS_THEY_ARE:
        return ["fp32"]
    if device == "cuda":
        return ["bf16", "fp16", "fp32"] if machine.gpu_has_bf16 else ["fp16", "fp32"]
    bf16: list[Precision] = ["bf16"] if machine.cpu_has_bf16 else []
    fp16: list[Precision] = ["fp16"] if machine.cpu_has_fp16 and engine == "openvino" else []
    return [*bf16, *fp16, "fp32"]


def _why_fastest(precision: Precision, device: Device, engine: EngineName) -> str:
    if engine in AS_THEY_ARE:
        return AS_THEY_ARE[engine]
    place = "GPU" if device == "cuda" else "CPU"
    return f"the {place} has {'it' if precision != 'fp32' else 'no instructions for bf16'}"
