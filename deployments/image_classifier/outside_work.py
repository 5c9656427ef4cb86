"""What a request costs outside of the network, made up: so that tuning does not take the machine to be its own."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

PROCESSES = 2
BLOCK = bytes(16 * 1024)


class OutsideWork:
    """Keeps other processes busy for each request, as the web server and the decoding of images would.

    Args:
        milliseconds: of a CPU, for each request.

    As a context it starts the processes, on the main thread, and ends them.
    """

    def __init__(self, milliseconds: float) -> None:
        self._milliseconds = milliseconds
        # Not forked: a copy of an engine's threads and locks may hang.
        context = multiprocessing.get_context("spawn")
        self._processes = ProcessPoolExecutor(PROCESSES, context)

    async def __call__(self) -> None:
        """Wait until the work for one request is done."""
        await asyncio.get_running_loop().run_in_executor(self._processes, work, self._milliseconds)

    def __enter__(self) -> Self:
        with _without_interrupts():
            started = [self._processes.submit(work, self._milliseconds) for _ in range(PROCESSES)]
        for each in started:
            each.result()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._processes.shutdown(cancel_futures=True)


def work(milliseconds: float) -> float:
    """Compute for so many milliseconds of this thread's CPU time, and return those that it took."""
    started = time.thread_time()
    while (done := (time.thread_time() - started) * 1e3) < milliseconds:
        hashlib.sha256(BLOCK).digest()
    return done


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have processes that start meanwhile ignore Ctrl-C, which reaches all of a terminal: this one ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
