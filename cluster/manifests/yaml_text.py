"""Objects as YAML for people: block style, texts of several lines as they are, and why a thing is so."""

from __future__ import annotations

import re
from typing import Any

import yaml

WIDTH = 110

# Why a key is there, above its first place in each object; keys that a reader knows have none.
REASONS = {
    "serveConfigV2": "The application's own config file. Changed alone, running pods take it over.",
    "rayClusterConfig": "Changed, but for numbers of pods, it makes a new Ray cluster beside the old one.",
    "rayClusterDeletionDelaySeconds": "Old pods stay for connections that clients hold open.",
    "excludeHeadPodFromServeSvc": "The head only gets requests where it may hold replicas.",
    "authOptions": "Ray's ports take code: only from who has the token, which KubeRay puts into a Secret.",
    "gcsFaultToleranceOptions": "The head may be lost: what it knows is in Redis.",
    "enableInTreeAutoscaling": "Ray asks for pods when replicas find no room; the cluster then asks for nodes.",
    "num-cpus": "No CPU, so no replica, on the head.",
    "enableServiceLinks": "Variables of other Services could be taken for Ray's own.",
    "terminationGracePeriodSeconds": "preStop, then what Ray has to drain, then a margin.",
    "lifecycle": "Until the others know that this pod goes, it goes on as before.",
    "matchLabelKeys": "Each Ray cluster for itself, also while one takes the place of another.",
    "minAvailable": "A number: Kubernetes cannot ask KubeRay's pods how many there should be.",
    "unhealthyPodEvictionPolicy": "Of pods that are not ready nothing is lost.",
}
_KEY = re.compile(r"^(?P<indent>(?: |- )*)(?P<key>[A-Za-z0-9-]+):(?: |$)")


def to_text(objects: list[dict[str, Any]]) -> str:
    """Write objects one after the other, as `kubectl apply` takes them."""
    return "".join(f"---\n{_with_reasons(dump(each))}" for each in objects)


def file_name(number: int, each: dict[str, Any]) -> str:
    """Name an object's file, so that files in the order of their names can be applied."""
    return f"{number:02d}-{each['kind'].lower()}-{each['metadata']['name']}.yaml"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - no anchors, however often a value occurs
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def dump(content: Any) -> str:
    """Write what an object, or a text in an object, holds."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def _with_reasons(text: str) -> str:
    """Put reasons above keys of an object, not of texts inside it."""
    lines, told = [], set()
    inside: int | None = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and indent <= inside:
            inside = None
        match = _KEY.match(line) if inside is None else None
        if match and (reason := REASONS.get(match["key"])) and match["key"] not in told:
            told.add(match["key"])
            lines.append(f"{' ' * len(match['indent'])}# {reason}")
        lines.append(line)
        if match and line.endswith(("|", "|-", "|+")):
            inside = indent
    return "\n".join(lines) + "\n"
