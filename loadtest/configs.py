"""Config files for the service, made from the user's own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from loadtest.errors import BenchmarkError

Config = dict[str, Any]

KINDS = {"faq": "faq_matcher", "image": "image_classifier"}

_DEFAULT: Config = {
    "applications": [{"name": "scoring", "route_prefix": "/", "import_path": "serve_app.app:build", "args": {}}]
}
_ONE_REPLICA = {"min_replicas": 1, "max_replicas": 1}

# A stage that never limits what is measured behind it.
_ROOM = {"max_concurrent_requests": 256}


def read_config(path: Path | None) -> Config:
    """Read a config file; without one, the product's defaults.

    Raises:
        BenchmarkError: it cannot be read or has another form.
    """
    if path is None:
        return copy.deepcopy(_DEFAULT)
    try:
        config: Config = yaml.safe_load(path.read_text(encoding="utf-8"))
        # Load is sent on this machine, by clients that have no key.
        arguments(config).setdefault("ingress", {}).setdefault("access", {"required": False})
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise BenchmarkError(f"The config file {path} cannot be read as YAML.") from None
    except (LookupError, TypeError, AttributeError):
        raise BenchmarkError(f"The config file {path} holds no application.") from None
    return config


def arguments(config: Config) -> dict[str, Any]:
    """Return the application's settings, which the caller may change."""
    settings: dict[str, Any] = config["applications"][0].setdefault("args", {})
    return settings


def application_name(config: Config) -> str:
    """Return the application's name."""
    return str(config["applications"][0].get("name", "default"))


def first_version(config: Config, kind: str) -> tuple[str, dict[str, Any]]:
    """Return the name of the first model of a kind, and its first version, which the caller may change.

    Args:
        config: it is completed where it leaves the model to its defaults.
        kind: as in `KINDS`.

    Raises:
        BenchmarkError: the config has models, and none of this kind.
    """
    short = {long: name for name, long in KINDS.items()}
    settings = arguments(config)
    models = settings.setdefault("models", [{"kind": long, "name": name} for name, long in KINDS.items()])
    for model in models:
        if model["kind"] == kind:
            version: dict[str, Any] = model.setdefault("versions", [{}])[0]
            return str(model.get("name", short[kind])), version
    raise BenchmarkError(f"The config has no model of the kind {kind}.")


def scaled(config: Config, kind: str, **scaling: Any) -> tuple[Config, str]:
    """Keep one model, and set its scaling; the stages before it have one replica and room enough.

    Args:
        config: left as it is.
        kind: as in `KINDS`.
        scaling: settings of its replicas.

    Returns:
        The new config and the name of the model's deployment.
    """
    config = copy.deepcopy(config)
    name, version = first_version(config, kind)
    settings = arguments(config)
    settings["models"] = [model for model in settings["models"] if model.get("name", name) == name]
    version["scaling"] = {**version.get("scaling", {}), **scaling}
    if kind == KINDS["image"]:
        version["preprocess_scaling"] = {**_ROOM, **_ONE_REPLICA}
    ingress = settings.setdefault("ingress", {})
    ingress["scaling"] = {**_ROOM, **_ONE_REPLICA}
    return config, f"{name}-{version.get('name', '1')}"
