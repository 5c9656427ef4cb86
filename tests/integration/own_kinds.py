"""A service of the sample kinds (tests/kinds), which the product knows nothing of."""

import json
import os
import subprocess
import sys

import yaml
from services import ROOT, Service, free_port

KINDS = ROOT / "tests" / "kinds"

# The counter lives in the gateway's process; replicas of their own make the other an application.
SETTINGS = {
    "ingress": {"max_body_mb": 8},
    "models": [
        {"kind": "word_counter", "versions": [{"model": {"language": "en"}}]},
        {"kind": "weighted_sum", "versions": [{"scaling": {"min_replicas": 1, "max_replicas": 1}}]},
    ],
}

TEXT = "to be or not to be"
COUNTS = {"to": 2, "be": 2, "not": 1}
VALUES, WEIGHTS = [1.0, 2.0, 3.0], [0.5, 0.25, 0.25]
SUM, LARGEST = 1.75, 0

_LAY_OUT = "import json, sys; from serve_app.layout import lay_out; print(json.dumps(lay_out(json.load(sys.stdin))))"


def environment():
    """Return variables for processes that are to find the sample kinds."""
    path = os.pathsep.join([str(KINDS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def write_own_config(path, **ingress):
    """Write the config file of both kinds; a process of its own lays it out, since this one does not know them."""
    settings = {**SETTINGS, "ingress": {**SETTINGS["ingress"], **ingress}}
    command = [sys.executable, "-c", _LAY_OUT]
    laid_out = subprocess.run(
        command, input=json.dumps(settings), env=environment(), capture_output=True, text=True, check=True
    )
    config = json.loads(laid_out.stdout)
    assert [each["name"] for each in config["applications"]] == ["scoring", "sums-1"]
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def start(directory, **ingress):
    """Start the service, with gRPC at `service.grpc`."""
    port = free_port()
    config = write_own_config(directory / "config.yaml", **ingress)
    service = Service("--config", config, "--grpc-port", port, environment=environment())
    service.wait_for("Everything else")
    service.grpc = f"127.0.0.1:{port}"
    return service
