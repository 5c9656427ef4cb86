"""What every replica does about telemetry when it starts; for their `deployment.py` alone."""

from __future__ import annotations

from deployments.replica import deployment_name, is_replica, replica_id
from deployments.stage_load import StageLoad
from deployments.telemetry.instruments import REGISTRY, STAGE_IN_FLIGHT
from deployments.telemetry.log_setup import flush_logs, protect_logs
from deployments.telemetry.ray_exporter import RayExporter
from deployments.telemetry.recorder import Recorder, Task


def replica_tasks() -> tuple[Task, ...]:
    """Protect this process's logs at once, and return what is to be done each second.

    In Ray Serve's local testing mode, where all stages share a process that is not theirs, nothing is to be done; and
    nothing more for a stage that another one hosts, which does it.
    """
    if not is_replica() or REGISTRY.is_on:
        return ()
    protect_logs()
    exporter = RayExporter(REGISTRY, deployment_name(), replica_id())
    return (protect_logs, exporter.export, flush_logs)


def observe_stage(load: StageLoad) -> None:
    """Export what a stage's replica counts, and scrub its logs."""
    STAGE_IN_FLIGHT.watch(load, (), lambda watched: watched.in_replica)
    if tasks := replica_tasks():
        Recorder(tasks=tasks).start()
