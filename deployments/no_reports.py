"""Nothing is reported to the makers of libraries: a service that people host themselves speaks to nobody else."""

from __future__ import annotations

import os
import sys

# Ray's and ONNX Runtime's own switches; who sets them otherwise means it.
SWITCHES = {"RAY_USAGE_STATS_ENABLED": "0", "ORT_DISABLE_TELEMETRY": "1"}

# OpenVINO and NNCF report by this package where it can be imported and nobody has declined in a file of the user's.
REPORTER = "openvino_telemetry"


def report_nothing() -> None:
    """Switch reports off in this process and those that it starts, before the libraries are imported."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    # None makes the import fail, for which both have a stand-in.
    sys.modules.setdefault(REPORTER, None)  # type: ignore[arg-type]
