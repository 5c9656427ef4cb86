"""Volumes of Ray's pods: room to write, keys, files that others made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.environment import ACCESS, CACHE, SCRATCH
from cluster.manifests.names import keys_secret

if TYPE_CHECKING:
    from cluster.manifests.application import Application
    from cluster.manifests.settings import Volume
    from cluster.settings import ClusterSettings

# Requests pass Ray's object store by, so it is small; the store lies in shared memory.
OBJECT_STORE_BYTES = 256 * 1024 * 1024
SHARED_MEMORY = "512Mi"
# For the owner and the group that volumes belong to; files that everybody may write are not read as keys.
KEYS_MODE = 0o440
TOKEN = "kubernetes-token"  # noqa: S105 - a volume's name
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
VAULT = "key-vault"
VAULT_PATH = "/etc/scoring/vault"

Pair = tuple[dict[str, Any], dict[str, Any]]


def volumes(settings: ClusterSettings, application: Application) -> list[Pair]:
    """Return each volume with the place where the container of Ray has it."""
    pods = settings.pods
    found = [
        _empty("tmp", SCRATCH, sizeLimit=pods.scratch),
        _empty("cache", CACHE, sizeLimit=pods.cache),
        _empty("shared-mem", "/dev/shm", medium="Memory", sizeLimit=SHARED_MEMORY),  # noqa: S108 - of the pod's own
    ]
    access = application.settings.ingress_settings().access
    if access.is_required:
        found.append(_keys(settings, str(access.directory or ACCESS)))
    if settings.key_vault:
        found.append(_vault(settings))
    return found + [_given(volume) for volume in pods.volumes]


def token_volume() -> dict[str, Any]:
    """Return what lets one container speak to Kubernetes, in a pod that otherwise cannot."""
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    return {"name": TOKEN, "projected": {"sources": sources}}


def _empty(name: str, path: str, **source: str) -> Pair:
    return {"name": name, "emptyDir": source}, {"name": name, "mountPath": path}


def _keys(settings: ClusterSettings, path: str) -> Pair:
    source = {"secretName": keys_secret(settings), "defaultMode": KEYS_MODE}
    return {"name": "keys", "secret": source}, {"name": "keys", "mountPath": path, "readOnly": True}


def _vault(settings: ClusterSettings) -> Pair:
    # Secrets that the vault's driver makes are there only while a pod has its volume.
    attributes = {"secretProviderClass": f"{settings.name}-key-vault"}
    source = {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": attributes}
    return {"name": VAULT, "csi": source}, {"name": VAULT, "mountPath": VAULT_PATH, "readOnly": True}


def _given(volume: Volume) -> Pair:
    if volume.claim:
        source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": volume.claim, "readOnly": True}}
    elif volume.config_map:
        source = {"configMap": {"name": volume.config_map}}
    else:
        source = {"secret": {"secretName": volume.secret, "defaultMode": KEYS_MODE}}
    return {"name": volume.name, **source}, {"name": volume.name, "mountPath": volume.path, "readOnly": True}
