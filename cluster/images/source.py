"""What an image is made of: the files that a build gets, and a tag that is a hash of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from deployments.errors import StartupError

Target = Literal["cpu", "gpu"]

DOCKERFILE = "cluster/Dockerfile"
# Names of the targets' locks in requirements/.
LOCKS: dict[Target, str] = {"cpu": "cluster-cpu", "gpu": "cluster-gpu"}

_CONTEXT = ".dockerignore"
_ANYWHERE = "**/"
_LENGTH = 12


def repository() -> Path:
    """Return the root of the checkout that this package runs from.

    Raises:
        StartupError: the package was installed from elsewhere, so that there is no source to build from.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / _CONTEXT).is_file() or not (root / "pyproject.toml").is_file():
        raise StartupError(
            "An image is built from a checkout of the source, and this command was installed without one; "
            "set image.tag in the settings to use an image that is there."
        )
    return root


def source_files(root: Path, target: Target) -> list[Path]:
    """Return the files that go into an image, from the root on, in an order that is the same everywhere.

    They are those that `.dockerignore` lets into a build, without the lock of the other target.
    """
    rules = [line for line in (root / _CONTEXT).read_text(encoding="utf-8").splitlines() if line.strip(" *")]
    wanted = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    unwanted = [rule for rule in rules if not rule.startswith(("!", "#"))]
    unwanted += [f"requirements/{lock}.txt" for other, lock in LOCKS.items() if other != target]
    found = {path.relative_to(root) for name in wanted for path in _files(root / name)}
    return sorted((path for path in found if not _is_unwanted(path, unwanted)), key=Path.as_posix)


def tag_of(root: Path, target: Target, base: str) -> str:
    """Return the tag of an image: its target and a hash of base image, lock, Dockerfile and source."""
    digest = hashlib.sha256(f"{target}\0{base}\0".encode())
    for path in source_files(root, target):
        content = hashlib.sha256((root / path).read_bytes()).hexdigest()
        digest.update(f"{path.as_posix()}\0{content}\0".encode())
    return f"{target}-{digest.hexdigest()[:_LENGTH]}"


def _files(path: Path) -> Iterator[Path]:
    return (found for found in ([path] if path.is_file() else path.rglob("*")) if found.is_file())


def _is_unwanted(path: Path, rules: list[str]) -> bool:
    """Whether a rule leaves out a file or a folder that it is in; `**/` in front means in any folder."""
    folders = [path, *path.parents][:-1]
    return any(
        fnmatch(folder.name, rule.removeprefix(_ANYWHERE)) if rule.startswith(_ANYWHERE) else folder.as_posix() == rule
        for rule in rules
        for folder in folders
    )
