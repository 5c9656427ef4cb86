"""References to container images, as Docker and Kubernetes read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCKER_HUB = "docker.io"
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_REGISTRY = re.compile(
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::(?P<port>[0-9]{1,5}))?"
)
HTTPS_PORT = 443
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ImageName:
    """The parts of a reference.

    Attributes:
        registry: host, with a port if one is named; docker.io where none is.
        repository: path in the registry; with `library/` where Docker Hub's short form leaves it out.
        tag: None where there is none, which means `latest` unless there is a digest.
        digest: as in sha256:...; None where there is none.
        names_registry: whether the reference has a registry of its own.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    names_registry: bool

    @property
    def host(self) -> str:
        """The registry's host, without a port."""
        match = _REGISTRY.fullmatch(self.registry)
        return match["host"].strip("[]") if match else self.registry

    @property
    def port(self) -> int:
        """The registry's port."""
        match = _REGISTRY.fullmatch(self.registry)
        return int(match["port"]) if match and match["port"] else HTTPS_PORT


def parse_image(reference: str) -> ImageName:
    """Take a reference apart.

    Raises:
        ValueError: it is none; the message is a clause that says why.
    """
    rest, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError("what follows @ is no digest")
    # A colon after the last slash is that of a tag; one before it is that of a port.
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError("what follows the last colon is no tag")
    registry, path = _split_registry(head + slash + last)
    if not _REPOSITORY.fullmatch(path):
        raise ValueError("a repository has lower-case letters, digits and . _ - between slashes")
    if registry in {None, DOCKER_HUB, "index.docker.io"} and "/" not in path:
        path = f"library/{path}"
    return ImageName(registry or DOCKER_HUB, path, tag or None, digest or None, registry is not None)


def _split_registry(name: str) -> tuple[str | None, str]:
    """The first part is a registry if it cannot be a part of a path: with a dot, a port, upper case, or `localhost`."""
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return None, name
    match = _REGISTRY.fullmatch(first)
    if not match or int(match["port"] or HTTPS_PORT) not in range(1, HIGHEST_PORT + 1):
        raise ValueError("the part before the first slash is no registry's host and port")
    return first, rest
