"""Why a RayService is not ready, said of the objects that show it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cluster.printable import one_line


class CauseKind(StrEnum):
    """What keeps a RayService from being ready."""

    INVALID = "invalid"
    NO_OPERATOR = "no operator"
    REFUSED = "pod refused"
    UNSCHEDULABLE = "unschedulable"
    IMAGE = "image"
    MISSING = "missing object"
    CRASH = "crash"
    MEMORY = "out of memory"
    NOT_READY = "not ready"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason.

    Attributes:
        kind: what it is.
        subject: the object that shows it, such as `pod scoring-x7k2p-head-4fk9s`.
        problem: a sentence without its full stop.
        advice: what to do, as a sentence.
        lines: what was printed last, where that tells more.
        is_final: whether only a change mends it, so that waiting is of no use.
    """

    kind: CauseKind
    subject: str
    problem: str
    advice: str = ""
    lines: tuple[str, ...] = ()
    is_final: bool = False

    def __str__(self) -> str:
        text = f"{self.subject}: {one_line(self.problem).rstrip('.')}."
        text = f"{text} {self.advice}" if self.advice else text
        return "\n".join([text, *(f"  | {line}" for line in self.lines)])
