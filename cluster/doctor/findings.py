"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """When something is needed for the first time."""

    CREATE = "create"
    ROUTER = "router start"
    DEPLOY = "deploy"
    SERVE = "serve"


class Outcome(StrEnum):
    """What a check says; only `FAILED` keeps the application from running."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Place(StrEnum):
    """From where it was looked at."""

    HERE = "here"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        outcome: whether it holds.
        message: one line that says what is.
        advice: one line that says what to do; empty where nothing is to be done.
    """

    outcome: Outcome
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold.

    Attributes:
        name: what is looked at, in a few words.
        stage: when it is needed.
        run: looks; may raise `KubernetesError`.
        limit_seconds: after which there is no waiting for it any more.
        needs_api: whether it asks the API server, and so is skipped where that cannot be asked.
    """

    name: str
    stage: Stage
    run: Callable[[], Finding]
    limit_seconds: float = 20
    needs_api: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """A check that has run, with what it found."""

    name: str
    stage: Stage
    place: Place
    finding: Finding
    seconds: float


def ok(message: str) -> Finding:
    """It holds."""
    return Finding(Outcome.OK, message)


def warning(message: str, advice: str) -> Finding:
    """It may not hold, or does not yet matter."""
    return Finding(Outcome.WARNING, message, advice)


def failed(message: str, advice: str) -> Finding:
    """It does not hold, and the application cannot run."""
    return Finding(Outcome.FAILED, message, advice)


def skipped(message: str) -> Finding:
    """Not looked at; the message says why."""
    return Finding(Outcome.SKIPPED, message)


_SEVERITY = (Outcome.FAILED, Outcome.WARNING, Outcome.OK, Outcome.SKIPPED)


def together(findings: Iterable[Finding], nothing: str) -> Finding:
    """Make one finding of several: the worst outcome, and all that was found of it.

    Args:
        findings: of the parts of one check.
        nothing: why it is skipped where there are none.
    """
    all_of_them = list(findings)
    if not all_of_them:
        return skipped(nothing)
    worst = min((each.outcome for each in all_of_them), key=_SEVERITY.index)
    shown = [each for each in all_of_them if each.outcome is worst]
    return Finding(worst, _joined(each.message for each in shown), _joined(each.advice for each in shown))


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))
