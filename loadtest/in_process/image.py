"""Decode and inference without a service: the figure that `image-overhead` compares with.

A program of its own:
`python -m loadtest.in_process.image --settings JSON --photo FILE` loads the model, then answers each line of its input,
a number of seconds, with a line of JSON: medians in milliseconds over so many seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployments.contracts import EncodedImage, PreparedImage
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

Step = Callable[[], tuple[float, float]]


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--photo", type=Path, required=True)
    options = parser.parse_args()
    step, facts = load(options.settings, options.photo.read_bytes())
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(step, float(line))), flush=True)


def load(settings: dict[str, Any], photo: bytes) -> tuple[Step, dict[str, Any]]:
    """Load the model as the service does.

    Args:
        settings: `model` and `preprocess` as in the service's config, `threads` where they are given there,
            `allow_untrained`.
        photo: an image file.

    Returns:
        A function that classifies the photo once and returns the seconds of decode and inference; and facts.
    """
    model = ImageClassifierSettings.model_validate(settings["model"])
    classifier = ImageClassifier.load(model, allow_untrained=settings["allow_untrained"])
    description = classifier.describe()
    assert description.preset is not None  # noqa: S101 - every image model has one
    preprocessor = Preprocessor(PreprocessSettings.model_validate(settings["preprocess"]), description.preset)
    image = EncodedImage(photo)

    def step() -> tuple[float, float]:
        started = time.perf_counter()
        prepared = preprocessor.prepare(image).result
        decoded = time.perf_counter()
        assert isinstance(prepared, PreparedImage)  # noqa: S101 - the service has answered the same photo
        classifier.score([prepared])
        return decoded - started, time.perf_counter() - decoded

    return step, dict(description.parameters)


def measure(step: Step, seconds: float) -> dict[str, float]:
    """Repeat a step for a while.

    Returns:
        Medians in milliseconds: `decode`, `infer` and `total`; and `count`.
    """
    samples: list[tuple[float, float]] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not samples:
        samples.append(step())
    return {
        "decode": statistics.median(decode for decode, _ in samples) * 1e3,
        "infer": statistics.median(infer for _, infer in samples) * 1e3,
        "total": statistics.median(decode + infer for decode, infer in samples) * 1e3,
        "count": len(samples),
    }


if __name__ == "__main__":
    main()
