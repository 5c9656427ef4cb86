"""The thread on which requests that are over become counts, log lines and spans."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from deployments.telemetry.instruments import LOST_OBSERVATIONS
from deployments.telemetry.observation import Observation

logger = logging.getLogger("ray.serve")

Consumer = Callable[[Observation], None]
Task = Callable[[], None]

# How often what has gathered is worked off.
INTERVAL_SECONDS = 0.25

# How often metrics are handed on.
EXPORT_SECONDS = 1.0

# Beyond it requests are lost to logs and counts, and counted as lost.
MAX_WAITING = 50_000

# The event loop gets the interpreter back after so many.
CHUNK = 32
BREATH_SECONDS = 0.0005


class Recorder:
    """Works off observations.

    Args:
        consumers: each is shown every observation.
        tasks: run each second, and at the end.
        flushes: run after every few observations.
    """

    def __init__(
        self, consumers: Sequence[Consumer] = (), tasks: Sequence[Task] = (), flushes: Sequence[Task] = ()
    ) -> None:
        self._consumers = list(consumers)
        self._tasks = list(tasks)
        self._flushes = list(flushes)
        self._waiting: deque[Observation] = deque()
        self._stop = threading.Event()
        self._work = threading.Lock()
        self._failed: set[str] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Work off what is left, and end; the second time nothing happens."""
        if not self._stop.is_set():
            self._stop.set()
            if self._thread is not None:
                self._thread.join(timeout=5)
            atexit.unregister(self.stop)

    def record(self, observation: Observation) -> None:
        """Take a request that is over; from any thread, at the cost of an append."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(observation)
        else:
            LOST_OBSERVATIONS.add(1, ())

    def work(self) -> None:
        """Work off what has gathered."""
        with self._work:
            left = len(self._waiting)
            while left > 0:
                for _ in range(min(left, CHUNK)):
                    self._consume(self._waiting.popleft())
                for flush in self._flushes:
                    self._guarded(flush)
                left -= CHUNK
                time.sleep(BREATH_SECONDS)

    def finish(self) -> None:
        """Work off what has gathered, and run the tasks."""
        self.work()
        for task in self._tasks:
            self._guarded(task)

    def _run(self) -> None:
        exported = time.monotonic()
        while not self._stop.wait(INTERVAL_SECONDS):
            if time.monotonic() - exported < EXPORT_SECONDS:
                self.work()
            else:
                exported = time.monotonic()
                self.finish()
        self.finish()

    def _consume(self, observation: Observation) -> None:
        for consumer in self._consumers:
            self._guarded(consumer, observation)

    def _guarded(self, work: Callable[..., None], *arguments: Observation) -> None:
        """Run what must not end the thread; each kind of failure is logged once."""
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the service
            failure = f"{getattr(work, '__qualname__', type(work).__name__)}: {type(error).__name__}"
            if failure not in self._failed:
                self._failed.add(failure)
                logger.warning("Telemetry failed, and says so once: %s.", failure)
