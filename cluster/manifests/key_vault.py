"""Azure Key Vault: its driver makes the Secrets that pods refer to, and keeps them current."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cluster.manifests.names import keys_secret, metadata
from cluster.manifests.yaml_text import dump

if TYPE_CHECKING:
    from cluster.manifests.application import Application
    from cluster.settings import ClusterSettings

KEY_FILES = ("keys.json", "signing.json")


def key_vault_objects(settings: ClusterSettings, application: Application) -> list[dict[str, Any]]:
    """Return what the driver is to fetch; in the vault a value's name is its Secret's, a hyphen, and its key's."""
    vault = settings.key_vault
    if vault is None:
        return []
    secrets = _secrets(settings, application)
    wanted = [_wanted(secret, key) for secret, keys in secrets.items() for key in keys]
    return [
        {
            "apiVersion": "secrets-store.csi.x-k8s.io/v1",
            "kind": "SecretProviderClass",
            "metadata": metadata(settings, f"{settings.name}-key-vault"),
            "spec": {
                "provider": "azure",
                "parameters": {
                    "keyvaultName": vault.name,
                    "tenantId": vault.tenant_id,
                    "clientID": vault.client_id,
                    "usePodIdentity": "false",
                    # A list of texts, each YAML in itself.
                    "objects": dump({"array": wanted}),
                },
                "secretObjects": [_secret(secret, keys) for secret, keys in secrets.items()],
            },
        }
    ]


def vault_name(secret: str, key: str) -> str:
    """Return a value's name in the vault, where names have letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() else "-" for letter in f"{secret}-{key}")


def _wanted(secret: str, key: str) -> str:
    return dump({"objectName": vault_name(secret, key), "objectType": "secret"})


def _secret(secret: str, keys: list[str]) -> dict[str, Any]:
    data = [{"objectName": vault_name(secret, key), "key": key} for key in keys]
    return {"secretName": secret, "type": "Opaque", "data": data}


def _secrets(settings: ClusterSettings, application: Application) -> dict[str, list[str]]:
    """Return the keys of each Secret that pods refer to."""
    found: dict[str, list[str]] = {}
    for secret, key in _references(settings, application):
        keys = found.setdefault(secret, [])
        if key not in keys:
            keys.append(key)
    return found


def _references(settings: ClusterSettings, application: Application) -> Iterator[tuple[str, str]]:
    if application.settings.ingress_settings().access.is_required:
        yield from ((keys_secret(settings), name) for name in KEY_FILES)
    for variable in settings.pods.secret_variables.values():
        yield variable.secret, variable.key
    if settings.redis and settings.redis.password:
        yield settings.redis.password.secret, settings.redis.password.key
