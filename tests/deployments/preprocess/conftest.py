import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def photos(find_shared):
    """Paths of real photos, which are no part of the project."""
    return sorted(find_shared("images/imagenet").glob("*.JPEG")) + sorted(find_shared("images/coral").glob("*.*"))


@pytest.fixture
def run_python():
    """Run lines of Python in an interpreter of their own; returns the completed process."""

    def run(code):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    return run
