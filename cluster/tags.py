"""Tags and properties of a web service: annotations of its RayService, apart from what a deployment applies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from deployments.errors import StartupError

_PREFIX = "ray-scoring/"
_TEXTS = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class Tags:
    """What is noted of a service."""

    # A field manager of their own: a deployment does not take away what was noted since.
    MANAGER: ClassVar[str] = "ray-scoring-tags"

    tags: dict[str, str]
    properties: dict[str, str]
    description: str

    @staticmethod
    def of(ray_service: Mapping[str, Any]) -> Tags:
        """Read them of a RayService.

        Raises:
            StartupError: somebody else wrote what is there.
        """
        found = ray_service.get("metadata", {}).get("annotations", {})
        return Tags(_texts(found, "tags"), _texts(found, "properties"), found.get(f"{_PREFIX}description", ""))

    def annotations(self) -> dict[str, str]:
        """Return them as annotations."""
        found = {
            "tags": json.dumps(self.tags, sort_keys=True, ensure_ascii=False) if self.tags else "",
            "properties": json.dumps(self.properties, sort_keys=True, ensure_ascii=False) if self.properties else "",
            "description": self.description,
        }
        return {f"{_PREFIX}{name}": text for name, text in found.items() if text}

    def without(self, names: Sequence[str]) -> Tags:
        """Return the same without some tags."""
        return replace(self, tags={name: text for name, text in self.tags.items() if name not in names})


def _texts(annotations: Mapping[str, str], name: str) -> dict[str, str]:
    try:
        return _TEXTS.validate_json(annotations.get(f"{_PREFIX}{name}", "{}"))
    except ValidationError:
        raise StartupError(
            f"The annotation {_PREFIX}{name} of the RayService is no JSON of texts by name; take it away."
        ) from None


def merged(before: Tags, tags: Mapping[str, str], properties: Mapping[str, str], description: str) -> Tags:
    """Return tags with others added or changed.

    Raises:
        StartupError: a property would change.
    """
    for name, text in properties.items():
        if before.properties.get(name, text) != text:
            raise StartupError(f"The property {name} is {before.properties[name]!r} and cannot change; tags can.")
    return Tags({**before.tags, **tags}, {**before.properties, **properties}, description or before.description)
