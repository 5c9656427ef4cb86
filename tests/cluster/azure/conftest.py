from pathlib import Path

import pytest


@pytest.fixture
def repository():
    return Path(__file__).parents[3]


@pytest.fixture
def stack():
    """Declares a stack from what its configuration would say."""
    from azure_stack import declare

    return declare
