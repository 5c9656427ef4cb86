"""Ray Serve's config file, as `scoring serve` reads it: checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from deployments.errors import StartupError
from serve_app.setting_errors import explain

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

IMPORT_PATH = "serve_app.app:build"
DEFAULT_ADDRESS = {"host": "127.0.0.1", "port": 8000}
# Without reflection: it would answer before anybody has shown a key, and knows none of the protocol's messages.
GRPC_OPTIONS: dict[str, Any] = {
    "port": 9000,
    "grpc_servicer_functions": ["deployments.ingress.oip.grpc.registration:add_service"],
    "enable_reflection": False,
}
HIGHEST_PORT = 65535
DEFAULT_CONFIG: dict[str, Any] = {
    "applications": [{"name": "scoring", "route_prefix": "/", "import_path": IMPORT_PATH, "args": {}}]
}


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config file with one application, this product's.

    Attributes:
        content: the whole file, in the form of Ray Serve's schema.
        application: the application's name.
        args: the application's settings, not yet parsed.
    """

    content: dict[str, Any]
    application: str
    args: dict[str, Any]

    def listening_on(self, host: str | None, port: int | None) -> ConfigFile:
        """Return the same config with another address where one is given."""
        given = {"host": host, "port": port}
        options = {key: value for key, value in given.items() if value is not None}
        http_options = {**DEFAULT_ADDRESS, **self.content.get("http_options", {}), **options}
        content = {**self.content, "http_options": http_options, "proxy_location": "HeadOnly"}
        return ConfigFile(content, self.application, self.args)

    def with_grpc(self, port: int | None) -> ConfigFile:
        """Return the same config with gRPC on a port, if one is given here or in the file."""
        options = self.content.get("grpc_options")
        if port is None and options is None:
            return self
        given = {} if port is None else {"port": port}
        content = {**self.content, "grpc_options": {**GRPC_OPTIONS, **(options or {}), **given}}
        return ConfigFile(content, self.application, self.args)

    def for_ray(self) -> ServeDeploySchema:
        """Return the content as Ray Serve takes it; imports Ray, whose environment variables must be set by then.

        Raises:
            StartupError: Ray Serve would not take it.
        """
        from ray.serve.schema import ServeDeploySchema

        try:
            return ServeDeploySchema.model_validate(self.content)
        except ValidationError as error:
            lines = [f"  {key}: {problem}" for key, problem in explain(error, ServeDeploySchema).items()]
            raise StartupError("\n".join(["The config file is not valid:", *lines])) from None

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


def read_config(path: Path | None) -> ConfigFile:
    """Read a config file; without one, both models with their defaults.

    Raises:
        StartupError: the file cannot be read, is no YAML, or does not hold exactly this application.
    """
    content = DEFAULT_CONFIG if path is None else _read_yaml(path)
    name = "the config" if path is None else path.name
    applications = content.get("applications")
    if not isinstance(applications, list) or len(applications) != 1 or not isinstance(applications[0], dict):
        raise StartupError(f"{name}: 'applications' must list exactly one application, with import_path {IMPORT_PATH}.")
    _check_address(content.get("http_options", {}), name)
    _check_grpc(content.get("grpc_options"), name)
    application = applications[0]
    if application.get("import_path") != IMPORT_PATH:
        raise StartupError(f"{name}: the application's import_path must be {IMPORT_PATH}.")
    if application.get("route_prefix", "/") != "/":
        raise StartupError(f"{name}: the application's route_prefix must be /, since its routes are fixed.")
    args = application.get("args") or {}
    if not isinstance(args, dict):
        raise StartupError(f"{name}: 'args' must hold settings by key.")
    application_name = application.get("name", "default")
    if not isinstance(application_name, str) or not application_name:
        raise StartupError(f"{name}: the application's name must be text.")
    return ConfigFile(content, application_name, args)


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
