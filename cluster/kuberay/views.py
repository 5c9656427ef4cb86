"""What is read of objects in a cluster; whatever else they hold is left alone."""

from __future__ import annotations

from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from cluster.kubernetes.api import Object
from cluster.kubernetes.errors import KubernetesError
from cluster.printable import one_line, printable


class View(BaseModel):
    """Part of an object, by the names that it has in JSON; texts are such that a terminal can show them."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, content: Any) -> Any:
        if isinstance(content, dict):
            return {
                key: printable(value) if isinstance(value, str) else value
                for key, value in content.items()
                if value is not None
            }
        return content

    @classmethod
    def of(cls, content: Object) -> Self:
        """Read an object.

        Raises:
            KubernetesError: it is none of this kind, as this version knows it.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            name = one_line(str((content.get("metadata") or {}).get("name", "")))
            places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors()[:3])
            raise KubernetesError(
                f"The {cls.__name__} {name} of the cluster has a form that is not known here: look at {places}."
            ) from None


class Metadata(View):
    """Of every object."""

    name: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: AwareDatetime | None = None
    deletion_timestamp: AwareDatetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Condition(View):
    """One thing that is said of an object's state."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0


class Conditions(View):
    """What is said of an object's state."""

    conditions: list[Condition] = []

    def condition(self, kind: str) -> Condition | None:
        """Return one condition by its type."""
        return next((each for each in self.conditions if each.type == kind), None)

    def says(self, kind: str, status: str = "True") -> bool:
        """Whether a condition has a status."""
        condition = self.condition(kind)
        return condition is not None and condition.status == status


class DeploymentStatus(View):
    """A deployment of Ray Serve, as KubeRay tells it."""

    status: str = ""
    message: str = ""


class ApplicationStatus(View):
    """An application of Ray Serve."""

    status: str = ""
    message: str = ""
    deployments: dict[str, DeploymentStatus] = Field(default={}, alias="serveDeploymentStatuses")


class RayClusterStatus(Conditions):
    """A cluster of Ray."""


class Side(View):
    """One of the two clusters that a RayService may have: the one that serves, or the one that is to come."""

    cluster: str = Field(default="", alias="rayClusterName")
    applications: dict[str, ApplicationStatus] = Field(default={}, alias="applicationStatuses")
    traffic_percent: int | None = Field(default=None, alias="trafficRoutedPercent")


class RayServiceStatus(Conditions):
    """What KubeRay says of a RayService."""

    active: Side = Field(default=Side(), alias="activeServiceStatus")
    pending: Side = Field(default=Side(), alias="pendingServiceStatus")
    observed_generation: int = 0
    endpoints: int = Field(default=0, alias="numServeEndpoints")


class RayService(View):
    """A RayService."""

    metadata: Metadata
    status: RayServiceStatus = RayServiceStatus()


class RayCluster(View):
    """A RayCluster."""

    metadata: Metadata
    status: RayClusterStatus = RayClusterStatus()


class Waiting(View):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class Terminated(View):
    """How a container ended."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""


class Running(View):
    """That a container runs."""

    started_at: AwareDatetime | None = None


class ContainerState(View):
    """What a container does."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(View):
    """A container of a pod."""

    name: str
    image: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()

    @property
    def end(self) -> Terminated | None:
        """How it ended, now or the last time."""
        return self.state.terminated or self.last_state.terminated


class PodStatus(Conditions):
    """A pod's state."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    containers: list[ContainerStatus] = Field(default=[], alias="containerStatuses")
    init_containers: list[ContainerStatus] = Field(default=[], alias="initContainerStatuses")


class Resources(View):
    """What a container asks for."""

    requests: dict[str, str] = {}


class Container(View):
    """A container as it is asked for."""

    name: str
    image: str = ""
    resources: Resources = Resources()


class PodSpec(View):
    """A pod as it is asked for."""

    node_name: str = ""
    containers: list[Container] = []
    init_containers: list[Container] = []


class Pod(View):
    """A pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def is_ready(self) -> bool:
        """Whether its probes succeed."""
        return self.status.says("Ready")

    @property
    def role(self) -> str:
        """Head or worker, with the group's name."""
        kind = self.metadata.labels.get("ray.io/node-type", "pod")
        return kind if kind != "worker" else f"worker of {self.metadata.labels.get('ray.io/group', 'a group')}"


class EventSource(View):
    """What an event is about."""

    kind: str = ""
    name: str = ""


class Event(View):
    """Something that happened to an object."""

    about: EventSource = Field(default=EventSource(), alias="involvedObject")
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int = 1
    last_timestamp: AwareDatetime | None = None
    event_time: AwareDatetime | None = None
    metadata: Metadata = Metadata()

    @property
    def at(self) -> AwareDatetime | None:
        """When it happened last."""
        return self.last_timestamp or self.event_time or self.metadata.creation_timestamp
