"""What a worker has counted since it last told the master, and what comes together of all workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from loadtest.generator import histogram
from loadtest.generator.histogram import Histogram

OK = "ok"
# A bad request that was refused as it must be.
EXPECTED = "expected"


class Cell:
    """Requests of one group that were due in one interval of one step, or in more of them.

    Attributes:
        wanted: that were due.
        sent: of them, those that went out.
        outcomes: of those that are over, by kind.
        ok: times of those that were answered as they should be, from when they were due.
        failed: times of the others.
        lag: how long after they were due they went out.
    """

    __slots__ = ("failed", "lag", "ok", "outcomes", "sent", "wanted")

    def __init__(self) -> None:
        self.wanted = 0
        self.sent = 0
        self.outcomes: Counter[str] = Counter()
        self.ok = Histogram()
        self.failed = Histogram()
        self.lag = Histogram()

    def add(self, other: Cell) -> None:
        """Count what another one has counted."""
        self.wanted += other.wanted
        self.sent += other.sent
        self.outcomes.update(other.outcomes)
        self.ok.merge(other.ok)
        self.failed.merge(other.failed)
        self.lag.merge(other.lag)

    def packed(self) -> list[Any]:
        """Return plain values for a message."""
        return [
            self.wanted,
            self.sent,
            dict(self.outcomes),
            *(each.packed() for each in (self.ok, self.failed, self.lag)),
        ]


def unpacked(values: Sequence[Any]) -> Cell:
    """Return what `Cell.packed` made plain values of."""
    cell = Cell()
    cell.wanted, cell.sent = values[0], values[1]
    cell.outcomes.update(values[2])
    cell.ok, cell.failed, cell.lag = (histogram.unpacked(each) for each in values[3:])
    return cell


class Tally:
    """Counts by interval, step and group; what has been reported is forgotten.

    Args:
        interval: length of an interval in seconds.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._cells: dict[tuple[int, int, int], Cell] = {}
        self._answered: Counter[int] = Counter()
        self._last: dict[int, float] = {}
        self.totals = {"wanted": 0, "sent": 0, "over": 0}

    def due(self, at: float, step: int, group: int, count: int = 1) -> Cell:
        """Count requests that are due so many seconds after the start."""
        key = (int(at / self._interval), step, group)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell()
        cell.wanted += count
        self.totals["wanted"] += count
        return cell

    def sent(self, at: float, step: int, group: int, lag: float) -> None:
        """Count a request that goes out, so many seconds after it was due."""
        cell = self.due(at, step, group, 0)
        cell.sent += 1
        cell.lag.add(max(lag, 0.0))
        self.totals["sent"] += 1

    def over(self, at: float, step: int, group: int, ended: float, outcome: str) -> None:
        """Count what became of a request that was sent.

        Args:
            at: when it was due, in seconds since the start.
            step: its step.
            group: its group.
            ended: when it was over.
            outcome: `ok`, `expected`, or what went wrong.
        """
        cell = self.due(at, step, group, 0)
        cell.outcomes[outcome] += 1
        if outcome in {OK, EXPECTED}:
            cell.ok.add(ended - at)
            self._answered[int(ended / self._interval)] += 1
        else:
            cell.failed.add(ended - at)
        self._last[step] = max(ended, self._last.get(step, 0.0))
        self.totals["over"] += 1

    def take(self) -> dict[str, Any]:
        """Return what is new since the last time, as plain values, and forget it."""
        taken = {
            "cells": [[*key, *cell.packed()] for key, cell in self._cells.items()],
            "answered": list(self._answered.items()),
            "last": list(self._last.items()),
        }
        self._cells, self._answered, self._last = {}, Counter(), {}
        return taken
