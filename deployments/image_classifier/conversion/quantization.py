"""int8 by post-training quantization: NNCF measures the range of each layer on images of the user's."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.errors import StartupError
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import FILES, ConvertedModel, seal
from deployments.image_classifier.engines.engine import Kind
from deployments.image_classifier.engines.machine import installed

# As many as NNCF itself recommends; more change the ranges little.
MOST_IMAGES = 300

# Networks of attention need ranges of another kind.
TRANSFORMERS = ("vit_", "swin_", "maxvit")


def quantize(model: ConvertedModel, images: NDArray[np.uint8], directory: Path) -> ConvertedModel:
    """Quantize weights and activations to int8.

    Args:
        model: in fp32.
        images: (n, side, side, 3), such as the network will meet; the first 300 are used.
        directory: an empty one for the files.

    Raises:
        StartupError: NNCF is not installed.
        ConversionError: it cannot quantize the network.
        OSError: the files cannot be written.
    """
    if installed("nncf") is None:
        raise StartupError("NNCF is not installed: install it with `pip install 'ray-scoring[quantization]'`.")
    about = model.about
    logging.getLogger("nncf").setLevel(logging.ERROR)
    try:
        _QUANTIZERS[about.kind](model, images[:MOST_IMAGES], directory / FILES[about.kind][0])
    except OSError:
        raise
    except Exception as error:
        raise ConversionError(f"NNCF cannot quantize the network ({type(error).__name__})") from error
    facts = about.facts | {"calibration_images": min(len(images), MOST_IMAGES)}
    versions = about.versions | {"nncf": installed("nncf") or ""}
    return seal(directory, about.model_copy(update={"precision": "int8", "facts": facts, "versions": versions}))


def _quantize_openvino(model: ConvertedModel, images: NDArray[np.uint8], file: Path) -> None:
    import openvino  # noqa: PLC0415 - each library where it is used: the other need not be installed

    network = openvino.Core().read_model(model.network)
    network.reshape([-1, *images.shape[1:]])
    depthwise = [each.get_friendly_name() for each in network.get_ops() if each.get_type_name() == "GroupConvolution"]
    openvino.save_model(_quantized(network, model, list(images[:, None]), depthwise), file, compress_to_fp16=False)


def _quantize_onnx(model: ConvertedModel, images: NDArray[np.uint8], file: Path) -> None:
    import onnx  # noqa: PLC0415 - as above

    network = onnx.load(model.network)
    name = network.graph.input[0].name
    depthwise = [each.name for each in network.graph.node if each.op_type == "Conv" and _groups(each) > 1]
    onnx.save(_quantized(network, model, [{name: image} for image in images[:, None]], depthwise), file)


def _groups(convolution: Any) -> int:
    return next((attribute.i for attribute in convolution.attribute if attribute.name == "group"), 1)


def _quantized(network: Any, model: ConvertedModel, samples: list[Any], depthwise: list[str]) -> Any:
    import nncf  # noqa: PLC0415 - slow to import

    is_transformer = str(model.about.facts.get("architecture", "")).startswith(TRANSFORMERS)
    return nncf.quantize(
        network,
        nncf.Dataset(samples),
        # Activations in asymmetric ranges, and a correction that looks at each layer's output in turn: on
        # mobilenet_v2's photos 96 of 100 answers stay the same in place of 92, for a slower conversion.
        preset=nncf.QuantizationPreset.MIXED,
        fast_bias_correction=False,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(samples),
        model_type=nncf.ModelType.TRANSFORMER if is_transformer else None,
        # A filter for each channel: few multiplications, whose ranges differ most.
        ignored_scope=nncf.IgnoredScope(names=depthwise),
    )


_QUANTIZERS: dict[Kind, Any] = {"openvino": _quantize_openvino, "onnx": _quantize_onnx}
