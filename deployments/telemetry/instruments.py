"""Every metric of the product; docs/telemetry.md lists them, and a test compares.

No label takes a value that a client chose: models, versions and steps are those of the settings, reasons the codes of
`deployments.errors`, anything else is empty or `other`.
"""

from __future__ import annotations

from typing import Literal

from deployments.telemetry.metrics import Registry

REGISTRY = Registry()

# 1 ms to 65 s, each twice the one before.
_SECONDS = tuple(0.001 * 2**power for power in range(17))
_ITEMS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)

REQUESTS = REGISTRY.counter(
    "scoring_requests", "Requests that were answered.", ("model", "version", "protocol", "status")
)
REFUSALS = REGISTRY.counter(
    "scoring_refusals", "Requests that got an error, by its code.", ("model", "version", "protocol", "reason")
)
REQUEST_SECONDS = REGISTRY.histogram(
    "scoring_request_duration_seconds",
    "Seconds from a request's arrival in the ingress to the end of its response.",
    ("model", "version", "protocol"),
    _SECONDS,
)
STEP_SECONDS = REGISTRY.histogram(
    "scoring_step_duration_seconds",
    "Seconds that answered requests spent in each step; of several items, the longest.",
    ("model", "version", "step"),
    _SECONDS,
)
REQUEST_BYTES = REGISTRY.counter("scoring_request_bytes", "Bytes of request bodies.", ("model", "protocol"))
RESPONSE_BYTES = REGISTRY.counter("scoring_response_bytes", "Bytes of response bodies.", ("model", "protocol"))
IN_FLIGHT = REGISTRY.gauge("scoring_requests_in_flight", "Requests in the ingress that are not answered yet.", ())
QUEUE_WAITING = REGISTRY.gauge("scoring_queue_waiting", "Items that wait in a caller for a stage.", ("stage",))
CALLS_OUT = REGISTRY.gauge("scoring_calls_out", "Calls to a stage that have not come back.", ("stage",))
CALL_ITEMS = REGISTRY.histogram("scoring_call_items", "Items of each call to a stage.", ("stage",), _ITEMS)
REPLICAS_LOST = REGISTRY.counter(
    "scoring_replica_losses", "Calls whose replica was lost, so that they were made again.", ("stage",)
)
STAGE_IN_FLIGHT = REGISTRY.gauge("scoring_stage_in_flight", "Items that a stage's replica works on.", ())
BATCH_ITEMS = REGISTRY.histogram("scoring_batch_items", "Images of each batch that a network ran.", (), _ITEMS)
QUOTA_FAILURES = REGISTRY.counter(
    "scoring_quota_storage_failures",
    "Requests whose quota could not be read or written, by what became of them.",
    ("decision",),
)
LOST_OBSERVATIONS = REGISTRY.counter(
    "scoring_observations_lost", "Requests that neither logs, traces nor counts have: there were too many.", ()
)


def count_quota_storage_failure(decision: Literal["open", "closed"]) -> None:
    """Count a request whose quota is unknown because its storage failed.

    Args:
        decision: open: it was let through; closed: it was refused.
    """
    QUOTA_FAILURES.add(1, (decision,))
