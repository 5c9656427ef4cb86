"""Settings of the nodes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cluster.model import ClusterModel

Zone = Literal["1", "2", "3"]
VmSize = Annotated[str, Field(pattern=r"^Standard_[A-Za-z0-9_]+$")]


class NodePool(ClusterModel):
    """Nodes of one kind, as many as pending pods need."""

    vm_size: VmSize = Field(description="Azure's name of the machine.")
    min_nodes: int = Field(ge=0, le=1000, description="At the least.")
    max_nodes: int = Field(ge=1, le=1000, description="At the most.")
    zones: list[Zone] = Field(default=[], description="Availability zones; empty where the region has none of these.")
    disk_gb: int = Field(default=128, ge=64, le=2048, description="Of the operating system, images and logs.")
    disk: Literal["Ephemeral", "Managed"] = Field(
        default="Ephemeral", description="Ephemeral: on the machine's own disk, which must be large enough."
    )
    spot: bool = Field(default=False, description="Cheaper nodes that Azure may take back with 30 seconds' notice.")
    encrypted: bool = Field(default=True, description="Encryption at host: the subscription needs that feature.")

    @model_validator(mode="after")
    def _bounds(self) -> NodePool:
        if self.min_nodes > self.max_nodes:
            raise ValueError("min_nodes is more than max_nodes")
        return self


class NodePools(ClusterModel):
    """One pool for the cluster itself, one for classic models, one for deep learning."""

    system: NodePool = Field(description="What Kubernetes and its add-ons need; no other pod is admitted.")
    cpu: NodePool = Field(description="Ray's head, CPU workers, the gateway, operators.")
    gpu: NodePool | None = Field(default=None, description="GPU workers and nothing else. Unset: none.")

    @model_validator(mode="after")
    def _system_stays(self) -> NodePools:
        if self.system.spot or self.system.min_nodes < 1:
            raise ValueError("system must have at least one node, and none that is taken back")
        return self
