"""How long pods and replicas take to stop, so that no request is lost.

A worker that is to go, from when it is decided:

    0 s                 its address leaves the Services; new connections go elsewhere as soon as each node knows
    ROUTES_SECONDS      (preStop) Ray is told, its replicas move, its HAProxy closes idle connections
    + drain_seconds     (Ray) what it has accepted is answered; the pod ends as soon as all is
    + MARGIN_SECONDS    Kubernetes kills what is left

The head is the last to leave (last_to_leave.py), since workers drain with its help when a whole Ray cluster goes. It
has nothing to drain itself where it holds no replicas; where it does, in dev-test, they get HEAD_DRAIN_SECONDS: Ray's
own actors never leave the head, so that it would wait for all of a longer time.
"""

from __future__ import annotations

from dataclasses import dataclass

# kube-proxy and gateways follow a Service's pods within a second or two; load balancers of clouds take longer.
ROUTES_SECONDS = 10
# How long the HAProxy of a pod without replicas stays, whose readiness probe has to fail first.
PROXY_SECONDS = 20
# How long a replica that is to stop stays reachable, until every pod's HAProxy has heard of it.
REPLICA_SECONDS = 5
# Idle connections of clients are closed over so many seconds, not all at once.
SPREAD_SECONDS = 5
# Beyond the longest request: a replacement has to start before a replica stops.
REPLACEMENT_SECONDS = 45
MARGIN_SECONDS = 10
HEAD_DRAIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Draining:
    """Seconds that stopping takes.

    Attributes:
        longest_request: how long a request may take, in seconds.
    """

    longest_request: float

    @property
    def drain_seconds(self) -> int:
        """How long Ray may drain a worker."""
        return PROXY_SECONDS + round(self.longest_request) + REPLACEMENT_SECONDS

    @property
    def grace_seconds(self) -> int:
        """After how long Kubernetes kills a pod that is to stop."""
        return ROUTES_SECONDS + self.drain_seconds + MARGIN_SECONDS

    @property
    def head_seconds(self) -> int:
        """How long a head that is to stop waits for its workers, at the most."""
        return ROUTES_SECONDS + self.drain_seconds

    @property
    def head_grace_seconds(self) -> int:
        """After how long Kubernetes kills a head that is to stop."""
        return self.head_seconds + HEAD_DRAIN_SECONDS + MARGIN_SECONDS

    def variables(self, drain_seconds: int) -> dict[str, str]:
        """Return the environment variables of a pod.

        Args:
            drain_seconds: how long Ray may drain it: `drain_seconds` of a worker.
        """
        return {
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(drain_seconds),
            "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": str(PROXY_SECONDS),
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(REPLICA_SECONDS),
            "RAY_SERVE_HAPROXY_CLOSE_SPREAD_TIME_S": str(SPREAD_SECONDS),
            "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(self.drain_seconds),
        }
