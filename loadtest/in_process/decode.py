"""Preparing photos, without a service: what `scoring bench decode` measures.

A program of its own: `python -m loadtest.in_process.decode --photos FILE... --seconds S --rounds N` prints a line of
JSON with milliseconds; with `--weights FILE` also what scaled decoding does to a network's answers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deployments.contracts import Classes, EncodedImage, ImagePreset, PreparedImage
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

# As torchvision's newest recipes have it, ResNet-152's and mobilenet_v2's among them.
PRESET = ImagePreset(232, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

LARGE_PIXELS = 12_000_000
LARGE_QUALITY = 90

# Enough to be no single photo's figures, few enough to make in seconds.
LARGE_PHOTOS = 10

# Below it two classes are as good as equal, and any rounding decides.
TIE = 0.001


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--weights")
    parser.add_argument("--architecture", default="mobilenet_v2")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    photos = [path.read_bytes() for path in options.photos]
    chosen = photos[:: max(1, len(photos) // LARGE_PHOTOS)][:LARGE_PHOTOS]
    sizes = {"as they are": photos, "12 megapixels": [enlarged(photo) for photo in chosen]}
    found: dict[str, Any] = {
        "sizes": {name: timed(files, options.seconds, options.rounds) for name, files in sizes.items()}
    }
    if options.weights:
        found["classes"] = compared(photos, options.architecture, options.weights)
    print(json.dumps(found), flush=True)


def enlarged(photo: bytes) -> bytes:
    """Return a photo at 12 megapixels, as a JPEG of quality 90 with colour at half the size."""
    image = Image.open(BytesIO(photo)).convert("RGB")
    times = (LARGE_PIXELS / (image.width * image.height)) ** 0.5
    size = round(image.width * times), round(image.height * times)
    file = BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=LARGE_QUALITY)
    return file.getvalue()


def timed(photos: Sequence[bytes], seconds: float, rounds: int) -> dict[str, Any]:
    """Prepare photos with and without scaled decoding, in turns, so that both meet the same machine.

    Returns:
        `scaled` and `whole`: for each round the median, `p50`, and the least, in milliseconds; and medians of the
        photos' `width`, `height` and `bytes`.
    """
    ways = {
        "scaled": Preprocessor(PreprocessSettings(scaled_decoding=True), PRESET),
        "whole": Preprocessor(PreprocessSettings(scaled_decoding=False), PRESET),
    }
    found: dict[str, Any] = {name: {"p50": [], "least": []} for name in ways}
    for _ in range(rounds):
        samples = _round(ways, photos, seconds)
        for name in ways:
            found[name]["p50"].append(statistics.median(samples[name]))
            found[name]["least"].append(min(samples[name]))
    sizes = [Image.open(BytesIO(photo)).size for photo in photos]
    return found | {
        "width": statistics.median(width for width, _ in sizes),
        "height": statistics.median(height for _, height in sizes),
        "bytes": statistics.median(len(photo) for photo in photos),
    }


def _round(ways: dict[str, Preprocessor], photos: Sequence[bytes], seconds: float) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in ways}
    until = time.perf_counter() + seconds
    while not all(samples.values()) or time.perf_counter() < until:
        for photo in photos:
            for name, way in ways.items():
                started = time.perf_counter()
                way.prepare(EncodedImage(photo))
                samples[name].append((time.perf_counter() - started) * 1e3)
    return samples


def compared(photos: Iterable[bytes], architecture: str, weights: str) -> dict[str, Any]:
    """Classify photos at 12 megapixels, decoded whole and scaled, in single precision.

    Returns:
        `photos`; mean and largest difference of `pixels`, of 255; `agree`: photos with the same first class; `ties`:
        photos without it whose first two classes lie closer than TIE; the `largest` difference of any probability,
        and the mean of each photo's largest. The same after a change of each pixel by 1 or 0 up or down, `noise_`.
    """
    settings = ImageClassifierSettings(
        architecture=architecture, weights="DEFAULT", weights_uri=weights, engine="torch", precision="fp32"
    )
    classifier = ImageClassifier.load(settings, allow_untrained=False)
    preset = classifier.describe().preset
    assert preset is not None  # noqa: S101 - every image model has one
    scaled, whole = (Preprocessor(PreprocessSettings(scaled_decoding=flag), preset) for flag in (True, False))
    chance = np.random.default_rng(0)
    rows, noises = [], []
    for photo in photos:
        large = EncodedImage(enlarged(photo))
        first, second = (_pixels(way, large) for way in (whole, scaled))
        expected = _probabilities(classifier, first)
        rows.append(_difference(expected, _probabilities(classifier, second)) | _pixel_difference(first, second))
        moved = np.clip(first.astype(np.int16) + chance.integers(-1, 2, first.shape), 0, 255).astype(np.uint8)
        noises.append(_difference(expected, _probabilities(classifier, moved)))
    pixels = {"pixels": statistics.fmean(row["mean"] for row in rows), "pixels_most": max(row["most"] for row in rows)}
    noise = {f"noise_{name}": value for name, value in _summary(noises).items()}
    return {"photos": len(rows), **pixels, **_summary(rows), **noise}


def _pixels(way: Preprocessor, photo: EncodedImage) -> np.ndarray[Any, np.dtype[np.uint8]]:
    prepared = way.prepare(photo).result
    assert isinstance(prepared, PreparedImage)  # noqa: S101 - the program has made it
    return prepared.pixels


def _probabilities(classifier: ImageClassifier, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[int, float]:
    """Return all probabilities by class, most probable first."""
    count = classifier.describe().parameters["classes"]
    (classes,) = classifier.score([PreparedImage(pixels, top_k=int(count))])
    assert isinstance(classes, Classes)  # noqa: S101 - the model was warmed up
    return dict(zip(classes.indices, classes.probabilities, strict=True))


def _pixel_difference(first: Any, second: Any) -> dict[str, float]:
    difference = np.abs(first.astype(np.int16) - second)
    return {"mean": float(difference.mean()), "most": float(difference.max())}


def _difference(expected: dict[int, float], given: dict[int, float]) -> dict[str, float]:
    best, next_best = list(expected.values())[:2]
    return {
        "same": float(next(iter(expected)) == next(iter(given))),
        "margin": best - next_best,
        "largest": max(abs(probability - given[index]) for index, probability in expected.items()),
    }


def _summary(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {
        "agree": sum(row["same"] for row in rows),
        "ties": sum(not row["same"] and row["margin"] < TIE for row in rows),
        "largest": max(row["largest"] for row in rows),
        "largest_mean": statistics.fmean(row["largest"] for row in rows),
    }


if __name__ == "__main__":
    main()
