"""The Docker engine, by its command: what it has, what a registry has, building, pushing, running."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployments.errors import StartupError

# From here on the client asks its plugin buildx for BuildKit; before, the engine itself.
_FIRST_WITH_PLUGIN = 23
_MISSING = ("no such image", "no such manifest", "manifest unknown", "not found", "name unknown")


class Engine:
    """Commands of one `docker` program, against the engine that its environment names."""

    def __init__(self, program: str) -> None:
        self._program = program

    def has(self, image: str) -> bool:
        """Whether the engine has an image."""
        return self._has(["image", "inspect", "--format", "{{.Id}}", image])

    def registry_has(self, image: str) -> bool:
        """Whether the registry that an image's name begins with has it; `docker login` says who asks."""
        return self._has(["manifest", "inspect", image])

    def size(self, image: str) -> int:
        """Return the bytes of an image's files, uncompressed."""
        return int(self._output(["image", "inspect", "--format", "{{.Size}}", image]))

    def build(self, options: Sequence[str], context: Path) -> None:
        """Build an image; the engine's own progress goes to the terminal.

        Raises:
            StartupError: the build failed; why stands in the progress.
        """
        command = [self._program, "build", *options, str(context)]
        done = subprocess.run(command, env={**os.environ, "DOCKER_BUILDKIT": "1"}, check=False)  # noqa: S603
        if done.returncode:
            raise StartupError("The image could not be built; the lines above say why.")

    def push(self, image: str) -> None:
        """Push an image to the registry that its name begins with.

        Raises:
            StartupError: the registry did not take it.
        """
        if subprocess.run([self._program, "push", image], check=False).returncode:  # noqa: S603
            raise StartupError(
                f"{image} could not be pushed; the lines above say why. `docker login` opens a registry."
            )

    def save(self, image: str, archive: Path) -> None:
        """Write an image as an archive, which `docker load` and the likes read.

        Raises:
            StartupError: it cannot be written.
        """
        self._output(["save", "--output", str(archive), image])

    def run(self, image: str, command: Sequence[str]) -> str:
        """Return what a command prints in a new container without network, which is removed after.

        Raises:
            StartupError: it failed.
        """
        return self._output(["run", "--rm", "--network", "none", "--read-only", image, *command])

    def _has(self, arguments: Sequence[str]) -> bool:
        done = self._run(arguments)
        if done.returncode and not any(words in done.stderr.lower() for words in _MISSING):
            raise _failed(arguments, done.stderr)
        return done.returncode == 0

    def _output(self, arguments: Sequence[str]) -> str:
        done = self._run(arguments)
        if done.returncode:
            raise _failed(arguments, done.stderr)
        return done.stdout

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self._program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603


def find_engine(environment: Mapping[str, str] = os.environ) -> Engine:
    """Return the first `docker` on the path that can build with BuildKit.

    Raises:
        StartupError: there is none.
    """
    folders = environment.get("PATH", "").split(os.pathsep)
    programs = [found for folder in folders if folder and (found := shutil.which("docker", path=folder))]
    if not programs:
        raise StartupError("There is no `docker` on the path; building images needs Docker with BuildKit.")
    for program in programs:
        if _has_build_kit(program):
            return Engine(program)
    raise StartupError("This `docker` lacks its plugin buildx, which builds the image; install it (docker-buildx).")


def is_in_registry(image: str) -> bool:
    """Whether an image's name begins with a registry's host, as Docker reads names."""
    host, slash, _ = image.partition("/")
    return bool(slash) and (host == "localhost" or "." in host or ":" in host)


def _has_build_kit(program: str) -> bool:
    version = _client_version(program)
    plugin = subprocess.run([program, "buildx", "version"], capture_output=True, check=False)  # noqa: S603
    return plugin.returncode == 0 or 0 < version < _FIRST_WITH_PLUGIN


def _client_version(program: str) -> int:
    command = [program, "version", "--format", "{{.Client.Version}}"]
    # Without an engine this fails, after it has told the version.
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(".")[0]  # noqa: S603
    return int(told) if told.isdigit() else 0


def _failed(arguments: Sequence[str], told: str) -> StartupError:
    reason = (told.strip().splitlines() or ["no reason given"])[-1]
    return StartupError(f"`docker {' '.join(arguments[:2])}` failed: {reason}")
