"""Settings of the infrastructure: a preset, and whatever differs from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationError, model_validator

from cluster.azure.node_pool_settings import NodePools
from cluster.azure.presets import PRESETS, overlaid
from cluster.model import ClusterModel, ObjectName
from deployments.errors import StartupError
from deployments.setting_errors import explain

# Names that everything starts with: short, since Azure allows few characters for some.
BaseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{2,15}$")]
Group = Annotated[UUID, Field(description="Object id of a group in Entra ID.")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
Domain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$")]
ResourceId = Annotated[str, Field(pattern=r"^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/.+$")]


def _closed(given: IPv4Network) -> IPv4Network:
    if given.prefixlen == 0:
        raise ValueError("must not be the whole internet")
    return given


Range = Annotated[IPv4Network, AfterValidator(_closed)]


class NetworkSettings(ClusterModel):
    """Address ranges; none may overlap another, nor a network that is to be connected."""

    address_space: Range = Field(default=IPv4Network("10.64.0.0/16"), description="Of the virtual network.")
    nodes: Range = Field(default=IPv4Network("10.64.0.0/20"), description="Subnet of the nodes.")
    endpoints: Range = Field(default=IPv4Network("10.64.16.0/24"), description="Subnet of private endpoints.")
    pods: Range = Field(default=IPv4Network("10.244.0.0/16"), description="Of pods, in an overlay.")
    services: Range = Field(default=IPv4Network("10.0.0.0/16"), description="Of Kubernetes' Services.")
    trusted_ranges: list[Range] = Field(
        default=[], description="Who may reach the API server, the registry (Premium) and the vault from outside."
    )
    ingress_ranges: list[Range] = Field(default=[], description="Who may reach the public ingress. Empty: everybody.")

    @model_validator(mode="after")
    def _apart(self) -> NetworkSettings:
        for subnet in (self.nodes, self.endpoints):
            if not subnet.subnet_of(self.address_space):
                raise ValueError(f"{subnet} is not within the address space {self.address_space}")
        ranges = [self.address_space, self.pods, self.services]
        overlapping = [one for n, one in enumerate(ranges) if any(one.overlaps(other) for other in ranges[n + 1 :])]
        if overlapping or self.nodes.overlaps(self.endpoints):
            raise ValueError("address ranges overlap")
        return self


class PrivateSettings(ClusterModel):
    """What is closed to the internet."""

    api_server: bool = Field(default=False, description="The API server has an address in the virtual network only.")
    services: bool = Field(
        default=False, description="Registry, vault, logs, metrics and Grafana by private endpoints only."
    )
    ingress: bool = Field(default=False, description="The gateway's load balancer and its DNS zone are internal.")


class KubernetesSettings(ClusterModel):
    """The control plane."""

    version: str = Field(default="1.34", pattern=r"^1\.\d+$", description="Minor version; patches come by themselves.")
    tier: Literal["Free", "Standard", "Premium"] = Field(default="Standard", description="Free has no SLA.")
    authorization: Literal["kubernetes", "azure"] = Field(
        default="kubernetes", description="Whose roles hold in the cluster: RoleBindings for groups, or Azure's roles."
    )
    upgrade_channel: Literal["patch", "stable", "rapid", "none"] = Field(
        default="patch", description="none: Kubernetes is upgraded by `version` alone."
    )
    node_image_channel: Literal["NodeImage", "SecurityPatch", "None"] = Field(
        default="NodeImage", description="How nodes get security updates."
    )
    maintenance_day: Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] = Field(
        default="Sunday", description="When upgrades may start."
    )
    maintenance_hour: int = Field(default=1, ge=0, le=23, description="From this hour on, for `maintenance_hours`.")
    maintenance_hours: int = Field(default=6, ge=4, le=24, description="How long.")
    utc_offset: str = Field(default="+00:00", pattern=r"^[+-]\d\d:\d\d$", description="Of `maintenance_hour`.")
    run_command: bool = Field(default=False, description="Allow `az aks command invoke`.")


class AccessSettings(ClusterModel):
    """Groups of Entra ID; everything else has no access."""

    admin_groups: list[Group] = Field(min_length=1, description="The whole cluster, secrets, Grafana's settings.")
    deployer_groups: list[Group] = Field(default=[], description="Push images, deploy to the cluster.")
    operator_groups: list[Group] = Field(default=[], description="Scale, upgrade, start and stop the cluster.")
    reader_groups: list[Group] = Field(default=[], description="See states, logs and dashboards.")


class WorkloadSettings(ClusterModel):
    """The pods' own identity in Azure."""

    namespace: ObjectName = Field(default="scoring", description="As in the cluster's settings.")
    service_account: ObjectName = Field(default="scoring", description="As in the cluster's settings.")
    storage_accounts: list[ResourceId] = Field(default=[], description="Existing accounts with models: may be read.")


class RegistrySettings(ClusterModel):
    """Azure Container Registry."""

    sku: Literal["Basic", "Standard", "Premium"] = Field(default="Premium", description="Premium can be closed.")
    untagged_days: int = Field(default=30, ge=0, le=365, description="Untagged images are deleted after (Premium).")


class MonitoringSettings(ClusterModel):
    """Logs and metrics."""

    log_retention_days: int = Field(default=30, ge=30, le=730, description="In Log Analytics.")
    daily_cap_gb: float | None = Field(default=None, gt=0, description="Logs beyond it are dropped until the next day.")
    audit_logs: bool = Field(default=True, description="The API server's audit log of changes, too.")
    prometheus: bool = Field(default=True, description="Managed Prometheus, with the product's rules.")
    grafana: bool = Field(default=True, description="Managed Grafana; needs `prometheus`.")
    alert_emails: list[Email] = Field(default=[], description="Get the alerts of the product's rules.")

    @model_validator(mode="after")
    def _something_to_show(self) -> MonitoringSettings:
        if self.grafana and not self.prometheus:
            raise ValueError("grafana needs prometheus")
        return self


class ProtectionSettings(ClusterModel):
    """Defence, and what must not be deleted by mistake."""

    defender: Literal["off", "sensor", "plan"] = Field(
        default="plan", description="Defender for Containers: its sensor; plan: and its plan for the subscription."
    )
    ddos: Literal["none", "ip", "network"] = Field(
        default="none", description="Protection of the public ingress's address, or a plan for the network."
    )
    ddos_plan: ResourceId | None = Field(default=None, description="An existing plan, for `ddos: network`.")
    pod_security: Literal["off", "audit", "deny"] = Field(
        default="audit", description="Azure Policy: pods that do not meet the restricted standard."
    )
    vault_retention_days: int = Field(default=90, ge=7, le=90, description="How long deleted secrets can be restored.")
    keep: bool = Field(default=True, description="Pulumi refuses to delete registry, vault, logs, metrics, DNS zone.")


class DomainSettings(ClusterModel):
    """The service's name."""

    zone: Domain = Field(description="DNS zone to create; its parent must delegate to the name servers it gets.")
    host: str = Field(default="@", pattern=r"^(@|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$", description="Within it; @: itself.")
    issuer: Domain = Field(default="letsencrypt.org", description="The only authority that may issue certificates.")


class BudgetSettings(ClusterModel):
    """Warns; switches nothing off."""

    monthly_amount: float = Field(gt=0, description="In the subscription's currency; nodes included.")
    emails: list[Email] = Field(min_length=1, description="Get mail at 80 and 100 %, and when 100 % is forecast.")
    start: dt.date = Field(description="First of a month, not past when it is created.")

    @model_validator(mode="after")
    def _first_of_a_month(self) -> BudgetSettings:
        if self.start.day != 1:
            raise ValueError("start must be the first of a month")
        return self


class AzureSettings(ClusterModel):
    """The whole of it."""

    preset: Literal["dev-test", "production"] = Field(description="What is not given here is as there.")
    name: BaseName = Field(default="scoring", description="Everything's name starts with it.")
    location: str = Field(pattern=r"^[a-z]+[a-z0-9]*$", description="Azure's region, as in westeurope.")
    tags: dict[str, str] = Field(default={}, description="On everything that can have tags.")
    network: NetworkSettings = Field(default=NetworkSettings(), description="Address ranges.")
    private: PrivateSettings = Field(default=PrivateSettings(), description="What is closed to the internet.")
    kubernetes: KubernetesSettings = Field(default=KubernetesSettings(), description="The control plane.")
    pools: NodePools = Field(description="Nodes.")
    access: AccessSettings = Field(description="Groups of Entra ID.")
    workload: WorkloadSettings = Field(default=WorkloadSettings(), description="The pods' own identity.")
    registry: RegistrySettings = Field(default=RegistrySettings(), description="Container images.")
    monitoring: MonitoringSettings = Field(default=MonitoringSettings(), description="Logs and metrics.")
    protection: ProtectionSettings = Field(default=ProtectionSettings(), description="Defence.")
    domain: DomainSettings | None = Field(default=None, description="Unset: no DNS zone.")
    budget: BudgetSettings | None = Field(default=None, description="Unset: nobody is warned.")

    @model_validator(mode="after")
    def _fits(self) -> AzureSettings:
        if self.preset == "production" and not (self.private.api_server or self.network.trusted_ranges):
            raise ValueError("production needs network.trusted_ranges, or private.api_server: true")
        if self.private.services and self.registry.sku != "Premium":
            raise ValueError("private.services needs registry.sku: Premium")
        if self.protection.ddos == "ip" and self.private.ingress:
            raise ValueError("protection.ddos: ip protects a public ingress, and private.ingress is true")
        if self.protection.ddos_plan and self.protection.ddos != "network":
            raise ValueError("protection.ddos_plan needs protection.ddos: network")
        return self


def from_config(given: object) -> AzureSettings:
    """Settings from what a stack's configuration says, over its preset.

    Raises:
        StartupError: it names every key that is wrong.
    """
    if not isinstance(given, Mapping):
        raise StartupError("The stack's configuration needs the key settings, with preset, location and access.")
    preset = PRESETS.get(str(given.get("preset")), {})
    try:
        return AzureSettings.model_validate(overlaid(preset, given))
    except ValidationError as error:
        lines = [f"  {key or 'settings'}: {problem}" for key, problem in explain(error, AzureSettings).items()]
        raise StartupError("\n".join(["The stack's settings are not valid:", *lines])) from None
