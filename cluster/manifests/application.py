"""The service's config file, checked, and as it runs in a cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.errors import StartupError
from deployments.kinds import find_kind
from deployments.scaling import ScalingSettings
from serve_app.applications import gateway_of
from serve_app.config_file import DEFAULT_ADDRESS, ConfigFile, read_config
from serve_app.settings import ServiceSettings

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings

ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - in a pod, behind a Service
PRODUCTION = "production"

# What stands at the top of the config and is a cluster's to say.
_PLACED = ("proxy_location", "http_options")


@dataclass(frozen=True, slots=True)
class Place:
    """A scaling of the service, and where it stands.

    Attributes:
        application: that has it.
        way: the keys to it in the `args` of that application.
        scaling: what stands there.
        needs_gpu: whether the stage is set to use a GPU.
    """

    application: str
    way: tuple[str, ...]
    scaling: ScalingSettings
    needs_gpu: bool = False

    @property
    def title(self) -> str:
        """What a person is told."""
        return ".".join((self.application, *self.way))


@dataclass(frozen=True, slots=True)
class Application:
    """What is to run, as Ray Serve takes it.

    Attributes:
        config: the whole config, for `serveConfigV2`.
        settings: of the service, with variables of Secrets replaced by what stands for them.
        port: where it listens for HTTP.
        grpc_port: where it listens for gRPC; None without it.
    """

    config: dict[str, Any]
    settings: ServiceSettings
    port: int
    grpc_port: int | None


def read_application(settings: ClusterSettings) -> Application:
    """Read and check the service's config file, and change what a cluster asks for.

    Raises:
        StartupError: it cannot be read, its settings are not valid, or they do not suit the environment.
    """
    file = _with_profile(read_config(settings.application).with_grpc(None), settings)
    checked = file.settings(environment(settings))
    file = file.with_room_for_models(checked)
    file = _placed(file, file.settings(environment(settings)), settings)
    checked = file.settings(environment(settings))
    _check_numbers(settings, file, checked)
    content = file.content
    http_options = {**DEFAULT_ADDRESS, **content.get("http_options", {}), "host": ALL_ADDRESSES}
    others = {key: value for key, value in content.items() if key not in {"applications", *_PLACED}}
    config = {"proxy_location": "EveryNode", "http_options": http_options, **others}
    config["applications"] = content["applications"]
    return Application(config, checked, int(http_options["port"]), file.grpc_port)


def _with_profile(file: ConfigFile, settings: ClusterSettings) -> ConfigFile:
    """Return the config with a profile in every application, which in a cluster is production unless it is said."""
    content = copy.deepcopy(file.content)
    for application in content["applications"]:
        args = application["args"] = application.get("args") or {}
        args["profile"] = PRODUCTION if settings.environment == PRODUCTION else args.get("profile", PRODUCTION)
    gateway_of(content)["name"] = file.application
    return file.with_content(applications=content["applications"])


def environment(settings: ClusterSettings) -> dict[str, str]:
    """Return what the pods' environment has, with words in place of secrets."""
    secrets = {name: variable.check_as for name, variable in settings.pods.secret_variables.items()}
    return {**settings.pods.variables, **secrets}


def scalings(file: ConfigFile, settings: ServiceSettings) -> Iterator[Place]:
    """Give each scaling of the service with its place: the gateway's, and those of versions with replicas of their own.

    Args:
        file: the config.
        settings: what it says.
    """
    yield Place(file.application, ("ingress", "scaling"), settings.ingress.scaling)
    for model, version in settings.versions:
        if version.application is not None:
            kind = find_kind(model.kind)
            on_gpus = kind.gpu_stages(version)
            for key, scaling in kind.scalings(version).items():
                yield Place(version.application, (key,), scaling, key in on_gpus)


def _placed(file: ConfigFile, checked: ServiceSettings, settings: ClusterSettings) -> ConfigFile:
    """Say on which pods replicas may be, where the config does not.

    Ray puts an actor that needs nothing anywhere, also on a head that has no CPUs to give; so each reserves some. And
    when a pod goes, Ray starts its replicas anew on those that are there, where they stay: without a bound, two
    replicas that were on two pods end on one, and the pod that comes in place of the lost one has none.
    """
    content = copy.deepcopy(file.content)
    applications = {each["name"]: each["args"] for each in content["applications"]}
    for place in scalings(file, checked):
        changes: dict[str, Any] = {}
        if not place.scaling.cpus:
            changes["cpus"] = settings.pods.replica_cpus
        if settings.environment == PRODUCTION and place.scaling.min_replicas > 1:
            most = place.scaling.max_replicas_per_node or _most_on_a_pod(place.scaling, _pods_for(place, settings))
            changes["max_replicas_per_node"] = most
        if changes:
            _put(applications[place.application], place.way, changes)
    return file.with_content(applications=content["applications"])


def _most_on_a_pod(scaling: ScalingSettings, pods: int) -> int:
    """Return how many replicas may share a pod: not all of the fewest that there are, if there are pods enough."""
    return max(scaling.min_replicas - 1, -(-scaling.max_replicas // pods))


def _pods_for(place: Place, settings: ClusterSettings) -> int:
    """Return how many pods there are at the most that may hold a stage's replicas."""
    groups = [group for group in settings.workers if bool(group.gpus) == place.needs_gpu] or settings.workers
    return max(1, sum(group.max_replicas for group in groups))


def _put(target: dict[str, Any], way: tuple[str, ...], values: dict[str, Any]) -> None:
    """Add values to what stands at a place, if anything does."""
    *before, last = way
    for step in before:
        # Not in place: by YAML's anchors the same object may stand in several.
        target[step] = {**target.get(step, {})}
        target = target[step]
    target[last] = {**target.get(last, {}), **values}


def _check_numbers(settings: ClusterSettings, file: ConfigFile, checked: ServiceSettings) -> None:
    if settings.environment != PRODUCTION or settings.allow_single:
        return
    single = [place.title for place in scalings(file, checked) if place.scaling.min_replicas == 1]
    if single:
        raise StartupError(
            "In production there are two of all, so that one may be lost: set min_replicas to 2 in "
            f"{', '.join(single)} of {settings.application.name}, or allow_single: true."
        )
