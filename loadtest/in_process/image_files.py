"""What image benchmarks need before they measure: a network's weights as a file, and the network quantized.

A program of its own: `python -m loadtest.in_process.image_files --settings JSON --directory DIR` finds the weights and
says where they are, then quantizes (`loadtest.programs`).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deployments.contracts import EncodedImage, ImagePreset
from deployments.errors import ScoringError, StartupError
from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.conversion.quantization import MOST_IMAGES, quantize
from deployments.image_classifier.engines.engine import Kind
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.torchvision_networks.classification import load_network
from deployments.image_classifier.torchvision_networks.source import TorchvisionSource, find_torchvision
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings
from loadtest.in_process import answering

# Where there are no photos: noise tells NNCF nothing, and so few are as good as many.
NOISE = 16


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()

    def load() -> tuple[dict[str, Any], answering.Answer]:
        source = find_torchvision(ImageClassifierSettings.model_validate(options.settings), allow_untrained=True)
        path = weights_file(source, options.directory)

        def answer(request: dict[str, Any]) -> dict[str, Any]:
            photos = [Path(name).read_bytes() for name in request["photos"][:MOST_IMAGES]]
            images = prepared(photos, source.preset) if photos else probe(source.preset.crop, NOISE)
            return {"seconds": quantized(source, request["kind"], images, Path(request["directory"]))}

        return {"weights": str(path), "untrained": source.file is None}, answer

    answering.run(load)


def weights_file(source: TorchvisionSource, directory: Path) -> Path:
    """Return the file of a network's weights; random ones are written, so that every engine starts from a file."""
    if source.file is not None:
        return source.file.path
    path = directory / f"{source.architecture}.pth"
    torch.save(load_network(source).network.state_dict(), path)
    return path


def prepared(photos: Sequence[bytes], preset: ImagePreset) -> NDArray[np.uint8]:
    """Prepare photos as the service does: (n, crop, crop, 3).

    Raises:
        StartupError: one is no image that can be read.
    """
    preprocessor = Preprocessor(PreprocessSettings(), preset)
    pixels = []
    for photo in photos:
        result = preprocessor.prepare(EncodedImage(photo)).result
        if isinstance(result, ScoringError):
            raise StartupError(f"A photo cannot be used: {result.message}")
        pixels.append(result.pixels)
    return np.stack(pixels)


def quantized(source: TorchvisionSource, kind: Kind, images: NDArray[np.uint8], directory: Path) -> float:
    """Convert a network and quantize it; returns the seconds of quantization.

    Raises:
        ConversionError: the libraries cannot do it.
        StartupError: NNCF is not installed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with converted(source, kind) as model:
        started = time.perf_counter()
        quantize(model, images, directory)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
