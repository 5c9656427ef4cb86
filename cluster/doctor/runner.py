"""Checks run side by side, and none of them holds up the others."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.doctor.findings import Check, Finding, Place, Result, failed, skipped

AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Answer:
    index: int
    finding: Finding
    seconds: float


def run_checks(
    checks: Sequence[Check],
    explain: Callable[[Exception], Finding],
    *,
    at_once: int = AT_ONCE,
) -> list[Result]:
    """Run checks in threads, each with a limit of its own from when it begins.

    Args:
        checks: what is to run.
        explain: makes a finding of what a check raised.
        at_once: checks that run at the same time; one beyond its limit frees its place.

    Returns:
        The results, in the order of the checks.
    """
    answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    waiting = list(enumerate(checks))[::-1]
    begun: dict[int, float] = {}
    results: dict[int, Result] = {}
    while waiting or begun:
        while waiting and len(begun) < at_once:
            index, check = waiting.pop()
            begun[index] = time.monotonic()
            # A thread that never ends must not keep the program from ending.
            threading.Thread(target=_run, args=(index, check, explain, answers), daemon=True).start()
        first_end = min(start + checks[index].limit_seconds for index, start in begun.items())
        try:
            answer = answers.get(timeout=max(0.0, first_end - time.monotonic()))
        except queue.Empty:
            _give_up(checks, begun, results)
            continue
        # What comes after its limit has been reported already.
        if begun.pop(answer.index, None) is not None:
            results[answer.index] = _result(checks[answer.index], answer.finding, answer.seconds)
    return [results[index] for index in range(len(checks))]


def skip(checks: Sequence[Check], why: str) -> list[Result]:
    """Return results of checks that are not run."""
    return [_result(check, skipped(why), 0) for check in checks]


def _run(
    index: int, check: Check, explain: Callable[[Exception], Finding], answers: queue.SimpleQueue[_Answer]
) -> None:
    start = time.monotonic()
    try:
        finding = check.run()
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide what the others find
        finding = explain(error)
    answers.put(_Answer(index, finding, time.monotonic() - start))


def _give_up(checks: Sequence[Check], begun: dict[int, float], results: dict[int, Result]) -> None:
    now = time.monotonic()
    for index, start in list(begun.items()):
        limit = checks[index].limit_seconds
        if now - start >= limit:
            del begun[index]
            finding = failed(
                f"no answer within {limit:g} s", "Look for what is slow or in the way, or raise --timeout."
            )
            results[index] = _result(checks[index], finding, now - start)


def _result(check: Check, finding: Finding, seconds: float) -> Result:
    return Result(check.name, check.stage, Place.HERE, finding, seconds)
