"""All objects of a service, in an order in which they can be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.access import access_objects
from cluster.manifests.application import read_application
from cluster.manifests.disruption import disruption_budgets
from cluster.manifests.gateway import gateway_objects
from cluster.manifests.key_vault import key_vault_objects
from cluster.manifests.monitoring import monitoring_objects
from cluster.manifests.network import network_policies
from cluster.manifests.ray_service import ray_service, ray_service_of
from cluster.manifests.redis import redis_objects

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings

__all__ = ["objects", "ray_service"]


def objects(settings: ClusterSettings) -> list[dict[str, Any]]:
    """Return every object that the service needs, what others need first.

    Raises:
        StartupError: the application's config is not valid, or the settings do not suit the environment.
    """
    application = read_application(settings)
    return [
        *access_objects(settings),
        *key_vault_objects(settings, application),
        *network_policies(settings, application),
        *redis_objects(settings),
        *disruption_budgets(settings),
        ray_service_of(settings, application),
        *gateway_objects(settings, application),
        *monitoring_objects(settings),
    ]
