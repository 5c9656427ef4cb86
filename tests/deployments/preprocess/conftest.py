import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def photos():
    """Paths of real photos, which are no part of the project."""
    root = Path(os.environ.get("SCORING_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    found = sorted((root / "images" / "imagenet").glob("*.JPEG")) + sorted((root / "images" / "coral").glob("*.*"))
    if not found:
        pytest.skip("No photos: set SCORING_TEST_DATA to a directory that holds images/imagenet/*.JPEG.")
    return found


@pytest.fixture
def run_python():
    """Run lines of Python in an interpreter of their own; returns the completed process."""

    def run(code):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    return run
