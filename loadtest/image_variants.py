"""The engines and precisions that image benchmarks compare; what cannot run says why, and is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from loadtest.errors import BenchmarkError

Device = Literal["cpu", "cuda"]
ANYWHERE: tuple[Device, ...] = ("cpu", "cuda")
ON_CPU: tuple[Device, ...] = ("cpu",)
ON_GPU: tuple[Device, ...] = ("cuda",)


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run a network.

    Attributes:
        name: for the table.
        precision: of the arithmetic.
        engine: the settings of the image classifier that it takes beside the network's and the precision.
        devices: on which it is measured.
        quantized: kind of the files that int8 is made as beforehand; None for what starts from the network.
        as_it_comes: PyTorch without an engine around it.
        of_keras: whether Keras's own network of that architecture is run, whose weights are random.
    """

    name: str
    precision: Literal["fp32", "bf16", "fp16", "int8"]
    engine: dict[str, Any]
    devices: tuple[Device, ...] = ANYWHERE
    quantized: Literal["openvino", "onnx"] | None = None
    as_it_comes: bool = False
    of_keras: bool = False


# What the others are compared with.
REFERENCE = Variant("PyTorch as it comes, fp32", "fp32", {"engine": "torch"}, as_it_comes=True)

# Networks of torchvision that Keras has as well, by its names.
APPLICATIONS = {
    "resnet50": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "mobilenet_v2": "MobileNetV2",
    "densenet121": "DenseNet121",
    "vgg16": "VGG16",
}

VARIANTS = (
    REFERENCE,
    Variant("PyTorch fp32", "fp32", {"engine": "torch"}),
    Variant("PyTorch bf16", "bf16", {"engine": "torch"}),
    Variant("PyTorch fp16", "fp16", {"engine": "torch"}, ON_GPU),
    Variant("PyTorch fp32, compiled", "fp32", {"engine": "torch", "compile": True}, ON_GPU),
    Variant("PyTorch bf16, compiled", "bf16", {"engine": "torch", "compile": True}, ON_GPU),
    Variant("OpenVINO fp32", "fp32", {"engine": "openvino"}, ON_CPU),
    Variant("OpenVINO bf16", "bf16", {"engine": "openvino"}, ON_CPU),
    Variant("OpenVINO int8", "int8", {"engine": "openvino"}, ON_CPU, quantized="openvino"),
    Variant("ONNX Runtime fp32", "fp32", {"engine": "onnxruntime"}),
    Variant("ONNX Runtime int8", "int8", {"engine": "onnxruntime"}, ON_CPU, quantized="onnx"),
    Variant("Keras fp32", "fp32", {"engine": "keras"}, of_keras=True),
    Variant("Keras, OpenVINO bf16", "bf16", {"engine": "openvino"}, ON_CPU, of_keras=True),
)


def chosen(device: Device, only: Sequence[str] | None) -> list[Variant]:
    """Return the variants for a device, the reference first.

    Args:
        device: where they run.
        only: parts of names, in any case; none for all. The reference is always there.

    Raises:
        BenchmarkError: no name holds one of the parts.
    """
    possible = [variant for variant in VARIANTS if device in variant.devices]
    parts = [part.casefold() for part in only or [""]]
    found = [variant for variant in possible if any(part in variant.name.casefold() for part in parts)]
    if not found:
        names = ", ".join(variant.name for variant in possible)
        raise BenchmarkError(f"There is no such engine on {device}; there are: {names}.")
    return [REFERENCE, *(variant for variant in found if variant is not REFERENCE)]


@dataclass(frozen=True, slots=True)
class Network:
    """What all variants run.

    Attributes:
        architecture: torchvision's name of it.
        weights_uri: its state dict; None for torchvision's.
        untrained: whether that is a random one.
    """

    architecture: str
    weights_uri: str | None = None
    untrained: bool = False
    # One preprocessing for all: that of torchvision's newest recipe.
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        found = {"architecture": self.architecture, "weights": "DEFAULT"}
        uri = {} if self.weights_uri is None else {"weights_uri": self.weights_uri}
        object.__setattr__(self, "settings", found | uri)

    def loaded(self, variant: Variant, device: Device, **more: Any) -> str:
        """Return the settings for `loadtest.in_process.image`.

        Args:
            variant: the engine.
            device: where it runs.
            more: settings of the image classifier that take the place of the network's, as `model_dir` does.

        Raises:
            BenchmarkError: Keras has no such network.
        """
        network = {} if "model_dir" in more else self._of_keras() if variant.of_keras else self.settings
        model = {**network, "precision": variant.precision, "device": device, **variant.engine, **more}
        return json.dumps({"model": model, "allow_untrained": True, "as_it_comes": variant.as_it_comes})

    def _of_keras(self) -> dict[str, Any]:
        if self.architecture not in APPLICATIONS:
            raise BenchmarkError(f"Keras has no {self.architecture}.")
        return {"keras": {"application": APPLICATIONS[self.architecture]}, "download": False}
