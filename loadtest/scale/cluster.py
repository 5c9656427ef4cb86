"""Ray's test cluster as a service under test, from the side of who measures."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from loadtest.configs import Config, application_name, laid_out
from loadtest.errors import BenchmarkError
from loadtest.idle import moved
from loadtest.ports import free_ports
from loadtest.ray_processes import role
from loadtest.serve_logs import wait_for
from loadtest.service import Service, running, serving

PROXY_SECONDS = 180

FACTS = "Facts:"

_BESIDE = ("HAPROXY_METRICS", "HAPROXY_STATS", "FALLBACK_PROXY_HTTP", "FALLBACK_PROXY_GRPC")

# What stands for each service alone, in place of which a cluster gets its own.
_OWN = ("_PORT", "_HTTP_HOST")

# Small, and there without any data.
_SMALL: Config = {
    "applications": [
        {
            "name": "scoring",
            "route_prefix": "/",
            "import_path": "serve_app.app:build",
            "args": {"models": [{"kind": "faq_matcher"}]},
        }
    ]
}


class RunningCluster(NamedTuple):
    """A cluster that serves.

    Attributes:
        nodes: how many.
        service: its processes; its address is the first node's.
        doors: the address of each node's proxy, by the node's number, where it has one.
        replicas: of each deployment, the numbers of the nodes that they run on.
        targets: of each application, the ports at which its ingress replicas listen themselves.
    """

    nodes: int
    service: Service
    doors: dict[int, str]
    replicas: dict[str, list[int]]
    targets: dict[str, list[int]]

    def placement(self, deployment: str) -> str:
        """Say how many replicas of a deployment are on each node, as in `4 + 4`."""
        found = self.replicas.get(deployment, [])
        return " + ".join(str(found.count(number)) for number in range(max(found, default=-1) + 1)) or "none"


def product_environment() -> dict[str, str]:
    """Return Ray Serve's variables as the product sets them, without those that stand for one service alone.

    They are read from the processes of a service that is started for that and stopped again.

    Raises:
        BenchmarkError: it did not start.
    """
    with serving(_SMALL) as service:
        for process in service.processes():
            if role(process) == "Ray raylet":
                return shared_variables(process.environ())
    raise BenchmarkError("The service runs no Ray.")


def shared_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Keep of a process's variables those of Ray Serve that any service on this machine may have."""
    return {
        name: value for name, value in environment.items() if name.startswith("RAY_SERVE_") and not name.endswith(_OWN)
    }


@contextmanager
def cluster(
    config: Config,
    *,
    nodes: int = 1,
    environment: Mapping[str, str],
    more: Mapping[str, str] | None = None,
) -> Iterator[RunningCluster]:
    """Serve a config on a cluster on this machine; after the block it is stopped.

    Args:
        config: Ray Serve's; any application, any number of them.
        nodes: how many.
        environment: of `product_environment`.
        more: variables beside those.

    Raises:
        BenchmarkError: it did not start or did not stop, or a proxy does not answer.
    """
    # Short: the paths of sockets may not be long.
    with TemporaryDirectory(prefix="lt-") as directory:
        ports = free_ports(nodes)
        plan = {"config": laid_out(config), "port": ports[0], "nodes": [_node(port, ports) for port in ports]}
        file = Path(directory) / "plan.json"
        file.write_text(json.dumps(plan), encoding="utf-8")
        variables = {**moved(dict(environment), directory), **own_ports(ports), "RAY_TMPDIR": directory, **(more or {})}
        command = [sys.executable, "-m", "loadtest.scale.cluster_program", str(file)]
        with running(command, application=application_name(config), environment=variables) as service:
            facts = facts_of([line for _, line in service.lines])
            doors = {int(node): f"http://127.0.0.1:{ports[int(node)]}" for node in facts["proxies"]}
            _wait_for(doors)
            yield RunningCluster(nodes, service, doors, facts["replicas"], facts["targets"])


def facts_of(lines: Sequence[str]) -> dict[str, Any]:
    """Read what the program says of its cluster.

    Raises:
        BenchmarkError: it said nothing.
    """
    for line in lines:
        if line.startswith(FACTS):
            found: dict[str, Any] = json.loads(line.removeprefix(FACTS))
            return found
    raise BenchmarkError("The cluster does not tell where its replicas are.")


def own_ports(proxies: Collection[int]) -> dict[str, str]:
    """Return variables that give one service, or one node, ports of its own for what stands beside its proxy.

    Args:
        proxies: the proxies' own ports.
    """
    ports = free_ports(len(_BESIDE), beside=proxies)
    return {f"RAY_SERVE_{name}_PORT": str(port) for name, port in zip(_BESIDE, ports, strict=True)}


def _node(port: int, proxies: Collection[int]) -> dict[str, Any]:
    # Ray keeps the first node's port as Ray Serve's own option has it; the others' proxies would listen on the same.
    ports = {**own_ports(proxies), "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(port)}
    return {"num_cpus": max(64, os.cpu_count() or 1), "env_vars": ports}


def _wait_for(doors: Mapping[int, str]) -> None:
    for node, url in doors.items():
        if wait_for(partial(_is_healthy, url), PROXY_SECONDS) is None:
            raise BenchmarkError(f"The proxy of node {node} at {url} has no replica to ask after {PROXY_SECONDS} s.")


def _is_healthy(url: str) -> bool | None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    try:
        connection.request("GET", "/-/healthz")
        return connection.getresponse().status == http.client.OK or None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
