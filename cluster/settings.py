"""What is to run in a cluster: read from one YAML file, from which every object is made."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from cluster.manifests.settings import (
    GatewaySettings,
    KeysSettings,
    KeyVaultSettings,
    MonitoringSettings,
    NetworkSettings,
    PeopleSettings,
    PodSettings,
    RedisSettings,
    UpgradeSettings,
)
from cluster.model import ClusterModel, Cores, ObjectName, Quantity
from cluster.web_service_settings import WebServiceSettings
from deployments.errors import StartupError
from deployments.setting_errors import explain


class ImageSettings(ClusterModel):
    """The container image of all pods."""

    repository: str = Field(default="ray-scoring", description="Name without a tag, with its registry if it has one.")
    tag: str | None = Field(default=None, description="Unset: a hash of lock and source, as `build` gives it.")
    gpu_tag: str | None = Field(default=None, description="The same of the image for GPU workers.")
    base: str = Field(default="python:3.11-slim-bookworm", description="Python on Debian that images are built on.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="Never: only images that were loaded into the nodes."
    )
    pull_secrets: list[str] = Field(default=[], description="Secrets that open the registry.")


class Resources(ClusterModel):
    """What a pod asks for, and may not exceed: requests equal limits, but where cores may be borrowed."""

    cpu: Cores = Field(default="1", description="Cores.")
    cpu_limit: Cores | None = Field(
        default=None,
        description="Cores that it may take while others leave theirs; unset: as many as cpu, which is steadier.",
    )
    memory: Quantity = Field(default="2Gi", description="Memory; Ray kills workers before the node does.")


class WorkerGroup(ClusterModel):
    """Pods of one kind that hold replicas."""

    name: ObjectName = Field(default="cpu", description="Names the group.")
    min_replicas: int = Field(default=1, ge=0, description="Pods at the least.")
    max_replicas: int = Field(default=3, ge=1, description="Pods at the most, as the autoscaler adds them.")
    gpus: int = Field(default=0, ge=0, le=1, description="GPUs of a pod: one, or none.")
    resources: Resources = Field(default=Resources(cpu="2", memory="4Gi"), description="Of each pod.")
    node_selector: dict[str, str] = Field(default={}, description="Labels of the nodes that may run it.")


class ClusterSettings(ClusterModel):
    """The whole of it."""

    name: ObjectName = Field(default="scoring", description="Names the RayService, and what belongs to it.")
    namespace: ObjectName = Field(default="scoring", description="Where everything is put.")
    platform: Literal["local", "aks"] = Field(default="local", description="What the cluster offers beside Kubernetes.")
    environment: Literal["dev-test", "production"] = Field(
        default="dev-test", description="production: no replicas on the head, which survives its own loss; two of all."
    )
    application: Path = Field(description="Ray Serve's config file, as for `scoring serve`; from this file on.")
    image: ImageSettings = Field(default=ImageSettings(), description="The container image.")
    head: Resources = Field(default=Resources(), description="The pod that leads the Ray cluster.")
    workers: list[WorkerGroup] = Field(default=[WorkerGroup()], min_length=1, description="Groups of pods.")
    autoscaler: Resources = Field(
        default=Resources(cpu="500m", memory="512Mi"), description="The container beside the head that adds pods."
    )
    allow_single: bool = Field(
        default=False, description="production: whether one pod or replica will do, whose loss clients notice."
    )
    create_namespace: bool = Field(default=True, description="Whether to render the namespace, with its security.")
    pods: PodSettings = Field(default=PodSettings(), description="What all pods have.")
    keys: KeysSettings = Field(default=KeysSettings(), description="Where pods find the files of keys.")
    redis: RedisSettings | None = Field(default=None, description="What lets the head be lost. Unset: it may not be.")
    gateway: GatewaySettings | None = Field(default=None, description="The way in from outside. Unset: there is none.")
    upgrade: UpgradeSettings = Field(default=UpgradeSettings(), description="When pods must change.")
    monitoring: MonitoringSettings = Field(default=MonitoringSettings(), description="Metrics.")
    network: NetworkSettings = Field(default=NetworkSettings(), description="Who may talk to the pods.")
    people: PeopleSettings = Field(default=PeopleSettings(), description="Who may do what with these objects.")
    key_vault: KeyVaultSettings | None = Field(default=None, description="Azure Key Vault in place of Secrets.")
    web_service: WebServiceSettings = Field(
        default=WebServiceSettings(), description="Tags, and the keys that the Python interface hands out."
    )

    @property
    def is_autoscaled(self) -> bool:
        """Whether the number of pods of any group may change."""
        return any(group.max_replicas > group.min_replicas for group in self.workers)


def read_settings(path: Path) -> ClusterSettings:
    """Read a file of settings; the application's path is taken from the file's directory on.

    Raises:
        StartupError: it cannot be read, or names every key that is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartupError(f"The file {path} does not exist.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise StartupError(f"The file {path} cannot be read as YAML.") from None
    try:
        settings = ClusterSettings.model_validate(content)
    except ValidationError as error:
        lines = [f"  {key}: {problem}" for key, problem in explain(error, ClusterSettings).items()]
        raise StartupError("\n".join([f"{path} is not valid:", *lines])) from None
    return settings.model_copy(update={"application": path.parent / settings.application})
