"""What all settings of a cluster have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Names of Kubernetes objects; short enough for what KubeRay and Kubernetes append to them.
ObjectName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]

# Quantities of Kubernetes, as in 500m, 2, 1.5Gi.
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
# Cores, as in 500m, 2, 1.5.
Cores = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]


class ClusterModel(BaseModel):
    """Refuses keys that it does not know, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
