"""The network leaves PyTorch: as OpenVINO's files or as ONNX."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import FILES, About, ConvertedModel, seal
from deployments.image_classifier.engines.engine import Kind
from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.network import Classification
from deployments.image_classifier.source import ModelSource

# ONNX's symbol for the size of a batch has bounds; no replica comes near this one.
MAX_BATCH = 65536

CONVERTERS: dict[Kind, tuple[str, ...]] = {"openvino": ("torch", "openvino"), "onnx": ("torch", "onnx", "onnxscript")}


def export(graph: Classification, source: ModelSource, kind: Kind, directory: Path) -> ConvertedModel:
    """Convert a network for another library, batches of any size.

    Args:
        graph: the network.
        source: what it is.
        kind: for which library.
        directory: an empty one for the files.

    Raises:
        ConversionError: the library cannot convert it.
        OSError: the files cannot be written.
    """
    file = directory / FILES[kind][0]
    # Of two, so that no converter takes the size of the batch for a constant.
    images = torch.from_numpy(probe(source.known.preset.crop, 2))
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            _WRITERS[kind](graph, images, file)
    except (OSError, ConversionError):
        raise
    except Exception as error:
        raise ConversionError(f"{source.architecture} cannot be converted ({type(error).__name__})") from error
    return seal(directory, _about(source, kind))


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


def _about(source: ModelSource, kind: Kind) -> About:
    versions = {package: found for package in CONVERTERS[kind] if (found := installed(package)) is not None}
    return About(
        kind=kind,
        precision="fp32",
        weights=source.weights,
        preset=source.known.preset,
        labels=source.labels,
        facts=source.facts,
        versions=versions,
    )
