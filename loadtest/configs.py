"""Config files for the service, made from the user's own.

Here the first application holds the settings of the whole service, which is easier to change than a file for Ray Serve:
that is what `laid_out` makes of it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from deployments.errors import StartupError
from loadtest.errors import BenchmarkError
from serve_app import config_file
from serve_app.applications import GATEWAY_PATH
from serve_app.layout import lay_out

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
        file = config_file.read_config(path)
        config = {**file.content, "applications": [{**_DEFAULT["applications"][0], "name": file.application}]}
        config["applications"][0]["args"] = file.given()
    except StartupError as error:
        raise BenchmarkError(str(error)) from None
    # Load is sent on this machine, by clients that have no key.
    arguments(config).setdefault("ingress", {}).setdefault("access", {"required": False})
    return config


def laid_out(config: Config) -> Config:
    """Return a config as Ray Serve takes it."""
    first, *others = config["applications"]
    if first["import_path"] != GATEWAY_PATH:
        return config
    service = lay_out(first.get("args") or {}, first["name"])
    return {**config, "applications": [*service["applications"], *others]}


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
