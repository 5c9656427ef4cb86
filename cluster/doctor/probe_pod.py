"""The pod that looks from inside: what it is made of."""

from __future__ import annotations

import inspect
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.doctor import probe
from cluster.doctor.rendered import Json
from cluster.manifests.security import container_security

NAME_LABEL = "app.kubernetes.io/name"
NAME = "ray-scoring-doctor"
CONTAINER = "doctor"

# Ends a pod that nobody ends; with it, what a doctor left behind that was killed is known to be dead.
POD_SECONDS = 300

CA_FILE = "/var/run/scoring-doctor/ca.crt"
_USER = 65532
_SMALL = {"cpu": "100m", "memory": "128Mi"}


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What the pod is made of.

    Attributes:
        namespace: where it runs.
        image: has `python3`.
        like: spec of a pod whose place in the cluster it takes: node selector, tolerations, pull secrets.
        start_seconds: how long it may take to start, with the pull of its image.
    """

    namespace: str
    image: str
    like: Json
    start_seconds: float = 120


def pod(settings: PodSettings, requests: Sequence[Json]) -> Json:
    """Return the pod; it is let in where Pod Security is `restricted`."""
    placement: Json = {
        key: settings.like[key]
        for key in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets", "runtimeClassName", "dnsPolicy")
        if key in settings.like
    }
    spec: Json = {
        **placement,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": POD_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": _USER, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(settings, requests)],
        # Every namespace has it; where it is late, the pod waits for it.
        "volumes": [{"name": "ca", "configMap": {"name": "kube-root-ca.crt"}}],
    }
    name = f"{NAME}-{secrets.token_hex(4)}"
    metadata = {"name": name, "namespace": settings.namespace, "labels": {NAME_LABEL: NAME}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(settings: PodSettings, requests: Sequence[Json]) -> Json:
    return {
        "name": CONTAINER,
        "image": settings.image,
        "imagePullPolicy": _pull_policy(settings),
        "command": ["python3", "-c", inspect.getsource(probe), json.dumps(list(requests))],
        "resources": {"requests": _SMALL, "limits": _SMALL},
        "securityContext": container_security(),
        "volumeMounts": [{"name": "ca", "mountPath": CA_FILE.rpartition("/")[0], "readOnly": True}],
    }


def _pull_policy(settings: PodSettings) -> str:
    policies = [each.get("imagePullPolicy") for each in settings.like.get("containers", [])]
    policy = next((each for each in policies if each), "IfNotPresent")
    return str(policy)
