"""Ray Serve with a deployment that does nothing: what `idle` compares with.

A program of its own, `python -m loadtest.bare_serve PORT`, which imports Ray and nothing of the product.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import Any

OBJECT_STORE_BYTES = 256 * 1024 * 1024


def main(port: int) -> None:
    """Serve until SIGTERM."""
    import ray  # noqa: PLC0415 - only this program needs it
    from ray import serve  # noqa: PLC0415
    from starlette.applications import Starlette  # noqa: PLC0415 - comes with Ray Serve

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=OBJECT_STORE_BYTES,
        _node_ip_address="127.0.0.1",
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    deployment: Any = serve.deployment(
        serve.ingress(Starlette())(type("Bare", (), {})), ray_actor_options={"num_cpus": 0}
    )
    serve.run(deployment.bind())
    print(f"Ready: http://127.0.0.1:{port}", flush=True)
    stop.wait()
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
