"""Work that is done on the event loop while it is brief, and on a thread when it is not.

Work that holds the interpreter's lock stops the event loop from a thread as it does on the loop itself: the lock
changes hands every 5 ms at the soonest. So for brief work a thread only adds a hand-over in each direction, some 0.1 ms
under load; and what is answered on the loop leaves with the next turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

ResultT = TypeVar("ResultT")

# How long the event loop may stand still: two of the interpreter's own intervals.
BRIEF_SECONDS = 0.01

# Runs that say how long the next may take. More long ones among them than a few, which a busy machine makes of any
# work, send what follows to the thread.
REMEMBERED = 64
FEW_LONG = 2


class BriefWork:
    """Runs work of one kind, one piece at a time.

    Args:
        thread: names the thread.
        clock: seconds.
    """

    def __init__(self, thread: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=thread)
        self._clock = clock
        # Which of the last runs were long; nothing is known of the first.
        self._runs = 0
        self._long: deque[int] = deque()
        self._is_brief = False
        # Held by the piece that runs. A caller that is cancelled leaves its piece running on the thread.
        self._running = Lock()

    async def run(self, function: Callable[[], ResultT]) -> ResultT:
        """Return what a function returns; it is called here, or on the thread where others of late took long."""
        if self._is_brief and self._running.acquire(blocking=False):
            try:
                return self._timed(function)
            finally:
                self._running.release()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._on_thread, function)

    def try_now(self, function: Callable[[], ResultT]) -> ResultT | None:
        """Return what a function returns, at once, where others of late were brief; else None, and it is not called."""
        if not self._is_brief or not self._running.acquire(blocking=False):
            return None
        try:
            return self._timed(function)
        finally:
            self._running.release()

    @property
    def is_brief(self) -> bool:
        """Whether what ran of late was brief; nothing is known of the first."""
        return self._is_brief

    def _on_thread(self, function: Callable[[], ResultT]) -> ResultT:
        with self._running:
            return self._timed(function)

    def _timed(self, function: Callable[[], ResultT]) -> ResultT:
        started = self._clock()
        try:
            return function()
        finally:
            self._note(self._clock() - started)

    def _note(self, seconds: float) -> None:
        self._runs += 1
        if seconds > BRIEF_SECONDS:
            self._long.append(self._runs)
        while self._long and self._long[0] <= self._runs - REMEMBERED:
            self._long.popleft()
        # The first run says all that is known.
        self._is_brief = len(self._long) <= (FEW_LONG if self._runs > FEW_LONG else 0)
