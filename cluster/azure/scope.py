"""What every resource of a stack shares: settings, group, names, tags."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.authorization import get_client_config_output
from pulumi_azure_native.resources import ResourceGroup

from cluster.azure.settings import AzureSettings


@dataclass(frozen=True)
class Scope:
    """Where resources are put, and how they are called."""

    settings: AzureSettings
    group: pulumi.Output[str]
    group_id: pulumi.Output[str]
    subscription: pulumi.Output[str]
    tenant: pulumi.Output[str]

    @property
    def location(self) -> str:
        """Azure's region."""
        return self.settings.location

    @property
    def tags(self) -> dict[str, str]:
        """On everything: the settings' own, and those that say whose it is."""
        return _tags(self.settings)

    @property
    def kept(self) -> pulumi.ResourceOptions:
        """For what holds data: Pulumi refuses to delete it while the settings say so."""
        return pulumi.ResourceOptions(protect=self.settings.protection.keep)

    def name(self, kind: str) -> str:
        """Return the name of the stack's only resource of a kind."""
        return f"{self.settings.name}-{kind}"


def node_group_name(settings: AzureSettings) -> str:
    """Return the name of the resource group that AKS makes for nodes; most of the money is spent there."""
    return f"{settings.name}-nodes"


def open_scope(settings: AzureSettings) -> Scope:
    """Make the resource group."""
    client = get_client_config_output()
    group = ResourceGroup(
        settings.name,
        resource_group_name=settings.name,
        location=settings.location,
        tags=_tags(settings),
    )
    return Scope(settings, group.name, group.id, client.subscription_id, client.tenant_id)


def _tags(settings: AzureSettings) -> dict[str, str]:
    own = {"product": "ray-scoring", "environment": settings.preset, "managed-by": "pulumi"}
    return {**settings.tags, **own}
