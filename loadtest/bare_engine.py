"""The image classifier's engine without a service, in processes of its own: what the service is compared with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.configs import KINDS, Config, arguments, first_version
from loadtest.payloads import Payload, written
from loadtest.programs import Program, program

# At which the engine is measured: alone, and what the service could make of the requests that wait.
SIZES = (1, 8, 32)

# Memory, where there are many cores: each process has a network of its own.
PROCESSES = (1, 2, 4)


class BareEngine:
    """Programs that have the same network loaded.

    Args:
        reference: prepares photos, too; all its settings are the service's.
        layouts: programs that compute at the same time, by how many threads each has.
    """

    def __init__(self, reference: Program, layouts: Mapping[int, Sequence[Program]]) -> None:
        self._reference = reference
        self._layouts = layouts
        self.facts = reference.facts

    def photos(self, seconds: float) -> dict[str, float]:
        """Prepare and classify single photos; see `InProcess.photo`."""
        return self._reference.ask(do="photo", seconds=seconds)

    def rates(self, seconds: float) -> dict[str, float]:
        """Return images per second by layout and batch size, each measured for a while."""
        found = {}
        for threads, programs in self._layouts.items():
            for size in SIZES:
                label = f"{len(programs)} x {threads} threads, batches of {size}"
                found[label] = sum(self._together(programs, size, seconds))
        return found

    def _together(self, programs: Sequence[Program], size: int, seconds: float) -> list[float]:
        with ThreadPoolExecutor(len(programs)) as pool:
            asked = [pool.submit(each.ask, do="batch", size=size, seconds=seconds) for each in programs]
            return [each.result()["images_per_second"] for each in asked]


@contextmanager
def bare_engine(config: Config, service: Mapping[str, Any], payloads: Sequence[Payload]) -> Iterator[BareEngine]:
    """Start the programs.

    Args:
        config: the service's.
        service: what the service says of its model: device and threads.
        payloads: photos.

    Raises:
        BenchmarkError: the model does not load.
    """
    threads = int(service.get("threads") or len(os.sched_getaffinity(0)))
    layouts = layouts_of(len(os.sched_getaffinity(0))) if service.get("device") == "cpu" else {threads: 1}
    with TemporaryDirectory(prefix="loadtest-") as directory, ExitStack() as stack:
        photos = written(payloads, Path(directory))
        reference = stack.enter_context(_program(config, threads, "--photos", *photos))
        programs = {
            each: [stack.enter_context(_program(config, each, is_free=True)) for _ in range(count)]
            for each, count in layouts.items()
        }
        yield BareEngine(reference, programs)


def layouts_of(cores: int) -> dict[int, int]:
    """Return how many processes may share the cores, by the threads of each; all cores are used."""
    return {cores // count: count for count in PROCESSES if cores % count == 0}


def _program(config: Config, threads: int, *arguments: str, is_free: bool = False) -> AbstractContextManager[Program]:
    return program("image", "--settings", json.dumps(settings(config, threads, is_free=is_free)), *arguments)


def settings(config: Config, threads: int, *, is_free: bool = False) -> dict[str, Any]:
    """Return what the program needs of the service's config.

    Args:
        config: the service's.
        threads: of the program.
        is_free: whether its batches may be of any size, one after another, whatever the service does.
    """
    _, version = first_version(config, KINDS["image"])
    model = {key: _expanded(value) for key, value in version.get("model", {}).items()} | {"threads": threads}
    if is_free:
        model.pop("streams", None)
        model["max_batch"] = max(SIZES)
    return {
        "model": model,
        "preprocess": version.get("preprocess", {}),
        "allow_untrained": arguments(config).get("profile", "local") == "local",
    }


def _expanded(value: Any) -> Any:
    """Put environment variables in their place, as the service does."""
    return os.path.expandvars(value) if isinstance(value, str) else value
