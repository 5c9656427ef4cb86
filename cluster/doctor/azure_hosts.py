"""Hosts that AKS needs, as its page *Outbound network and FQDN rules* lists them for the public cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cluster.doctor.findings import Stage

PAGE = "learn.microsoft.com/azure/aks/outbound-rules-control-egress"

# An API server's host: *.hcp.<region>.azmk8s.io, or *.privatelink.<region>.azmk8s.io in a private cluster.
_API_SERVER = re.compile(r"(?:.+)\.(?:hcp|privatelink)\.(?P<region>[a-z0-9]+)\.azmk8s\.io")


@dataclass(frozen=True, slots=True)
class AzureHost:
    """A host that nodes or pods need, on port 443."""

    name: str
    why: str
    stage: Stage
    needed: bool = True


_ALWAYS = (
    AzureHost("mcr.microsoft.com", "images of the system's pods", Stage.CREATE),
    AzureHost("management.azure.com", "AKS changes its own resources", Stage.CREATE),
    AzureHost("login.microsoftonline.com", "Microsoft Entra ID", Stage.CREATE),
    AzureHost("packages.microsoft.com", "packages of nodes", Stage.CREATE),
    # The second takes the place of the first; which of them a node's image asks depends on its age.
    AzureHost("acs-mirror.azureedge.net", "Kubernetes' programs on older nodes", Stage.CREATE, needed=False),
    AzureHost("packages.aks.azure.com", "Kubernetes' programs on nodes", Stage.CREATE, needed=False),
    AzureHost("data.policy.core.windows.net", "Azure Policy", Stage.CREATE, needed=False),
    AzureHost("store.policy.core.windows.net", "Azure Policy", Stage.CREATE, needed=False),
    AzureHost("dc.services.visualstudio.com", "telemetry of the monitoring agent", Stage.SERVE, needed=False),
)
_WITH_GPUS = (
    AzureHost("nvidia.github.io", "GPU drivers", Stage.CREATE),
    AzureHost("us.download.nvidia.com", "GPU drivers", Stage.CREATE),
    AzureHost("download.docker.com", "GPU drivers", Stage.CREATE),
)


def region_of(api_server: str) -> str | None:
    """Return the region that an API server's host names; None for other hosts."""
    match = _API_SERVER.fullmatch(api_server)
    return match["region"] if match else None


def azure_hosts(api_server: str, *, gpus: bool) -> Iterator[AzureHost]:
    """Yield the hosts that an AKS cluster needs.

    Args:
        api_server: its host, which tells the region.
        gpus: whether pods ask for GPUs.
    """
    yield from _ALWAYS
    if gpus:
        yield from _WITH_GPUS
    if region := region_of(api_server):
        yield AzureHost(f"{region}.data.mcr.microsoft.com", "images of the system's pods", Stage.CREATE)
        yield AzureHost(f"{region}.ingest.monitor.azure.com", "managed Prometheus", Stage.SERVE, needed=False)
        yield AzureHost(f"{region}.handler.control.monitor.azure.com", "Container Insights", Stage.SERVE, needed=False)
