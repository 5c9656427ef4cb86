"""Work that is done on the event loop while it is brief, and on a thread when it is not.

Work that holds the interpreter's lock stops the event loop from a thread as it does on the loop itself: the lock
changes hands every 5 ms at the soonest. So for brief work a thread only adds a hand-over in each direction, some 0.1 ms
under load; and what is answered on the loop leaves with the next turn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

ResultT = TypeVar("ResultT")

# How long the event loop may stand still: two of the interpreter's own intervals.
BRIEF_SECONDS = 0.01

# Runs that say how long the next may take. A longer one sends as many that follow to the thread.
REMEMBERED = 64


class BriefWork:
    """Runs work of one kind, one piece at a time.

    Args:
        thread: names the thread.
        clock: seconds.
    """

    def __init__(self, thread: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=thread)
        self._clock = clock
        # Runs until a long one is forgotten; nothing is known of the first.
        self._long_left = 0
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
        if seconds > BRIEF_SECONDS:
            self._long_left = REMEMBERED
        elif self._long_left:
            self._long_left -= 1
        self._is_brief = not self._long_left
