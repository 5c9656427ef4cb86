"""What a running local service tells other commands: where its config is, and which state of it is in force."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from deployments.cache_root import cache_root
from deployments.errors import StartupError
from serve_app.config_lines import config_yaml

if TYPE_CHECKING:
    from serve_app.config_file import ConfigFile

SERVICES = "services"


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs on this machine.

    Attributes:
        port: where it listens for HTTP.
        url: where it answers.
        config: its config file.
        applied: digest of the text that is in force, or was refused.
        problem: why that text was refused; empty where it is in force.
        failed: why each version that cannot answer does not, by `model/version`.
    """

    port: int
    url: str
    config: Path
    applied: str
    problem: str
    failed: dict[str, str]

    def has_seen(self, text: bytes) -> bool:
        """Whether the service has taken over, or refused, this text of its config file."""
        return self.applied == digest(text)


class ServiceRecord:
    """The record of one service, written by the service itself.

    Args:
        port: of the service, which no other on this machine has.
    """

    def __init__(self, port: int) -> None:
        self._path = _directory() / f"{port}.json"
        self._made = _directory() / f"{port}.yaml"
        self.config: Path | None = None

    def begin(self, url: str, config: ConfigFile, failed: Mapping[str, str]) -> bytes | None:
        """Write the record; a service without a config file gets one that can be changed.

        Args:
            url: where the service answers.
            config: what it serves.
            failed: versions that cannot answer, and why.

        Returns:
            The text of the config file.
        """
        self.config = config.path
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self.config is None:
            self.config = self._made
            self._made.write_text(config_yaml(config.content), encoding="utf-8")
        text = self.text_of_config()
        if text is not None:
            self.write(url, text, failed)
        return text

    def text_of_config(self) -> bytes | None:
        """Return what the config file holds now; None where it cannot be read."""
        try:
            return None if self.config is None else self.config.read_bytes()
        except OSError:
            return None

    def write(self, url: str, text: bytes, failed: Mapping[str, str], problem: str = "") -> None:
        """Say what became of a text of the config file."""
        content = {
            "process": os.getpid(),
            "url": url,
            "config": str(Path(self.config or "").absolute()),
            "applied": digest(text),
            "problem": problem,
            "failed": dict(failed),
        }
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(self._path)

    def end(self) -> None:
        """Take the record away."""
        self._path.unlink(missing_ok=True)
        self._made.unlink(missing_ok=True)


def find_service(port: int | None) -> RunningService:
    """Return a running service of this user.

    Args:
        port: where it listens for HTTP; None for the only one.

    Raises:
        StartupError: there is none, or there are several.
    """
    services = {found.port: found for found in _running()}
    if port is not None and port not in services:
        raise StartupError(f"No service of `scoring serve` listens on port {port}{_others(services)}.")
    if port is None and len(services) != 1:
        what = f"Several services run: name one with --port{_others(services)}" if services else "No service runs"
        raise StartupError(f"{what}; or name a config file with --config.")
    return services[port] if port is not None else next(iter(services.values()))


def service_of(config: Path) -> RunningService | None:
    """Return the service that runs from a config file; None without one."""
    wanted = config.absolute()
    return next((found for found in _running() if found.config == wanted), None)


def digest(text: bytes) -> str:
    """Return what tells two texts apart."""
    return hashlib.sha256(text).hexdigest()


def _others(services: dict[int, RunningService]) -> str:
    return f" ({', '.join(map(str, sorted(services)))})" if services else ""


def _running() -> list[RunningService]:
    return [found for path in sorted(_directory().glob("*.json")) if (found := _read(path))]


def _directory() -> Path:
    return cache_root(SERVICES)


def _read(path: Path) -> RunningService | None:
    """Return what a record says; None for one that a service left behind which was killed."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not psutil.pid_exists(int(content["process"])):
            return None
        told = {key: content[key] for key in ("url", "applied", "problem", "failed")}
        return RunningService(port=int(path.stem), config=Path(content["config"]), **told)
    except (OSError, ValueError, KeyError):
        return None
