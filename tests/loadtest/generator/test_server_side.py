import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import psutil
import pytest

from loadtest.errors import BenchmarkError
from loadtest.generator.ray_metrics import local_metrics_url, replicas_in, scrape
from loadtest.generator.server_side import memory_by_kind, tree_of, watched

METRICS = """\
# HELP ray_serve_deployment_replica_healthy Tracks whether this deployment replica is healthy.
# TYPE ray_serve_deployment_replica_healthy gauge
ray_serve_deployment_replica_healthy{Component="core",application="scoring",deployment="faq-1",replica="a"} 1.0
ray_serve_deployment_replica_healthy{Component="core",application="scoring",deployment="faq-1",replica="b"} 1.0
ray_serve_deployment_replica_healthy{Component="agent",application="scoring",deployment="faq-1",replica="b"} 1.0
ray_serve_deployment_replica_healthy{application="scoring",deployment="faq-1",replica="c"} 0.0
ray_serve_deployment_replica_healthy{application="scoring",deployment="ingress",replica="d"} 1.0
ray_serve_deployment_replica_starts_total{application="scoring",deployment="ingress",replica="d"} 1.0
"""


@pytest.fixture
def metrics_url():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(METRICS.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()


def test_replicas_that_are_healthy_are_counted_once():
    assert replicas_in(METRICS) == {"faq-1": 2, "ingress": 1}
    assert replicas_in("") == {}


def test_metrics_that_nobody_has():
    with pytest.raises(BenchmarkError, match="cannot be read"):
        scrape("http://127.0.0.1:9/metrics")


def test_the_exporter_is_found_by_what_it_listens_on(metrics_url):
    port = int(metrics_url.split(":")[2].partition("/")[0])

    class Process:
        def __init__(self, title, *ports):
            self._title = title
            self._ports = ports

        def cmdline(self):
            return [self._title]

        def name(self):
            return "python"

        def net_connections(self, _kind):
            return [
                SimpleNamespace(status=psutil.CONN_LISTEN, laddr=SimpleNamespace(port=port)) for port in self._ports
            ]

    assert local_metrics_url([Process("ray::IDLE", port), Process("ray::DashboardAgent", 1, port)]) == metrics_url
    assert local_metrics_url([Process("ray::IDLE", port), Process("ray::DashboardAgent", 1)]) == ""


def test_processes_are_sampled_while_a_block_runs(metrics_url):
    tree = tree_of(os.getpid())
    with watched(tree, metrics_url, 1) as watch:
        watch.begin()
        until = time.monotonic() + 60
        while len(watch.seen.samples) < 2 and time.monotonic() < until:
            sum(range(10_000))
    first, second = watch.seen.samples[:2]
    assert second.at > first.at >= 0
    assert sum(second.cpu.values()) > 0
    assert sum(first.handles.values()) > 0
    assert sum(first.threads.values()) >= threading.active_count() - 1
    assert sum(first.memory.values()) > 1
    assert watch.seen.metrics[0].replicas == {"faq-1": 2, "ingress": 1}


def test_shared_memory_is_not_counted_twice():
    own = psutil.Process()
    assert 0 < sum(memory_by_kind([own]).values()) <= own.memory_info().rss / 2**20 * 1.2


def test_refuses_a_process_that_is_not_there():
    with pytest.raises(BenchmarkError, match="There is no process"):
        tree_of(2**22 + 1)
