"""Ray Serve's config file, as every command reads it: checked before anything starts.

It lists the gateway's application, whose deployment has the table of models in its `user_config`, and one application
for each version that has replicas of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from deployments.errors import StartupError
from deployments.ingress.routing.settings import REFERENCE, not_valid, problems_of_places
from deployments.setting_errors import explain
from serve_app.applications import (
    GATEWAY_DEPLOYMENT,
    GATEWAY_PATH,
    VERSION_PATH,
    Content,
    gateway_of,
    table_of,
    versions_of,
)
from serve_app.layout import lay_out
from serve_app.settings import ServiceSettings, parse_application, parse_settings, split

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

DEFAULT_ADDRESS = {"host": "127.0.0.1", "port": 8000}
# Without reflection: it would answer before anybody has shown a key, and knows none of the protocol's messages.
GRPC_OPTIONS: dict[str, Any] = {
    "port": 9000,
    "grpc_servicer_functions": ["deployments.ingress.oip.grpc.registration:add_service"],
    "enable_reflection": False,
}
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config file of one service.

    Attributes:
        content: the whole file, in the form of Ray Serve's schema.
        application: name of the gateway's application.
        path: where it was read; None where the product made it.
    """

    content: Content
    application: str
    path: Path | None = None

    def with_content(self, **changed: Any) -> ConfigFile:
        """Return the same config with other values at its top."""
        return replace(self, content={**self.content, **changed})

    def listening_on(self, host: str | None, port: int | None) -> ConfigFile:
        """Return the same config with another address where one is given."""
        given = {"host": host, "port": port}
        options = {key: value for key, value in given.items() if value is not None}
        http_options = {**DEFAULT_ADDRESS, **self.content.get("http_options", {}), **options}
        return self.with_content(http_options=http_options, proxy_location="HeadOnly")

    def with_grpc(self, port: int | None) -> ConfigFile:
        """Return the same config with gRPC on a port, if one is given here or in the file."""
        options = self.content.get("grpc_options")
        if port is None and options is None:
            return self
        given = {} if port is None else {"port": port}
        return self.with_content(grpc_options={**GRPC_OPTIONS, **(options or {}), **given})

    def with_room_for_models(self, settings: ServiceSettings) -> ConfigFile:
        """Return the same config with one replica of the gateway, if it has what takes all cores and much memory."""
        if "scaling" in settings.ingress.model_fields_set or not settings.gateway_takes_all_cores:
            return self
        content = copy.deepcopy(self.content)
        args = gateway_of(content).setdefault("args", {})
        args["ingress"] = {**args.get("ingress", {}), "scaling": {"max_replicas": 1}}
        return self.with_content(applications=content["applications"])

    def for_ray(self) -> ServeDeploySchema:
        """Return the content as Ray Serve takes it; imports Ray, whose environment variables must be set by then.

        Raises:
            StartupError: Ray Serve would not take it.
        """
        return schema_of(self.content)

    def settings(self, environment: Mapping[str, str]) -> ServiceSettings:
        """Return the settings of the whole service.

        Raises:
            StartupError: names every key that is wrong, and the values that it may have.
        """
        return _Assembled(self.content).parse(environment)

    def given(self) -> dict[str, Any]:
        """Return the settings of the whole service as they are given, with those of each version in the table.

        Raises:
            StartupError: the table and the applications do not fit together.
        """
        return _Assembled(self.content).given()

    @property
    def version_applications(self) -> list[str]:
        """Names of the applications of versions."""
        return [*versions_of(self.content)]

    @property
    def gateway_args(self) -> dict[str, Any]:
        """The `args` of the gateway's application."""
        args: dict[str, Any] = gateway_of(self.content).get("args") or {}
        return args

    @property
    def host(self) -> str:
        """Address to listen on."""
        return str(self.content["http_options"]["host"])

    @property
    def port(self) -> int:
        """Port to listen on."""
        return int(self.content["http_options"]["port"])

    @property
    def grpc_port(self) -> int | None:
        """Port to listen on for gRPC; None without it."""
        return int(options["port"]) if (options := self.content.get("grpc_options")) else None


def schema_of(content: Content) -> ServeDeploySchema:
    """Return a config as Ray Serve takes it; imports Ray.

    Raises:
        StartupError: Ray Serve would not take it.
    """
    from ray.serve.schema import ServeDeploySchema

    try:
        return ServeDeploySchema.model_validate(content)
    except ValidationError as error:
        lines = [f"  {key}: {problem}" for key, problem in explain(error, ServeDeploySchema).items()]
        raise StartupError("\n".join(["The config file is not valid:", *lines])) from None


class _Assembled:
    """The settings of a service, put together from its applications.

    Args:
        content: the file.
    """

    def __init__(self, content: Content) -> None:
        self._applications = versions_of(content)
        self._args = dict(gateway_of(content).get("args") or {})
        self._table = copy.deepcopy(table_of(content))
        self._wrong: dict[str, str] = {}
        # Where in the file stands what has this key in the whole.
        self._places: dict[str, str] = {}

    def parse(self, environment: Mapping[str, str]) -> ServiceSettings:
        """Return the settings.

        Raises:
            StartupError: names every key that is wrong, and the values that it may have.
        """
        settings = self._parsed(self.given(), environment)
        self._check_applications(settings, environment)
        wrong = problems_of_places(settings.versions, referred=False)
        if wrong:
            self._wrong["models"] = "; ".join(wrong)
        if self._wrong:
            raise not_valid(self._wrong)
        return settings

    def given(self) -> dict[str, Any]:
        """Return the settings, not parsed.

        Raises:
            StartupError: the table and the applications do not fit together.
        """
        for name in sorted({"models", "default_models"} & self._args.keys()):
            self._wrong[name] = f"belongs to the user_config of the deployment {GATEWAY_DEPLOYMENT}"
        self._refer()
        if self._wrong:
            raise not_valid(self._wrong)
        return {**self._args, **self._table}

    def _refer(self) -> None:
        """Put the settings of each application where the table refers to it."""
        models = self._table.get("models")
        for index, model in enumerate(models if isinstance(models, list) else []):
            versions = model.get("versions") if isinstance(model, dict) else None
            for number, version in enumerate(versions if isinstance(versions, list) else []):
                if isinstance(version, dict) and version.get("application") is not None:
                    self._replace(model, number, f"models.{index}.versions.{number}")

    def _replace(self, model: dict[str, Any], number: int, key: str) -> None:
        version = model["versions"][number]
        name = version["application"]
        application = self._applications.get(name) if isinstance(name, str) else None
        if application is None:
            known = f"there are {', '.join(self._applications)}" if self._applications else "there is none"
            self._wrong[f"{key}.application"] = f"there is no application '{name}' of a version; {known}"
            return
        common, rest = split(application.get("args") or {})
        if more := sorted(version.keys() - REFERENCE):
            self._wrong[key] = f"{', '.join(more)} belongs to the args of the application {name}"
        if common.get("kind") != model.get("kind"):
            self._wrong[f"{key}.application"] = f"the application {name} is of the kind '{common.get('kind')}'"
        model["versions"][number] = {**rest, **version}
        self._places[f"{key}."] = f"{name}."

    def _parsed(self, given: dict[str, Any], environment: Mapping[str, str]) -> ServiceSettings:
        try:
            return parse_settings(given, environment)
        except StartupError as error:
            text = str(error)
            for key, place in self._places.items():
                text = text.replace(f"\n  {key}", f"\n  {place}")
            raise StartupError(text) from None

    def _check_applications(self, settings: ServiceSettings, environment: Mapping[str, str]) -> None:
        callers = settings.ingress.scaling.max_replicas
        for name, each in self._applications.items():
            application, _ = parse_application(each.get("args") or {}, environment, f"{name}.")
            if application.name != name:
                self._wrong[f"{name}.name"] = f"must be the application's own name, '{name}', not '{application.name}'"
            if application.callers < callers:
                self._wrong[f"{name}.callers"] = (
                    f"must be at least {callers}, the gateway's max_replicas, not {application.callers}"
                )
            if application.request_timeout_seconds < settings.ingress.request_timeout_seconds:
                self._wrong[f"{name}.request_timeout_seconds"] = (
                    f"must be at least {settings.ingress.request_timeout_seconds:g}, as the gateway's"
                )


def read_config(path: Path | None) -> ConfigFile:
    """Read a config file; without one, both models with their defaults.

    Raises:
        StartupError: the file cannot be read, is no YAML, or does not hold exactly one service.
    """
    content = lay_out({}) if path is None else _read_yaml(path)
    return config_of(content, "the config" if path is None else path.name, path)


def config_of(content: Content, name: str, path: Path | None = None) -> ConfigFile:
    """Return a config that was read.

    Raises:
        StartupError: it does not hold exactly one service; the sentence begins with `name`.
    """
    _check_address(content.get("http_options", {}), name)
    _check_grpc(content.get("grpc_options"), name)
    applications = content.get("applications")
    if not isinstance(applications, list) or not all(isinstance(each, dict) for each in applications):
        raise StartupError(f"{name}: 'applications' must list applications, one of them with {_gateway()}.")
    gateways = [each for each in applications if each.get("import_path") == GATEWAY_PATH]
    if len(gateways) != 1:
        raise StartupError(f"{name}: 'applications' must list exactly one application with {_gateway()}.")
    for application in applications:
        _check_application(application, name)
    names = [each.get("name", "default") for each in applications]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        raise StartupError(f"{name}: two applications have the name {', '.join(twice)}.")
    return ConfigFile(content, gateways[0].get("name", "default"), path)


def _gateway() -> str:
    return f"import_path {GATEWAY_PATH}, which is the gateway"


def _check_application(application: dict[str, Any], file: str) -> None:
    name = application.get("name", "default")
    if not isinstance(name, str) or not name:
        raise StartupError(f"{file}: an application's name must be text.")
    path = application.get("import_path")
    if path not in {GATEWAY_PATH, VERSION_PATH}:
        raise StartupError(f"{file}: the import_path of {name} must be {GATEWAY_PATH} or {VERSION_PATH}.")
    if path == GATEWAY_PATH and application.get("route_prefix", "/") != "/":
        raise StartupError(f"{file}: the route_prefix of {name} must be /, since its routes are fixed.")
    if path == VERSION_PATH and application.get("route_prefix", "/") is not None:
        raise StartupError(f"{file}: the route_prefix of {name} must be null: the gateway alone answers clients.")
    if not isinstance(application.get("args") or {}, dict):
        raise StartupError(f"{file}: 'args' must hold settings by key.")
    _check_deployments(application.get("deployments") or [], file)


def _check_deployments(deployments: Any, file: str) -> None:
    if not isinstance(deployments, list) or not all(isinstance(each, dict) for each in deployments):
        raise StartupError(f"{file}: 'deployments' must list deployments, each with its name.")
    if not all(isinstance(each.get("user_config") or {}, dict) for each in deployments):
        raise StartupError(f"{file}: 'user_config' must hold settings by key.")


def _check_address(http_options: Any, name: str) -> None:
    if not isinstance(http_options, dict):
        raise StartupError(f"{name}: 'http_options' must hold options by key, such as host and port.")
    address = {**DEFAULT_ADDRESS, **http_options}
    if not isinstance(address["host"], str):
        raise StartupError(f"{name}: http_options.host must be a name or an address in quotes.")
    _check_port(address["port"], "http_options", name)


def _check_grpc(options: Any, name: str) -> None:
    if options is None:
        return
    if not isinstance(options, dict):
        raise StartupError(f"{name}: 'grpc_options' must hold options by key, such as port.")
    _check_port(options.get("port", GRPC_OPTIONS["port"]), "grpc_options", name)
    functions = GRPC_OPTIONS["grpc_servicer_functions"]
    if options.get("grpc_servicer_functions", functions) != functions:
        raise StartupError(f"{name}: grpc_options.grpc_servicer_functions must be {functions}, or left out.")


def _check_port(port: Any, options: str, name: str) -> None:
    if type(port) is not int or not 0 < port <= HIGHEST_PORT:
        raise StartupError(f"{name}: {options}.port must be a number from 1 to {HIGHEST_PORT}.")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartupError(f"The config file {path} does not exist.") from None
    except (OSError, UnicodeDecodeError):
        raise StartupError(f"The config file {path} cannot be read as text.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StartupError(f"The config file {path} is not valid YAML{where}.") from None
    except (ValueError, RecursionError):
        # A date that is none, a number of thousands of digits, thousands of brackets.
        raise StartupError(f"The config file {path} holds a value that cannot be read.") from None
    if not isinstance(content, dict):
        raise StartupError(f"The config file {path} must hold keys and values, starting with 'applications'.")
    return content
