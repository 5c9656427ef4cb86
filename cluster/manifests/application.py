"""The application's config file, checked, and as it runs in a cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.errors import StartupError
from deployments.kinds import find_kind
from deployments.scaling import ScalingSettings
from serve_app.config_file import DEFAULT_ADDRESS, read_config
from serve_app.settings import ApplicationSettings, parse_settings

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings

ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - in a pod, behind a Service
PRODUCTION = "production"

# A place in the settings that holds a scaling, and what stands there.
Place = tuple[tuple[str | int, ...], ScalingSettings]


@dataclass(frozen=True, slots=True)
class Application:
    """What is to run, as Ray Serve takes it.

    Attributes:
        config: the whole config, for `serveConfigV2`.
        settings: its `args`, with variables of Secrets replaced by what stands for them.
        port: where it listens for HTTP.
        grpc_port: where it listens for gRPC; None without it.
    """

    config: dict[str, Any]
    settings: ApplicationSettings
    port: int
    grpc_port: int | None


def read_application(settings: ClusterSettings) -> Application:
    """Read and check the application's config file, and change what a cluster asks for.

    Raises:
        StartupError: it cannot be read, its settings are not valid, or they do not suit the environment.
    """
    file = read_config(settings.application).with_grpc(None)
    args = {**file.args, "profile": _profile(settings, file.args)}
    checked = parse_settings(args, _environment(settings))
    args = _placed(args, checked, settings)
    checked = parse_settings(args, _environment(settings))
    _check_numbers(settings, checked)
    content = copy.deepcopy(file.content)
    http_options = {**DEFAULT_ADDRESS, **content.get("http_options", {}), "host": ALL_ADDRESSES}
    content = {"proxy_location": "EveryNode", "http_options": http_options, **_without(content, "applications")}
    content.update(proxy_location="EveryNode", http_options=http_options)
    content["applications"] = [{**file.content["applications"][0], "name": file.application, "args": args}]
    return Application(content, checked, int(http_options["port"]), file.grpc_port)


def _profile(settings: ClusterSettings, args: dict[str, Any]) -> Any:
    return PRODUCTION if settings.environment == PRODUCTION else args.get("profile", PRODUCTION)


def _without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}


def _environment(settings: ClusterSettings) -> dict[str, str]:
    """Return what the pods' environment has, with words in place of secrets."""
    secrets = {name: variable.check_as for name, variable in settings.pods.secret_variables.items()}
    return {**settings.pods.variables, **secrets}


def scalings(settings: ApplicationSettings) -> Iterator[Place]:
    """Give each scaling of the application with its place.

    In a cluster each stage has replicas of its own, which scale and are lost by themselves, also where the settings
    leave them out.
    """
    yield ("ingress", "scaling"), settings.ingress.scaling
    for index, model in enumerate(settings.models):
        for number, version in enumerate(model.versions):
            for key, scaling in find_kind(model.kind).scalings(version).items():
                yield ("models", index, "versions", number, key), scaling


def _placed(args: dict[str, Any], checked: ApplicationSettings, settings: ClusterSettings) -> dict[str, Any]:
    """Say on which pods replicas may be, where the application's settings do not.

    Ray puts an actor that needs nothing anywhere, also on a head that has no CPUs to give; so each reserves some. And
    when a pod goes, Ray starts its replicas anew on those that are there, where they stay: without a bound, two
    replicas that were on two pods end on one, and the pod that comes in place of the lost one has none.
    """
    found = copy.deepcopy(args)
    found.setdefault("models", [{"kind": model.kind} for model in checked.models])
    for place, scaling in scalings(checked):
        changes: dict[str, Any] = {}
        if not scaling.cpus:
            changes["cpus"] = settings.pods.replica_cpus
        if settings.environment == PRODUCTION and scaling.min_replicas > 1 and not scaling.max_replicas_per_node:
            changes["max_replicas_per_node"] = _most_on_a_pod(scaling, _pods_for(place, checked, settings))
        if changes:
            _put(found, place, changes)
    return found


def _most_on_a_pod(scaling: ScalingSettings, pods: int) -> int:
    """Return how many replicas may share a pod: not all of the fewest that there are, if there are pods enough."""
    return max(scaling.min_replicas - 1, -(-scaling.max_replicas // pods))


def _pods_for(place: tuple[str | int, ...], checked: ApplicationSettings, settings: ClusterSettings) -> int:
    """Return how many pods there are at the most that may hold a stage's replicas."""
    *version, stage = place
    needs_gpu = False
    if version != ["ingress"]:
        _, index, _, number = version
        model = checked.models[int(index)]
        needs_gpu = stage in find_kind(model.kind).gpu_stages(model.versions[int(number)])
    groups = [group for group in settings.workers if bool(group.gpus) == needs_gpu] or settings.workers
    return max(1, sum(group.max_replicas for group in groups))


def _put(target: Any, place: tuple[str | int, ...], values: dict[str, Any]) -> None:
    """Add values to what stands at a place, if anything does."""
    *way, last = place
    for step, following in zip(way, [*way[1:], last], strict=True):
        if isinstance(step, int):
            while len(target) <= step:
                target.append({})
            target = target[step]
        else:
            target = target.setdefault(step, [] if isinstance(following, int) else {})
    # Not in place: by YAML's anchors the same object may stand in several.
    target[last] = {**target.get(last, {}), **values}


def _check_numbers(settings: ClusterSettings, application: ApplicationSettings) -> None:
    if settings.environment != PRODUCTION or settings.allow_single:
        return
    single = [".".join(map(str, place)) for place, scaling in scalings(application) if scaling.min_replicas == 1]
    if single:
        raise StartupError(
            "In production there are two of all, so that one may be lost: set min_replicas to 2 in "
            f"{', '.join(single)} of {settings.application.name}, or allow_single: true."
        )
