"""The devices that this process may use, as the system shows them: no library is asked."""

from __future__ import annotations

import os
from pathlib import Path

# Where Linux shows GPUs: those of NVIDIA's driver; in the Linux of Windows, one of whatever make.
DEVICES = Path("/dev")
NVIDIA = "nvidia[0-9]*"
WINDOWS = "dxg"

# Ray writes one of these where a replica reserves no GPU.
NO_GPUS = {"", "-1", "NoDevFiles"}


def usable_cpus(asked: int | None = None) -> int:
    """Return the CPUs that are asked for; where none are, those that this process may run on."""
    return asked or len(os.sched_getaffinity(0))


def may_have_gpu(devices: tuple[str, ...] = (NVIDIA, WINDOWS)) -> bool:
    """Whether Linux shows a GPU that is not hidden: without one, no library needs to be imported to look for it.

    Args:
        devices: files of GPUs, as patterns.
    """
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "any") in NO_GPUS
    return not is_hidden and any(any(DEVICES.glob(pattern)) for pattern in devices)
