"""The service with a scikit-learn object in place of the FAQ matcher's own model; a program of its own.

`python -m loadtest.in_process.same_object --config FILE --port PORT` is `scoring serve` with another application,
`same_object_app`, whose FAQ replicas load the file that the environment variable SAME_OBJECT names. Everything around
that object is the product: ingress, coalescing, calls between stages, autoscaling.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.errors import StartupError
from serve_app.applications import gateway_of
from serve_app.config_file import ConfigFile, read_config, schema_of
from serve_app.server import Server

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

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


class SameObjectConfig(ConfigFile):
    """A config whose gateway is the other one, of the same settings."""

    __slots__ = ()

    def for_ray(self) -> ServeDeploySchema:
        """Return the content with the other import path."""
        gateway = gateway_of(self.content)
        applications = [
            {**each, "import_path": IMPORT_PATH} if each is gateway else each for each in self.content["applications"]
        ]
        return schema_of({**self.content, "applications": applications})


def with_same_object(config: ConfigFile) -> ConfigFile:
    """Return a config with the other gateway, of the same settings."""
    return SameObjectConfig(config.content, config.application, config.path)


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
