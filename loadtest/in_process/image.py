"""The image classifier without a service: single photos from the file on, batches of pixels, memory.

A program of its own: `python -m loadtest.in_process.image --settings JSON [--photos FILE...]` loads the model and says
its facts, then answers requests, lines of JSON (`loadtest.programs`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.contracts import EncodedImage, ImagePreset, PreparedImage
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.engines.engine import Engine
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.settings import ImageClassifierSettings
from loadtest.in_process import answering

if TYPE_CHECKING:
    from deployments.preprocess.preparation import Preprocessor

STATUS = Path("/proc/self/status")


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    options = parser.parse_args()

    def load() -> tuple[dict[str, Any], answering.Answer]:
        model = InProcess(options.settings, [path.read_bytes() for path in options.photos])
        return model.facts, model.answer

    answering.run(load)


class InProcess:
    """A classifier in this process, warmed up as in the service.

    Args:
        settings: `model` and `preprocess` as in the service's config, `threads` where they are given there;
            `allow_untrained`; `as_it_comes` for PyTorch without an engine around it.
        photos: image files.

    Raises:
        StartupError: as for `ImageClassifier.load`.
    """

    def __init__(self, settings: dict[str, Any], photos: Sequence[bytes] = ()) -> None:
        self._classifier = _load(settings)
        self._classifier.warm_up()
        self._engine: Engine = self._classifier.engine
        description = self._classifier.describe()
        assert description.preset is not None  # noqa: S101 - every image model has one
        self._side = description.preset.crop
        self._known_sizes = {1}
        self._photos = cycle([EncodedImage(photo) for photo in photos])
        self._prepare = _preparation(settings, description.preset) if photos else None
        self.facts: dict[str, Any] = dict(description.parameters)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what `do` asks for: `photo`, `batch` or `memory`."""
        if request["do"] == "photo":
            return self.photo(request["seconds"])
        if request["do"] == "batch":
            return self.batch(request["size"], request["seconds"])
        return memory()

    def photo(self, seconds: float) -> dict[str, float]:
        """Prepare and classify one photo after another for a while.

        Returns:
            Medians in milliseconds: `decode`, `infer` and `total`; and `count`.
        """
        samples: list[tuple[float, float]] = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or not samples:
            samples.append(self._photo(next(self._photos)))
        return {
            "decode": statistics.median(decode for decode, _ in samples) * 1e3,
            "infer": statistics.median(infer for _, infer in samples) * 1e3,
            "total": statistics.median(decode + infer for decode, infer in samples) * 1e3,
            "count": len(samples),
        }

    def _photo(self, image: EncodedImage) -> tuple[float, float]:
        assert self._prepare is not None  # noqa: S101 - the program was started with photos
        started = time.perf_counter()
        prepared = self._prepare.prepare(image).result
        decoded = time.perf_counter()
        assert isinstance(prepared, PreparedImage)  # noqa: S101 - the service has answered the same photo
        self._classifier.score([prepared])
        return decoded - started, time.perf_counter() - decoded

    def batch(self, size: int, seconds: float) -> dict[str, float]:
        """Classify batches of so many images of noise for a while.

        Returns:
            `images_per_second`; `p50_ms` of a batch; `count` of batches.
        """
        images = probe(self._side, size)
        # Unmeasured: whatever a first batch of this size takes, and the end of what another program did before.
        self._engine.infer(images[:1] if size in self._known_sizes else images)
        self._known_sizes.add(size)
        samples: list[float] = []
        begun = time.perf_counter()
        while time.perf_counter() < begun + seconds or not samples:
            started = time.perf_counter()
            self._engine.infer(images)
            samples.append(time.perf_counter() - started)
        return {
            "images_per_second": size * len(samples) / (time.perf_counter() - begun),
            "p50_ms": statistics.median(samples) * 1e3,
            "count": len(samples),
        }


def memory(status: Path = STATUS) -> dict[str, float]:
    """Return this process's resident memory in MiB: now, `resident_mib`, and the most so far, `peak_mib`."""
    # What getrusage tells begins with the memory of the process that started this one.
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
    return {name: int(lines[key].split()[0]) / 1024 for name, key in (("resident_mib", "VmRSS"), ("peak_mib", "VmHWM"))}


def _load(settings: dict[str, Any]) -> ImageClassifier:
    model = ImageClassifierSettings.model_validate(settings["model"])
    load = plain if settings.get("as_it_comes") else ImageClassifier.load
    return load(model, allow_untrained=settings["allow_untrained"])


def plain(settings: ImageClassifierSettings, *, allow_untrained: bool) -> ImageClassifier:
    """Load a network as it comes.

    Raises:
        StartupError: as for `ImageClassifier.load`.
    """
    # PyTorch, which other engines' start must not include.
    from deployments.image_classifier.torchvision_networks.classification import load_network  # noqa: PLC0415
    from deployments.image_classifier.torchvision_networks.source import find_torchvision  # noqa: PLC0415
    from loadtest.in_process.plain_network import PlainNetwork  # noqa: PLC0415

    source = find_torchvision(settings, allow_untrained=allow_untrained)
    preset = source.preset
    device = "cuda" if settings.device == "cuda" else "cpu"
    engine = PlainNetwork(load_network(source), preset.crop, device=device, threads=settings.threads)
    return ImageClassifier(engine, list(source.labels), preset, weights=source.weights, parameters=source.facts)


def _preparation(settings: dict[str, Any], preset: ImagePreset) -> Preprocessor:
    # Pillow, which a start without photos does not need.
    from deployments.preprocess.preparation import Preprocessor  # noqa: PLC0415
    from deployments.preprocess.settings import PreprocessSettings  # noqa: PLC0415

    return Preprocessor(PreprocessSettings.model_validate(settings.get("preprocess", {})), preset)


if __name__ == "__main__":
    main()
