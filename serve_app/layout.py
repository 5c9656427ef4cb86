"""A service as applications of Ray Serve, from what is to be served."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from deployments.ingress.routing.settings import MODELS
from deployments.ingress.settings import SCALING
from deployments.kinds import DEFAULT_CALLERS, find_kind
from serve_app.applications import GATEWAY_DEPLOYMENT, GATEWAY_PATH, VERSION_PATH, Content

GATEWAY_NAME = "scoring"
_OF_TABLE = ("models", "default_models")
_OF_APPLICATIONS = ("profile",)


def lay_out(settings: Mapping[str, Any], name: str = GATEWAY_NAME) -> Content:
    """Return the content of a config file.

    A version that names an application or replicas of its own, or that would run on a GPU, becomes an application;
    every other one lives in the gateway's process.

    Args:
        settings: of the whole service, as `ServiceSettings` reads them.
        name: of the gateway's application.
    """
    given = copy.deepcopy(dict(settings))
    table = {key: given.pop(key) for key in _OF_TABLE if key in given}
    table.setdefault("models", [{"kind": kind} for kind in MODELS if find_kind(kind).is_default])
    applications = [gateway(name, given, table)]
    for model in table["models"]:
        title = model.get("name", find_kind(model["kind"]).default_model)
        versions = model.setdefault("versions", [{"name": "1"}])
        for number, version in enumerate(versions):
            if needs_application(model["kind"], version, given.get("ingress") or {}):
                version.setdefault("name", "1")
                own = version.get("application") or f"{title}-{version['name']}"
                application = version_application(own, model["kind"], version, given)
                applications.append(application)
                versions[number] = {"name": version["name"], "application": application["name"]}
    return {"applications": applications}


def needs_application(kind: str, version: Mapping[str, Any], ingress: Mapping[str, Any]) -> bool:
    """Whether a version, as it is given, is to have replicas of its own.

    Args:
        kind: of its model.
        version: its settings.
        ingress: those of the gateway.
    """
    found = find_kind(kind)
    try:
        parsed = found.settings.model_validate(version)
    except ValidationError:
        # A variable may stand in it, or it is wrong, which is said where it is read.
        parsed = found.settings()
    if version.keys() & {"application", *found.scalings(parsed)} or found.wants_gpu(parsed):
        return True
    scaling = ingress.get("scaling") or {"max_replicas": 1}
    return found.takes_all_cores(parsed) and scaling.get("max_replicas", SCALING.max_replicas) != 1


def _most_replicas(ingress: Mapping[str, Any]) -> int:
    return int((ingress.get("scaling") or {}).get("max_replicas", 1))


def gateway(name: str, args: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gateway's application."""
    return {
        "name": name,
        "route_prefix": "/",
        "import_path": GATEWAY_PATH,
        "args": dict(args),
        "deployments": [{"name": GATEWAY_DEPLOYMENT, "user_config": dict(table)}],
    }


def version_application(name: str, kind: str, version: Mapping[str, Any], service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the application of a version.

    Args:
        name: its own.
        kind: of its model.
        version: its settings.
        service: the `args` of the gateway.
    """
    ingress = service.get("ingress") or {}
    args: dict[str, Any] = {"kind": kind, "name": name}
    # The gateway's replicas are callers of every application.
    args |= {"callers": most} if (most := _most_replicas(ingress)) > DEFAULT_CALLERS else {}
    args |= {key: service[key] for key in _OF_APPLICATIONS if key in service}
    args |= {key: ingress[key] for key in ("request_timeout_seconds", "logging") if key in ingress}
    args |= {key: value for key, value in version.items() if key not in {"name", "application"}}
    return {"name": name, "route_prefix": None, "import_path": VERSION_PATH, "args": args}
