"""What tests on a real cluster share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

NO_CLUSTER = "KUBECONFIG names no cluster; any with KubeRay's operator will do, as kind with KubeRay's Helm chart."


def need_cluster() -> None:
    """Skip what needs a cluster where none is named."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip(NO_CLUSTER)


def until(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition of the cluster."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not after {seconds:.0f} s: {what}"
        time.sleep(0.5)
