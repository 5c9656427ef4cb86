"""The service with a scikit-learn object in place of the FAQ matcher's own model; a program of its own.

`python -m loadtest.in_process.same_object --config FILE --port PORT` is `scoring serve` with another application,
`same_object_app`, whose FAQ replicas load the file that the environment variable SAME_OBJECT names. Everything around
that object is the product: ingress, coalescing, calls between stages, autoscaling.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deployments.errors import StartupError
from serve_app.config_file import ConfigFile, read_config
from serve_app.server import Server

IMPORT_PATH = "loadtest.in_process.same_object_app:build"


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        server = Server(with_same_object(read_config(options.config)).listening_on(None, options.port), _report)
        server.check()
        with server.running():
            print(f"Ready: {server.url}", flush=True)
            server.wait()
    except StartupError as error:
        sys.exit(str(error))


def with_same_object(config: ConfigFile) -> ConfigFile:
    """Return a config with the other application, of the same settings."""
    (application,) = config.content["applications"]
    content = {**config.content, "applications": [{**application, "import_path": IMPORT_PATH}]}
    return ConfigFile(content, config.application, config.args)


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
