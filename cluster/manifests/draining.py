"""How long pods and replicas take to stop, so that no request is lost.

A worker that is to go, from when it is decided:

    0 s                 its address leaves the Services; new connections go elsewhere as soon as each node knows
    ROUTES_SECONDS      (preStop) Ray is told, its replicas move, its HAProxy closes idle connections
    + drain_seconds     (Ray) what it has accepted is answered; the pod ends as soon as all is
    + MARGIN_SECONDS    Kubernetes kills what is left

The head stays as long, since workers drain with its help when a whole cluster goes; it has nothing to drain itself
where it holds no replicas.
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
        """How long a head that is to stop goes on as if it were not."""
        return ROUTES_SECONDS + self.drain_seconds

    def variables(self, *, drains: bool) -> dict[str, str]:
        """Return the environment variables of a pod.

        Args:
            drains: whether the pod may hold replicas.
        """
        return {
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(self.drain_seconds if drains else 0),
            "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": str(PROXY_SECONDS),
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(REPLICA_SECONDS),
            "RAY_SERVE_HAPROXY_CLOSE_SPREAD_TIME_S": str(SPREAD_SECONDS),
            "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(self.drain_seconds),
        }
