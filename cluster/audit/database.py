"""OSV's database of vulnerabilities in Python packages: one archive, from its address or from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile

import httpx
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cluster.audit.packages import Pin
from deployments.errors import StartupError

ADDRESS = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """A vulnerability of a locked package.

    Attributes:
        pin: the package.
        names: its identifier, and those that it is also known by.
        summary: one line; may be empty.
        fixed_in: versions that mend it.
    """

    pin: Pin
    names: frozenset[str]
    summary: str
    fixed_in: tuple[str, ...]


class Unreachable(Exception):
    """The database could not be fetched."""


def fetch(place: str) -> bytes:
    """Return the archive from a URL, or from a file on a machine that reaches none.

    Raises:
        Unreachable: the URL gives nothing.
        StartupError: the file does not exist.
    """
    if not place.startswith(("https://", "http://")):
        path = Path(place)
        if not path.is_file():
            raise StartupError(f"The file {path} of vulnerabilities does not exist.")
        return path.read_bytes()
    try:
        return httpx.get(place, timeout=_SECONDS, follow_redirects=True).raise_for_status().content
    except httpx.HTTPError:
        raise Unreachable from None


def shown(place: str) -> str:
    """Return a place as it may be shown: an address without user, password and query."""
    parts = urlsplit(place)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl() if parts.netloc else place


def findings(archive: bytes, pins: Iterable[Pin]) -> list[Finding]:
    """Return what the archive knows about these packages, in their order.

    Raises:
        StartupError: it is no archive of OSV's.
    """
    wanted: dict[str, list[Pin]] = {}
    for pin in pins:
        wanted.setdefault(pin.name, []).append(pin)
    try:
        found = [finding for entry in _entries(archive) for finding in _of_entry(entry, wanted)]
    except (BadZipFile, json.JSONDecodeError, UnicodeDecodeError):
        raise StartupError("The database of vulnerabilities is not a ZIP archive of OSV's JSON files.") from None
    return sorted(found, key=lambda finding: (finding.pin, sorted(finding.names)))


def _entries(archive: bytes) -> Iterator[dict[str, Any]]:
    with ZipFile(BytesIO(archive)) as files:
        for name in files.namelist():
            if name.endswith(".json"):
                entry = json.loads(files.read(name))
                if "withdrawn" not in entry:
                    yield entry


def _of_entry(entry: dict[str, Any], wanted: dict[str, list[Pin]]) -> Iterator[Finding]:
    names = frozenset([entry["id"], *entry.get("aliases", [])])
    for affected in entry.get("affected", []):
        package = affected.get("package", {})
        if package.get("ecosystem") != "PyPI":
            continue
        for pin in wanted.get(canonicalize_name(package.get("name", "")), []):
            if _is_affected(pin.version, affected):
                yield Finding(pin, names, entry.get("summary", ""), tuple(_fixes(affected)))


def _is_affected(version: Version, affected: dict[str, Any]) -> bool:
    """Whether a version is listed or in a range: https://ossf.github.io/osv-schema/#evaluation."""
    listed = any(version == other for text in affected.get("versions", []) if (other := _version(text)))
    return listed or any(_is_in_range(version, events) for events in _ranges(affected))


def _is_in_range(version: Version, events: list[dict[str, str]]) -> bool:
    """Goes through the events in the order of their versions; the last one that is reached decides."""
    told = ((_version(text), kind) for event in events for kind, text in event.items())
    steps = [(at, kind) for at, kind in told if at is not None]
    is_in = False
    for at, kind in sorted(steps, key=lambda step: (step[0], step[1] == "introduced")):
        if kind == "introduced":
            is_in = is_in or version >= at
        elif kind == "fixed":
            is_in = is_in and version < at
        elif kind == "last_affected":
            is_in = is_in and version <= at
    return is_in


def _ranges(affected: dict[str, Any]) -> Iterator[list[dict[str, str]]]:
    return (bounds["events"] for bounds in affected.get("ranges", []) if bounds.get("type") == "ECOSYSTEM")


def _fixes(affected: dict[str, Any]) -> Iterator[str]:
    return (event["fixed"] for events in _ranges(affected) for event in events if "fixed" in event)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
