"""Changes of a config file's content: versions of models that come, go, and become the default.

The content may be plain dictionaries and lists, or those of a YAML library that keeps comments; it is changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.errors import StartupError
from deployments.ingress.routing.settings import MODELS
from deployments.kinds import find_kind
from serve_app.applications import GATEWAY_DEPLOYMENT, Content, gateway_of
from serve_app.layout import version_application


def models_of(content: Content) -> list[dict[str, Any]]:
    """Return the models of the table, which is written into the content where it is left out there."""
    gateway = gateway_of(content)
    deployments = _filled(gateway, "deployments", [])
    deployment = next((each for each in deployments if each.get("name") == GATEWAY_DEPLOYMENT), None)
    if deployment is None:
        deployment = {"name": GATEWAY_DEPLOYMENT}
        deployments.append(deployment)
    table = _filled(deployment, "user_config", {})
    default = [{"kind": kind} for kind in MODELS if find_kind(kind).is_default]
    models: list[dict[str, Any]] = _filled(table, "models", default)
    return models


def find_model(content: Content, name: str) -> dict[str, Any]:
    """Return a model of the table, with its versions written out.

    Raises:
        StartupError: there is none of that name.
    """
    models = {name_of(model): model for model in models_of(content)}
    if name not in models:
        raise StartupError(f"There is no model '{name}'; there are {', '.join(models)}.")
    _versions(models[name])
    return models[name]


def find_version(model: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a version of a model.

    Raises:
        StartupError: there is none of that name.
    """
    versions = {str(version.get("name", "1")): version for version in model["versions"]}
    if name not in versions:
        raise StartupError(f"The model '{name_of(model)}' has no version '{name}'; it has {', '.join(versions)}.")
    found: dict[str, Any] = versions[name]
    return found


def add_version(
    content: Content,
    model: str,
    kind: str | None,
    version: str,
    settings: Mapping[str, Any],
    *,
    in_gateway: bool = False,
) -> str | None:
    """Add a version, and its model where there is none yet.

    Args:
        content: the config.
        model: the model's name.
        kind: of a model that is new; of one that is there it may be left out.
        version: the version's name.
        settings: of the version.
        in_gateway: whether it lives in the gateway's process, and not in an application of its own.

    Returns:
        The name of the new application; None without one.

    Raises:
        StartupError: the model is of another kind, or has such a version.
    """
    found = next((each for each in models_of(content) if name_of(each) == model), None)
    if found is None:
        if kind is None:
            raise StartupError(f"There is no model '{model}': say of what kind it is to be, with --kind.")
        found = {"kind": find_kind(kind).name, "name": model, "versions": []}
        models_of(content).append(found)
    if kind not in {None, found["kind"]}:
        raise StartupError(f"The model '{model}' is of the kind {found['kind']}, and not {kind}.")
    versions = _versions(found)
    if version in {str(each.get("name", "1")) for each in versions}:
        raise StartupError(f"The model '{model}' has a version '{version}' already.")
    if in_gateway:
        versions.append({"name": version, **settings})
        return None
    application = _free_name(content, f"{model}-{version}")
    args = gateway_of(content).get("args") or {}
    content["applications"].append(version_application(application, found["kind"], settings, args))
    versions.append({"name": version, "application": application})
    return application


def leave_out(content: Content, model: str, version: str | None) -> list[str]:
    """Take a version, or a whole model, out of the table; applications stay, and answer what is under way.

    Returns:
        The names of applications that no version has any more.

    Raises:
        StartupError: there is no such version, or it is the last of all, or the default of others.
    """
    found = find_model(content, model)
    versions = found["versions"]
    gone = [find_version(found, version)] if version is not None else [*versions]
    if len(gone) == len(versions):
        if len(models_of(content)) == 1:
            raise StartupError("A service has one model at the least: add another before this one is removed.")
        models_of(content).remove(found)
    else:
        if str(version) == _default(found):
            others = ", ".join(str(each.get("name", "1")) for each in versions if each is not gone[0])
            raise StartupError(
                f"'{version}' is the default of '{model}': make another one the default before: {others}."
            )
        versions.remove(gone[0])
    return [str(each["application"]) for each in gone if each.get("application")]


def drop_applications(content: Content, names: list[str]) -> None:
    """Take applications out of the config."""
    applications = content["applications"]
    for application in [each for each in applications if each.get("name") in names]:
        applications.remove(application)


def make_default(content: Content, model: str, version: str) -> None:
    """Make a version the default of its model.

    Raises:
        StartupError: there is no such version.
    """
    found = find_model(content, model)
    find_version(found, version)
    found["default"] = version


def own_settings(content: Content, model: str, version: str) -> dict[str, Any]:
    """Return the `args` of a version's application; a version in the gateway's process becomes an application.

    Raises:
        StartupError: there is no such version.
    """
    found = find_model(content, model)
    entry = find_version(found, version)
    if entry.get("application") is None:
        name = _free_name(content, f"{model}-{version}")
        args = gateway_of(content).get("args") or {}
        content["applications"].append(version_application(name, found["kind"], entry, args))
        for key in [key for key in entry if key != "name"]:
            del entry[key]
        entry.update(name=version, application=name)
    applications: list[dict[str, Any]] = content["applications"]
    args_of: dict[str, Any] = next(each for each in applications if each.get("name") == entry["application"])["args"]
    return args_of


def name_of(model: Mapping[str, Any]) -> str:
    """Return the name of a model of the table."""
    return str(model.get("name") or find_kind(model["kind"]).default_model)


def _versions(model: dict[str, Any]) -> list[dict[str, Any]]:
    if "versions" not in model:
        model["versions"] = [{"name": "1"}]
    versions: list[dict[str, Any]] = model["versions"]
    return versions


def _default(model: Mapping[str, Any]) -> str:
    return str(model.get("default") or model["versions"][0].get("name", "1"))


def _free_name(content: Content, wanted: str) -> str:
    names = {each.get("name") for each in content["applications"]}
    candidates = [wanted, *(f"{wanted}-{number}" for number in range(2, len(names) + 3))]
    return next(name for name in candidates if name not in names)


def _filled(target: dict[str, Any], key: str, empty: Any) -> Any:
    if not target.get(key):
        target[key] = empty
    return target[key]
