"""What engines answer to photos, beside PyTorch in fp32 as it comes.

A program of its own: `python -m loadtest.in_process.image_answers --settings JSON --variants JSON --labels CSV
--photos FILE...` prints a line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.errors import StartupError
from deployments.image_classifier.conversion.class_table import read_classes
from deployments.image_classifier.conversion.comparison import compare
from deployments.image_classifier.engines.engine import Kind
from deployments.image_classifier.loading import load_model
from deployments.image_classifier.settings import IN_CONVERTED, ImageClassifierSettings
from deployments.image_classifier.torchvision_networks.source import TorchvisionSource, find_torchvision
from loadtest.in_process import answering
from loadtest.in_process.image import plain
from loadtest.in_process.image_files import prepared, quantized

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]

# At once, for the reference.
PART = 16


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    options = parser.parse_args()

    def load() -> tuple[dict[str, Any], answering.Answer]:
        answers = Answers(options.settings, options.photos, options.labels)
        return answers.facts, lambda request: answers.of(request["settings"], request["quantized"])

    answering.run(load)


class Answers:
    """Photos, and what PyTorch in fp32 as it comes answers to them.

    Args:
        settings: of the network: architecture, weights.
        photos: image files.
        labels: CSV of their classes.

    Raises:
        StartupError: the network or a file cannot be read.
    """

    def __init__(self, settings: dict[str, Any], photos: Sequence[Path], labels: Path) -> None:
        # The CPU is the reference wherever the others run.
        reference = plain(ImageClassifierSettings.model_validate(settings), allow_untrained=False)
        self._source = find_torchvision(ImageClassifierSettings.model_validate(settings), allow_untrained=False)
        self._names = [path.name for path in photos]
        self._pixels = prepared([path.read_bytes() for path in photos], self._source.known.preset)
        parts = [self._pixels[start : start + PART] for start in range(0, len(photos), PART)]
        self._expected = np.concatenate([reference.engine.infer(part) for part in parts])
        known = read_classes(labels, len(self._source.labels))
        self._classes = np.array([known.get(name, -1) for name in self._names], np.int64)
        if (self._classes < 0).all():
            raise StartupError(f"{labels} names none of the photos.")
        right = compare(self._expected, self._expected, self._classes).accuracy
        self.facts: dict[str, Any] = {"photos": len(photos), "accuracy": right and right[1]}

    def of(self, settings: dict[str, Any], kind: Kind | None) -> dict[str, Any]:
        """Compare an engine.

        Args:
            settings: of the image classifier.
            kind: of the files that the network is quantized as first; None to run it as it is.

        Returns:
            As `difference`, and the engine's facts.

        Raises:
            StartupError: the engine cannot run the network.
            ConversionError: as for `quantized`.
        """
        found = np.empty_like(self._expected)
        facts: dict[str, Any] = {}
        for photos, files in self._parts(kind):
            with files as more:
                kept = {name: value for name, value in settings.items() if not (more and name in IN_CONVERTED)}
                model = load_model(ImageClassifierSettings.model_validate({**kept, **more}), allow_untrained=False)
                found[photos] = model.engine.infer(self._pixels[photos])
                facts = dict(model.engine.describe())
        return {**difference(found, self._expected, self._classes, self._names), "facts": facts}

    def _parts(self, kind: Kind | None) -> Iterator[tuple[slice, AbstractContextManager[dict[str, Any]]]]:
        """The photos and the settings to classify them with: quantized, each half with the ranges of the other."""
        if kind is None:
            yield slice(None), nullcontext({})
            return
        halves = slice(0, None, 2), slice(1, None, 2)
        for judged, calibrating in (halves, halves[::-1]):
            yield judged, _quantized_files(self._source, kind, with_mirrored(self._pixels[calibrating]))


@contextmanager
def _quantized_files(source: TorchvisionSource, kind: Kind, images: Pixels) -> Iterator[dict[str, Any]]:
    with TemporaryDirectory(prefix="loadtest-") as directory:
        quantized(source, kind, images, Path(directory))
        yield {"model_dir": directory}


def with_mirrored(images: Pixels) -> Pixels:
    """Return (n, height, width, 3) images and each of them with left and right exchanged: twice as many."""
    return np.concatenate([images, images[:, :, ::-1]])


def difference(
    found: Probabilities, expected: Probabilities, classes: NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    """Compare answers.

    Args:
        found: (n, classes) probabilities of an engine.
        expected: the same of the reference.
        classes: (n) right classes; -1 where none is known.
        names: of the photos.

    Returns:
        As `Comparison`, with the mean over the photos of the largest difference of a probability, `difference_mean`,
        and the photos with another class and how near the reference's first two are there, `others`.
    """
    largest = np.abs(found - expected).max(axis=1)
    second, first = np.sort(expected, axis=1)[:, -2:].T
    other = np.flatnonzero(found.argmax(axis=1) != expected.argmax(axis=1))
    return {
        **asdict(compare(found, expected, classes)),
        "difference_mean": float(largest.mean()),
        "others": {names[place]: float(first[place] - second[place]) for place in other.tolist()},
    }


if __name__ == "__main__":
    main()
