"""An environment for each peer, made from its lock once and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import typer
from platformdirs import user_cache_dir

from loadtest.errors import BenchmarkError

REPOSITORY = Path(__file__).parents[2]
LOCKS = REPOSITORY / "requirements" / "peers"
# Written when everything is installed.
_COMPLETE = "complete"


def lock_of(peer: str) -> Path:
    """Return a peer's lock.

    Raises:
        BenchmarkError: there is none, since this is no checkout.
    """
    lock = LOCKS / f"{peer}.txt"
    if not lock.is_file():
        raise BenchmarkError(f"{lock} is not there; the comparison runs from a checkout of the product only.")
    return lock


def environment_of(peer: str) -> Path:
    """Return where a peer's environment is or will be: another one for another lock, or another Python."""
    made_of = lock_of(peer).read_bytes() + sys.version.encode()
    root = Path(os.environ.get("SCORING_CACHE") or user_cache_dir("ray-scoring"))
    return root / "peers" / f"{peer}-{hashlib.sha256(made_of).hexdigest()[:12]}"


def python_of(peer: str) -> Path:
    """Return the Python of a peer's environment."""
    return environment_of(peer) / "bin" / "python"


def is_made(peer: str) -> bool:
    """Whether a peer's environment is there, whole."""
    return (environment_of(peer) / _COMPLETE).is_file()


def make(peer: str) -> None:
    """Install what a peer's lock names, unless that has been done.

    Raises:
        BenchmarkError: uv is not there, or cannot install it.
    """
    directory = environment_of(peer)
    if is_made(peer):
        return
    uv = uv_path()
    typer.echo(f"Installing {peer} into {directory}", err=True)
    shutil.rmtree(directory, ignore_errors=True)
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(directory)],
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--python",
            str(python_of(peer)),
            "-r",
            str(lock_of(peer)),
        ],
    ):
        if subprocess.run(command, check=False).returncode:
            raise BenchmarkError(f"{peer} cannot be installed; what uv says stands above.")
    (directory / _COMPLETE).touch()


def uv_path() -> str:
    """Return where uv is.

    Raises:
        BenchmarkError: it is not installed.
    """
    own = REPOSITORY / ".venv-uv" / "bin" / "uv"
    found = str(own) if own.is_file() else shutil.which("uv")
    if found is None:
        raise BenchmarkError("uv is not installed, which makes the peers' environments; scripts/setup brings it.")
    return found


def version_of(peer: str, package: str) -> str:
    """Return which version of a package a peer's lock names; empty for none."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock_of(peer).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""
