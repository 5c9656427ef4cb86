"""A progress bar that shows once work has taken a while."""

from __future__ import annotations

from collections.abc import Callable
from threading import Timer
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Shorter work shows no bar.
PATIENCE_SECONDS = 2.0


class LateProgress:
    """Shows what is being done and how far, on a terminal only, and leaves nothing behind.

    It is a `progress.Progress`: call it with the step, how much of it is done, and how much there is, or 0.

    Args:
        console: where to show it.
        timer: calls a function after some seconds, on a thread of its own.
    """

    def __init__(self, console: Console, timer: Callable[[float, Callable[[], None]], Timer] = Timer) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        self._timer = timer(PATIENCE_SECONDS, self._progress.start) if console.is_terminal else None
        self._task: TaskID | None = None
        self._step = ""

    def __enter__(self) -> Self:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._progress.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Tells of progress."""
        if self._task is None or step != self._step:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._step, self._task = step, self._progress.add_task(step, total=None)
        self._progress.update(self._task, completed=done, total=total or None)
