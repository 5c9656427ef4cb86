"""Ray's own test cluster with an application on it: several nodes, each with its raylet and its proxy, on one machine.

A program of its own, `python -m loadtest.scale.cluster_program FILE`, which imports Ray. FILE is JSON: `nodes`, for
each the keyword arguments of `ray.cluster_utils.Cluster.add_node`; `config`, Ray Serve's; `port`, of the first node.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

# Of what clients reach.
HOST = "127.0.0.1"
# Several nodes have an address each, at which the proxies of all ask the replicas of all. Ray itself listens on every
# interface too.
EVERY_HOST = "0.0.0.0"  # noqa: S104 - as above
# Of the nodes: only this machine reaches them, and Ray takes each for a machine of its own, which it would not of
# 127.0.0.1.
NODE_HOST = "127.0.0.{}"
OBJECT_STORE_BYTES = 128 * 1024 * 1024
NODE = "node-"

# A machine that is busy starts many processes slowly; Ray itself gives each node half a minute.
START_SECONDS = 600
POLL_SECONDS = 0.2

READY = "Ready:"
FACTS = "Facts:"


def main(file: str) -> None:
    """Serve until SIGTERM."""
    plan = json.loads(Path(file).read_text(encoding="utf-8"))
    # Ray reads its environment variables when it is imported.
    import ray  # noqa: PLC0415 - as above
    from ray import serve  # noqa: PLC0415
    from ray.cluster_utils import Cluster  # noqa: PLC0415
    from ray.serve._private.api import serve_start  # noqa: PLC0415
    from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415

    cluster = Cluster()
    # At any time, also while it starts: what has been started is stopped below.
    _handle_signals(_end)
    try:
        for number, options in enumerate(plan["nodes"]):
            cluster.add_node(
                resources={f"{NODE}{number}": 1},
                node_ip_address=NODE_HOST.format(number + 2),
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                **options,
            )
        first = NODE_HOST.format(2)
        ray.init(
            cluster.address, namespace="serve", log_to_driver=False, logging_level=logging.ERROR, _node_ip_address=first
        )
        # Ray has put its own handlers in their place.
        _handle_signals(_end)
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        host = HOST if len(plan["nodes"]) == 1 else EVERY_HOST
        client = serve_start(http_options={"host": host, "port": plan["port"]}, proxy_location="EveryNode")
        client.deploy_apps(ServeDeploySchema.model_validate(plan["config"]))
        facts = _settled(client, plan["config"]["applications"])
        print(FACTS, json.dumps(facts), flush=True)
        print(READY, f"http://{HOST}:{plan['port']}", flush=True)
        threading.Event().wait()
    finally:
        if ray.is_initialized():
            serve.shutdown()  # type: ignore[no-untyped-call]
            ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]


def _end(_number: int, _frame: object) -> None:
    _handle_signals(signal.SIG_IGN)
    raise SystemExit(0)


def _handle_signals(handler: Any) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _settled(client: Any, applications: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the facts once every proxy and application runs, with a replica to ask where it has a route."""
    names = {each["name"] for each in applications}
    asked = {each["name"] for each in applications if each["route_prefix"] is not None}
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        facts = _facts(client)
        states = {facts["applications"].get(name) for name in names}
        if "DEPLOY_FAILED" in states:
            break
        is_asked = asked <= facts["targets"].keys()
        if states == {"RUNNING"} and is_asked and set(facts["proxies"].values()) == {"HEALTHY"}:
            return facts
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"The applications do not run: {client.get_serve_details()['applications']}")


def _facts(client: Any) -> dict[str, Any]:
    """Return on which nodes replicas and proxies run, by the nodes' numbers, and where ingress replicas listen."""
    import ray  # noqa: PLC0415 - as above

    numbers = {node["NodeID"]: _number(node["Resources"]) for node in ray.nodes()}  # type: ignore[no-untyped-call]
    details = client.get_serve_details()
    controller = client._controller  # noqa: SLF001 - there is no other way to ask
    groups = ray.get(controller.get_target_groups.remote(from_proxy_manager=True))
    return {
        "applications": {name: each["status"] for name, each in details["applications"].items()},
        "replicas": {
            name: sorted(numbers[each["node_id"]] for each in deployment["replicas"] if each.get("node_id"))
            for application in details["applications"].values()
            for name, deployment in application["deployments"].items()
        },
        "proxies": {numbers[node]: proxy["status"] for node, proxy in details["proxies"].items() if node in numbers},
        "targets": {
            group.app_name: [target.port for target in group.targets]
            for group in groups
            if group.protocol == "HTTP" and group.app_name
        },
    }


def _number(resources: dict[str, float]) -> int:
    return next(int(name.removeprefix(NODE)) for name in resources if name.startswith(NODE) and name[5:].isdigit())


if __name__ == "__main__":
    main(sys.argv[1])
