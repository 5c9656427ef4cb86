import os
from pathlib import Path

import hypothesis
import pytest

VARIABLE = "SCORING_TEST_DATA"

# Time decides nothing: a first example may compile or load a library.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def find_shared():
    """Find a path in the data that tests share, which are no part of the project; skips the test without them."""
    root = Path(os.environ.get(VARIABLE) or Path(__file__).parents[2] / "shared" / "data")

    def find(path):
        if not (root / path).exists():
            pytest.skip(f"{path} is missing: it is looked for in ../shared/data, or where {VARIABLE} says.")
        return root / path

    return find
