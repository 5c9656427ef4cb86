"""A service in a cluster, as the commands that change its models see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cluster.kuberay.causes import Cause, CauseKind
from cluster.kuberay.waiting import NotReady
from cluster.manifests.application import environment
from serve_app.config_file import read_config
from serve_app.models.changing import Target

if TYPE_CHECKING:
    from cluster.kuberay.progress import Report
    from cluster.web_service import WebService


class ClusterTarget(Target):
    """The config file that the cluster's settings name, and the RayService that runs from it.

    Args:
        service: the service.
        report: gets each line of what happens.
        timeout_seconds: for each change.
    """

    def __init__(self, service: WebService, report: Report, timeout_seconds: float) -> None:
        self._service = service
        self._report = report
        self._timeout = timeout_seconds
        self.path = service.settings.application

    def environment(self) -> Mapping[str, str]:
        """Return what the pods' environment has."""
        return environment(self._service.settings)

    def apply(self, text: bytes, note: str) -> Mapping[str, str]:  # noqa: ARG002
        """Apply the RayService with the config as it is now, and wait until that is in force."""
        self._service.ray_services.read()
        self._service.apply(note)
        try:
            self._service.wait_for_deployment(timeout_seconds=self._timeout, report=self._report)
        except NotReady as error:
            if failed := self._failed(error.causes):
                return failed
            raise
        return {}

    def restored(self, note: str) -> None:
        """Apply what the file says again."""
        self._service.apply(f"not {note}")

    def _failed(self, causes: list[Cause]) -> dict[str, str]:
        """Return the versions whose applications are among the causes."""
        problems = {cause.subject: cause.problem for cause in causes if cause.kind is CauseKind.APPLICATION}
        settings = read_config(self.path).settings(self.environment())
        found = {f"{model.name}/{version.name}": version.application for model, version in settings.versions}
        return {
            title: problems[f"application {name}"] for title, name in found.items() if f"application {name}" in problems
        }
