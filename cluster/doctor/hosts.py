"""Which hosts are needed, by whom and when: derived from what is to be applied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from cluster.doctor.azure_hosts import azure_hosts
from cluster.doctor.endpoints import Endpoint, UnknownHost, endpoint_of
from cluster.doctor.findings import Stage
from cluster.doctor.image_names import DOCKER_HUB, parse_image
from cluster.doctor.rendered import Json, Rendered, walk
from deployments.kinds import kinds

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# Where Docker Hub and GitHub keep what their registries tell of.
_BESIDE = {
    DOCKER_HUB: ("registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com"),
    "ghcr.io": ("ghcr.io", "pkg-containers.githubusercontent.com"),
}

# Fetched before a replica is ready; the others while it serves.
_FETCHED = {"weights_uri", "labels_uri", "uri", "model_dir"}
_ASKED = {
    "redis_url": "Redis",
    "endpoint": "collector of traces",
    "issuer": "identity provider",
    "jwks_uri": "its keys",
}
_STAGES = list(Stage)

# Stands for the value of a variable that is not known.
_HIDDEN = "hidden-variable"

_OWN_MACHINE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Target:
    """A host that something needs.

    Attributes:
        endpoint: where it is; None if that cannot be told.
        why: what needs it, in a few words.
        stage: when.
        needed: whether the application cannot run without it.
        unknown: why its place cannot be told.
    """

    endpoint: Endpoint | None
    why: str
    stage: Stage
    needed: bool = True
    unknown: str = ""

    @property
    def in_cluster(self) -> bool:
        """Whether only pods know its name."""
        host = self.endpoint.host if self.endpoint else ""
        return host.endswith((".svc", ".svc.cluster.local")) or ("." not in host and ":" not in host)


def targets(rendered: Rendered, *, platform: str, api_server: str) -> list[Target]:
    """Return every host that pods and nodes need beside the API server, each once.

    Args:
        rendered: what is to be applied.
        platform: `aks` has hosts of its own.
        api_server: its URL.
    """
    found = [
        *_registries(rendered, platform),
        *_of_application(rendered),
        *_of_objects(rendered),
        *(_of_azure(rendered, api_server) if platform == "aks" else ()),
    ]
    made = {*rendered.names("Service"), *rendered.names("RayService")}
    wanted: dict[Any, Target] = {}
    for each in found:
        if each.endpoint and (each.endpoint.host in _OWN_MACHINE or _is_made(each, made, rendered.namespace)):
            continue
        key = each.endpoint or each.why
        wanted[key] = _first_of(wanted.get(key, each), each)
    return list(wanted.values())


def api_endpoint(url: str) -> Endpoint:
    """Return where the API server is."""
    parts = urlsplit(url)
    tls = parts.scheme != "http"
    return Endpoint(parts.hostname or "localhost", parts.port or (443 if tls else 80), tls)


def _first_of(one: Target, other: Target) -> Target:
    """Of two reasons for a host take the earlier, and that it is needed if either needs it."""
    first = min(one, other, key=lambda each: _STAGES.index(each.stage))
    return replace(first, needed=one.needed or other.needed)


def _is_made(target: Target, services: set[str], namespace: str) -> bool:
    """Whether the application's own objects make the host, so that it is not there yet."""
    if target.endpoint is None or not target.in_cluster:
        return False
    name, _, rest = target.endpoint.host.partition(".")
    return name in services and rest.split(".")[0] in {"", namespace}


def _registries(rendered: Rendered, platform: str) -> Iterator[Target]:
    for container in rendered.containers():
        if container.get("imagePullPolicy") == "Never" or not container.get("image"):
            continue
        try:
            image = parse_image(str(container["image"]))
        except ValueError as error:
            yield Target(None, f"image {container['image']}", Stage.DEPLOY, unknown=str(error))
            continue
        # What a local cluster runs without a registry was loaded into its nodes.
        if not image.names_registry and platform == "local":
            continue
        for host in _BESIDE.get(image.registry, (image.host,)):
            yield Target(Endpoint(host, image.port, tls=True), "registry of the image", Stage.DEPLOY)


def _of_application(rendered: Rendered) -> Iterator[Target]:
    arguments, environment = rendered.application(), rendered.environment()
    known = {name: value for name, value in environment.items() if value is not None}
    places = [(path, key, value) for path, key, value in walk(arguments) if isinstance(value, str)]
    without_discovery = {path for path, key, _ in places if key == "jwks_uri"}
    for path, key, value in places:
        if key not in {*_FETCHED, *_ASKED} or (key == "issuer" and path in without_discovery):
            continue
        place = f"{path}.{key}" if path else key
        why = f"{_ASKED[key]} ({place})" if key in _ASKED else place
        stage = Stage.DEPLOY if key in _FETCHED else Stage.SERVE
        yield from _target(value, why, stage, environment, known, needed=key != "endpoint")
    yield from _published_weights(arguments)


def _target(
    value: str, why: str, stage: Stage, environment: Mapping[str, str | None], known: Mapping[str, str], *, needed: bool
) -> Iterator[Target]:
    missing = [name for name in _VARIABLE.findall(value) if name not in known]
    try:
        endpoint = endpoint_of(_VARIABLE.sub(lambda match: known.get(match[1], _HIDDEN), value), known)
        unknown = ""
    except UnknownHost as error:
        endpoint, unknown = None, str(error)
    # A password may well be hidden, as long as the host is not.
    if missing and (endpoint is None or _HIDDEN in endpoint.host):
        reason = "which only the pods know" if missing[0] in environment else "which no pod has: give it to them"
        endpoint, unknown = None, f"it is in the variable {missing[0]}, {reason}"
    if endpoint or unknown:
        yield Target(endpoint, why, stage, needed, unknown)


def _published_weights(arguments: Json) -> Iterator[Target]:
    """What models fetch where their settings name nothing of their own."""
    for model in arguments.get("models") or [{"kind": name} for name, kind in kinds().items() if kind.is_default]:
        kind = kinds().get(str(model.get("kind")))
        for version in model.get("versions") or [{}]:
            for host, why in kind.hosts(version).items() if kind else ():
                yield Target(Endpoint(host, 443, tls=True), why, Stage.DEPLOY)


def _of_objects(rendered: Rendered) -> Iterator[Target]:
    environment = rendered.environment()
    known = {name: value for name, value in environment.items() if value is not None}
    for each in rendered.of_kind("RayService", "RayCluster"):
        for _, key, value in walk(each["spec"]):
            if key == "redisAddress":
                url = value if "://" in value else f"redis://{value}"
                yield from _target(url, "Redis of Ray's head", Stage.ROUTER, environment, known, needed=True)
    for each in rendered.of_kind("SecretProviderClass"):
        if vault := (each["spec"].get("parameters") or {}).get("keyvaultName"):
            yield Target(Endpoint(f"{vault}.vault.azure.net", 443, tls=True), "Key Vault", Stage.DEPLOY)


def _of_azure(rendered: Rendered, api_server: str) -> Iterator[Target]:
    gpus = any("nvidia.com/gpu" in (each.get("resources") or {}).get("limits", {}) for each in rendered.containers())
    for host in azure_hosts(api_endpoint(api_server).host, gpus=gpus):
        yield Target(Endpoint(host.name, 443, tls=True), host.why, host.stage, host.needed)
