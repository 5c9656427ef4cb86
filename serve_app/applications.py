"""The applications of a config file: the gateway, and one for each version with replicas of its own."""

from __future__ import annotations

from typing import Any

GATEWAY_PATH = "serve_app.app:build"
VERSION_PATH = "serve_app.version:build"
GATEWAY_DEPLOYMENT = "ingress"

Content = dict[str, Any]


def gateway_of(content: Content) -> dict[str, Any]:
    """Return the gateway's application, which the caller may change."""
    applications: list[dict[str, Any]] = content["applications"]
    return next(each for each in applications if each.get("import_path") == GATEWAY_PATH)


def versions_of(content: Content) -> dict[str, dict[str, Any]]:
    """Return the applications of versions by name."""
    return {each["name"]: each for each in content["applications"] if each.get("import_path") == VERSION_PATH}


def table_of(content: Content) -> dict[str, Any]:
    """Return the table of models as it stands in the file; empty where the file has none."""
    for deployment in gateway_of(content).get("deployments") or []:
        if deployment.get("name") == GATEWAY_DEPLOYMENT:
            table: dict[str, Any] = deployment.get("user_config") or {}
            return table
    return {}
