"""Prints, as JSON, what is installed where it runs; its text is run by the Python of an image, without this package."""

from __future__ import annotations

import json
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path

DEBIAN = Path("/var/lib/dpkg/status")


def python_packages() -> list[list[str]]:
    """Return name, version and licence of each distribution that this Python finds."""
    known = (found.metadata for found in distributions())
    return sorted([told["Name"], told["Version"], licence_of(told)] for told in known)


def licence_of(metadata: PackageMetadata) -> str:
    """Return the licence in one line, in SPDX's words if the distribution has them; empty where it tells none."""
    told = [line for field in ("License-Expression", "License") for line in metadata.get_all(field) or []]
    kinds = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
    return told[0] if told and "\n" not in told[0] else ", ".join(kinds)


def debian_packages() -> list[list[str]]:
    """Return name, version and architecture of each package of Debian's."""
    text = DEBIAN.read_text(encoding="utf-8") if DEBIAN.is_file() else ""
    kept = (dict(line.split(": ", 1) for line in part.splitlines() if is_field(line)) for part in text.split("\n\n"))
    wanted = [told for told in kept if told.get("Status", "").endswith(" installed")]
    return sorted([told["Package"], told["Version"], told["Architecture"]] for told in wanted)


def is_field(line: str) -> bool:
    """Whether a line is a field of its own, and no further line of a long one."""
    return not line.startswith(" ") and ": " in line


if __name__ == "__main__":
    print(json.dumps({"python": python_packages(), "debian": debian_packages()}))
