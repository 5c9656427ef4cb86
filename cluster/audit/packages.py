"""The packages that locks name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from deployments.errors import StartupError


@dataclass(frozen=True, order=True)
class Pin:
    """One version of one package, wherever it is installed: locks name several for several Pythons.

    Attributes:
        name: as indexes compare names, in lower case with hyphens.
        version: the locked one.
    """

    name: str
    version: Version


def pins_of(locks: Iterable[Path]) -> dict[Pin, list[str]]:
    """Return what locks pin, with the names of the locks.

    Raises:
        StartupError: a file has a line that is no pin.
    """
    found: dict[Pin, list[str]] = {}
    for lock in locks:
        for line in lock.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith((" ", "#")):
                found.setdefault(_pin(line, lock), []).append(lock.name)
    return found


def _pin(line: str, lock: Path) -> Pin:
    try:
        requirement = Requirement(line.removesuffix("\\"))
        (specifier,) = requirement.specifier
        version = Version(specifier.version)
    except (InvalidRequirement, InvalidVersion, ValueError):
        specifier = None
    if specifier is None or specifier.operator != "==":
        raise StartupError(f"{lock}: `{line}` pins no version.")
    return Pin(canonicalize_name(requirement.name), version)
