"""The application's config file, checked, and as it runs in a cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.errors import StartupError
from deployments.scaling import ScalingSettings
from serve_app.config_file import DEFAULT_ADDRESS, read_config
from serve_app.settings import ApplicationSettings, FaqVersion, ImageVersion, parse_settings

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
    args = _with_cpus(args, checked, settings.pods.replica_cpus)
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
    """Give each scaling of the application with its place."""
    yield ("ingress", "scaling"), settings.ingress.scaling
    for index, model in enumerate(settings.models):
        for number in range(len(model.versions)):
            version: FaqVersion | ImageVersion = model.versions[number]
            place = ("models", index, "versions", number)
            yield (*place, "scaling"), version.scaling
            if isinstance(version, ImageVersion):
                yield (*place, "preprocess_scaling"), version.preprocess_scaling


def _with_cpus(args: dict[str, Any], checked: ApplicationSettings, cpus: float) -> dict[str, Any]:
    """Have Ray reserve CPUs for replicas of which the settings do not say how many.

    Ray puts an actor that needs nothing anywhere, also on a head that has no CPUs to give.
    """
    found = copy.deepcopy(args)
    found.setdefault("models", [{"kind": model.kind} for model in checked.models])
    for place, scaling in scalings(checked):
        if not scaling.cpus:
            # What stands there takes the place of a stage's own defaults, so those are written, too.
            value = {**scaling.model_dump(mode="json", exclude_none=True), "cpus": cpus}
            _put(found, place, _changed(value))
    return found


def _changed(scaling: dict[str, Any]) -> dict[str, Any]:
    defaults = ScalingSettings().model_dump(mode="json")
    return {key: value for key, value in scaling.items() if value != defaults[key]}


def _put(target: Any, place: tuple[str | int, ...], value: dict[str, Any]) -> None:
    *way, last = place
    for step, following in zip(way, [*way[1:], last], strict=True):
        if isinstance(step, int):
            while len(target) <= step:
                target.append({})
            target = target[step]
        else:
            target = target.setdefault(step, [] if isinstance(following, int) else {})
    target[last] = value


def _check_numbers(settings: ClusterSettings, application: ApplicationSettings) -> None:
    if settings.environment != PRODUCTION or settings.allow_single:
        return
    single = [".".join(map(str, place)) for place, scaling in scalings(application) if scaling.min_replicas == 1]
    if single:
        raise StartupError(
            "In production there are two of all, so that one may be lost: set min_replicas to 2 in "
            f"{', '.join(single)} of {settings.application.name}, or allow_single: true."
        )
