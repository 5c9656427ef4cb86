"""The engines of the image classifier side by side: start, latency, images per second, memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.errors import BenchmarkError
from loadtest.image_engine_figures import Measured, Start, report
from loadtest.image_variants import Device, Network, Variant, chosen
from loadtest.payloads import CONTENT_TYPES
from loadtest.programs import Program, program
from loadtest.report import Report


class Bench:
    """One run: a directory, a network, and what has been found.

    Args:
        directory: for files, a cache for each engine among them.
        network: what all engines run.
        device: where.
        photos: to calibrate int8 with; none for noise.
    """

    def __init__(self, directory: Path, network: Network, device: Device, photos: Sequence[Path]) -> None:
        self._directory = directory
        self._network = network
        self._device = device
        self._photos = photos
        self._more: dict[str, dict[str, Any]] = {}
        # Why engines are left out.
        self.left_out: dict[str, str] = {}

    def start(self, variant: Variant, times: int) -> Start | None:
        """Start an engine from nothing, then with its cache; None where it cannot run, which is noted."""
        try:
            quantization = self._quantized(variant)
            first = self._started(variant) if quantization is None else None
            starts = [self._started(variant) for _ in range(times)]
        except BenchmarkError as error:
            self.left_out[variant.name] = str(error)
            return None
        seconds = [each for each, _, _ in starts]
        _, resident, facts = starts[-1]
        return Start(first[0] if first else None, seconds, resident, facts, quantization)

    def open(self, variant: Variant, **more: Any) -> AbstractContextManager[Program]:
        """Start the program of an engine.

        Args:
            variant: the engine.
            more: further settings.
        """
        settings = self._network.loaded(variant, self._device, **self._more.get(variant.name, {}), **more)
        return program("image", "--settings", settings, environment=self._environment(variant))

    def rotate(
        self, programs: Mapping[str, Program], measured: Mapping[str, Measured], size: int, seconds: float
    ) -> None:
        """Measure every engine once with a batch size; one that fails is left out from then on."""
        for name, running in programs.items():
            if name in self.left_out:
                continue
            try:
                measured[name].rounds.setdefault(size, []).append(running.ask(do="batch", size=size, seconds=seconds))
            except BenchmarkError as error:
                self.left_out[name] = f"With a batch of {size}: {error}"

    def _started(self, variant: Variant) -> tuple[float, float, dict[str, Any]]:
        with self.open(variant) as running:
            return running.start_seconds, running.ask(do="memory")["resident_mib"], running.facts

    def _quantized(self, variant: Variant) -> float | None:
        """Make the files of int8 beforehand; returns the seconds, None where no files are needed."""
        if variant.quantized is None:
            return None
        output = self._directory / "int8" / variant.quantized
        shared = ["--settings", json.dumps(self._network.settings), "--directory", str(self._directory)]
        with program("image_files", *shared, environment=self._environment(variant)) as files:
            photos = [str(path) for path in self._photos]
            answer = files.ask(do="quantize", kind=variant.quantized, photos=photos, directory=str(output))
        self._more[variant.name] = {"model_dir": str(output)}
        return float(answer["seconds"])

    def _environment(self, variant: Variant) -> dict[str, str]:
        return {"SCORING_CACHE": str(self._directory / "caches" / variant.name)}


def measure(
    architecture: str,
    *,
    device: Device,
    batches: Sequence[int],
    data: Path | None,
    only: Sequence[str] | None,
    seconds: float,
    rounds: int,
    starts: int,
) -> Report:
    """Start every engine, then measure them in rotation.

    Args:
        architecture: torchvision's name of the network.
        device: where it runs.
        batches: sizes beside 1.
        data: folder with `images/imagenet` and `weights/ARCHITECTURE.pth`, either of which may be missing.
        only: parts of the engines' names; none for all.
        seconds: least length of each measurement.
        rounds: how many of each engine and batch size.
        starts: how many with the cache.

    Raises:
        BenchmarkError: no engine can run the network.
    """
    variants, sizes = chosen(device, only), sorted({1, *batches})
    with TemporaryDirectory(prefix="loadtest-") as directory:
        network = network_files(architecture, data, Path(directory))
        bench = Bench(Path(directory), network, device, photos_in(data))
        started = {variant.name: (variant, bench.start(variant, starts)) for variant in variants}
        measured = {name: Measured(name, start) for name, (_, start) in started.items() if start is not None}
        with ExitStack() as stack:
            programs = {
                name: stack.enter_context(bench.open(started[name][0], max_batch=sizes[-1])) for name in measured
            }
            for size in sizes * rounds:
                bench.rotate(programs, measured, size, seconds)
            found = [measured[name] for name in programs if name not in bench.left_out]
            for each in found:
                each.memory = programs[each.name].ask(do="memory")
    if not found:
        raise BenchmarkError(f"No engine runs {architecture}: {next(iter(bench.left_out.values()))}")
    return report(found, bench.left_out, network, photos=len(photos_in(data)))


def network_files(architecture: str, data: Path | None, directory: Path) -> Network:
    """Find a network's weights: the data's, torchvision's, or random ones, which are written to the directory.

    Raises:
        BenchmarkError: there is no such network.
    """
    given = None if data is None else data / "weights" / f"{architecture}.pth"
    if given is not None and given.is_file():
        return Network(architecture, str(given.resolve()))
    settings = json.dumps(Network(architecture).settings)
    with program("image_files", "--settings", settings, "--directory", str(directory)) as files:
        return Network(architecture, files.facts["weights"], files.facts["untrained"])


def photos_in(data: Path | None) -> list[Path]:
    """Return the photos of a data folder in the order of their names; none without one."""
    if data is None:
        return []
    folder = data / "images" / "imagenet"
    return sorted(path.resolve() for path in folder.glob("*") if path.suffix.lower() in CONTENT_TYPES)
