"""Revisions: what was deployed before, to be brought back.

Each is a Secret, since settings of an application may hold addresses with passwords in them.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cluster.kubernetes.api import Api, Object
from cluster.kubernetes.errors import Conflict
from cluster.kubernetes.kinds import Kind
from cluster.printable import one_line
from deployments.errors import StartupError

KEPT = 10

_PREFIX = "ray-scoring/"
_NAME_LABEL = f"{_PREFIX}revisions-of"
_NUMBER_LABEL = f"{_PREFIX}revision"
_HASH = f"{_PREFIX}hash"
_NOTE = f"{_PREFIX}note"
_DEPLOYED = f"{_PREFIX}deployed"
_CONTENT = "rayservice.json.gz"
# Beyond what etcd takes of one object.
_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Revision:
    """One of them.

    Attributes:
        number: counts up from 1.
        deployed: when it was applied last.
        note: what brought it about.
        digest: SHA-256 of the RayService.
        image: of the head.
        ray_service: what was applied.
    """

    number: int
    deployed: datetime
    note: str
    digest: str
    image: str
    # May hold addresses with passwords.
    ray_service: Object = field(repr=False)


class Revisions:
    """The revisions of one RayService, the oldest of which go as new ones come."""

    def __init__(self, api: Api, name: str, namespace: str, kept: int = KEPT) -> None:
        self._api = api
        self._name = name
        self._namespace = namespace
        self._kept = kept

    def all(self) -> list[Revision]:
        """Return what is kept, the newest first."""
        secrets = self._api.find(Kind.SECRET, self._namespace, labels=f"{_NAME_LABEL}={self._name}")
        return sorted((_read(each) for each in secrets), key=lambda each: -each.number)

    def get(self, number: int | None) -> Revision:
        """Return a revision; without a number, the one before the newest.

        Raises:
            StartupError: it is not kept.
        """
        revisions = self.all()
        if number is None:
            if len(revisions) <= 1:
                raise StartupError(f"{self._name} has no revision before the present one.")
            return revisions[1]
        for revision in revisions:
            if revision.number == number:
                return revision
        kept = ", ".join(str(each.number) for each in reversed(revisions)) or "none"
        raise StartupError(f"{self._name} has no revision {number}; kept are: {kept}.")

    def add(self, ray_service: Object, note: str) -> int:
        """Keep what is applied now and return its number; the same as the newest is no new revision."""
        revisions = self.all()
        digest = _digest(ray_service)
        if revisions and revisions[0].digest == digest:
            return revisions[0].number
        number = revisions[0].number + 1 if revisions else 1
        while True:
            try:
                self._api.create(self._secret(number, ray_service, digest, note))
                break
            except Conflict:
                # Somebody else deploys at the same time.
                number += 1
        for old in revisions[self._kept - 1 :]:
            self._api.delete(Kind.SECRET, self._secret_name(old.number), self._namespace)
        return number

    def delete(self) -> None:
        """Forget them all."""
        for revision in self.all():
            self._api.delete(Kind.SECRET, self._secret_name(revision.number), self._namespace)

    def _secret_name(self, number: int) -> str:
        return f"{self._name}-revision-{number}"

    def _secret(self, number: int, ray_service: Object, digest: str, note: str) -> Object:
        content = gzip.compress(_json(ray_service), mtime=0)
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": f"{_PREFIX}revision",
            "immutable": True,
            "metadata": {
                "name": self._secret_name(number),
                "namespace": self._namespace,
                "labels": {_NAME_LABEL: self._name, _NUMBER_LABEL: str(number)},
                "annotations": {_HASH: digest, _NOTE: note, _DEPLOYED: datetime.now(UTC).isoformat(timespec="seconds")},
            },
            "data": {_CONTENT: base64.b64encode(content).decode()},
        }


def _read(secret: Object) -> Revision:
    """Read what may have been changed by anybody who may write Secrets.

    Raises:
        StartupError: it is no revision.
    """
    metadata = secret["metadata"]
    try:
        notes = metadata["annotations"]
        ray_service: Object = json.loads(_unpacked(base64.b64decode(secret["data"][_CONTENT])))
        return Revision(
            int(metadata["labels"][_NUMBER_LABEL]),
            datetime.fromisoformat(notes[_DEPLOYED]),
            one_line(notes.get(_NOTE, "")),
            notes[_HASH],
            one_line(image_of(ray_service)),
            ray_service,
        )
    except (KeyError, IndexError, TypeError, ValueError, zlib.error):
        raise StartupError(
            f"The Secret {metadata['name']} is no revision that can be read; delete it, and deploy again."
        ) from None


def _unpacked(content: bytes) -> bytes:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    unpacked = reader.decompress(content, _MOST_BYTES)
    if reader.unconsumed_tail:
        raise ValueError("larger than any object of Kubernetes")
    return unpacked


def image_of(ray_service: Object) -> str:
    """Return the image of a RayService's head."""
    head = ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
    return str(head["containers"][0].get("image", ""))


def _digest(ray_service: Object) -> str:
    return hashlib.sha256(_json(ray_service)).hexdigest()


def _json(ray_service: Object) -> bytes:
    return json.dumps(ray_service, sort_keys=True, separators=(",", ":")).encode()
