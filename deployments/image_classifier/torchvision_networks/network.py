"""A network of torchvision with its weights, on its way to an engine."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.engines.engine import Engine, EngineOptions, Kind
from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.torchvision_networks.classification import Classification, load_network
from deployments.image_classifier.torchvision_networks.source import TorchvisionSource

# ONNX's symbol for the size of a batch has bounds; no replica comes near this one.
MAX_BATCH = 65536


class TorchNetwork:
    """A `Network` of PyTorch.

    Args:
        graph: the network, from pixels to probabilities.
        side: of the images, in pixels.
    """

    def __init__(self, graph: Classification, side: int) -> None:
        self._graph = graph
        self._side = side

    @classmethod
    def load(cls, source: TorchvisionSource) -> TorchNetwork:
        """Build the network; see `Source.load`."""
        return cls(load_network(source), source.preset.crop)

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._graph.state_dict().values())

    @torch.inference_mode()
    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Answer in fp32; see `Network`."""
        probabilities: NDArray[np.float32] = self._graph(torch.from_numpy(images)).numpy()
        return probabilities

    def write(self, kind: Kind, file: Path) -> None:
        """Write it for another library; see `Network`."""
        # Of two, so that no converter takes the size of the batch for a constant.
        images = torch.from_numpy(probe(self._side, 2))
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            _WRITERS[kind](self._graph, images, file)

    def engine(self, options: EngineOptions) -> Engine:
        """Run it in PyTorch; see `Network`."""
        return TorchEngine(
            self._graph,
            self._side,
            device=options.device,
            precision=options.precision,
            threads=options.threads,
            max_batch=options.max_batch,
            compile=options.compile,
            gpu_memory=options.gpu_memory,
        )


def _write_openvino(graph: Classification, images: torch.Tensor, file: Path) -> None:
    import openvino  # noqa: PLC0415 - each library where it is used: the other need not be installed

    model = openvino.convert_model(graph, example_input=images)
    # Weights stay fp32; the engine computes in what the CPU is fastest at.
    openvino.save_model(model, file, compress_to_fp16=False)


def _write_onnx(graph: Classification, images: torch.Tensor, file: Path) -> None:
    if installed("onnx") is None:
        raise ConversionError("the package onnx is missing: install it with `pip install 'ray-scoring[onnxruntime]'`")
    # The exporter that PyTorch recommends needs onnxscript; the older one makes the same of these networks.
    dynamo = installed("onnxscript") is not None
    batch: dict[str, Any] = (
        {"dynamic_shapes": {"images": {0: torch.export.Dim("batch", min=1, max=MAX_BATCH)}}}
        if dynamo
        else {"dynamic_axes": {"images": {0: "batch"}, "probabilities": {0: "batch"}}}
    )
    names: dict[str, Any] = {"input_names": ["images"], "output_names": ["probabilities"]}
    torch.onnx.export(graph, (images,), file, dynamo=dynamo, external_data=False, verbose=False, **names, **batch)


_WRITERS = {"openvino": _write_openvino, "onnx": _write_onnx}
