"""Inference in a loop against inference as a service runs it: now and then, with other work between.

What a service adds to inference in process may lie in the inference itself. A program of its own:
`python -m loadtest.in_process.image_pauses --settings JSON` with the model's settings prints a table of milliseconds
for one image: back to back; after a sleep, in which its threads fall asleep and the CPU may slow down; after other data
have filled the caches; after other processes had the CPUs, as a web server and decoding have between two requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deployments.image_classifier.engines.engine import Engine
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.loading import load_model
from deployments.image_classifier.outside_work import OutsideWork
from deployments.image_classifier.settings import ImageClassifierSettings
from loadtest.report import Report

# Between two answers of a service to one client.
PAUSE_SECONDS = 0.008

# More than the caches of a CPU hold.
CACHES = 128 * 1024 * 1024

Between = Callable[[], object]


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--images", type=int, default=100)
    options = parser.parse_args()
    model = load_model(ImageClassifierSettings.model_validate(options.settings), allow_untrained=True)
    print(measure(model.engine, model.preset.crop, images=options.images).markdown())


def measure(engine: Engine, side: int, *, images: int) -> Report:
    """Measure one image after each kind of pause, in turn, so that a disturbance meets all kinds alike."""
    image, filling = probe(side), np.zeros(CACHES // 8)
    with OutsideWork(PAUSE_SECONDS * 1e3) as outside, asyncio.Runner() as runner:
        kinds: dict[str, Between] = {
            "Back to back": lambda: engine.infer(image),
            "After a sleep": lambda: time.sleep(PAUSE_SECONDS),
            "After other data": lambda: np.add(filling, 1, out=filling),
            "After other processes": lambda: runner.run(_busy(outside)),
        }
        engine.infer(image)
        samples: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(images):
            for kind, between in kinds.items():
                between()
                samples[kind].append(_seconds(engine, image))
    return _report(samples, engine)


async def _busy(outside: OutsideWork) -> None:
    await asyncio.gather(*(outside() for _ in range(len(os.sched_getaffinity(0)))))


def _seconds(engine: Engine, image: NDArray[np.uint8]) -> float:
    started = time.perf_counter()
    engine.infer(image)
    return time.perf_counter() - started


def _report(samples: dict[str, list[float]], engine: Engine) -> Report:
    rows = [[kind, *(f"{value * 1e3:.1f}" for value in _told(values))] for kind, values in samples.items()]
    facts = engine.describe()
    return Report(
        "Inference of one image by what came before it, ms",
        ["", "p10", "p50", "p90"],
        rows,
        [f"{facts['engine']} {facts['precision']}, {facts['threads']} threads."],
        {"samples": samples, "engine": facts},
    )


def _told(values: list[float]) -> tuple[float, float, float]:
    tenths = statistics.quantiles(values, n=10)
    return tenths[0], tenths[4], tenths[8]


if __name__ == "__main__":
    main()
