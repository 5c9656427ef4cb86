"""Keys of clients in a cluster: a Secret with the files that `scoring keys` keeps, mounted into every pod."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from cluster.kuberay.logs import pods
from cluster.kubernetes.api import Api, Object
from cluster.kubernetes.errors import Conflict
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError

if TYPE_CHECKING:
    from deployments.ingress.access.access_directory import AccessDirectory
    from deployments.ingress.access.key_file import Client, Slot

ResultT = TypeVar("ResultT")

INVOKE = "scoring.invoke"
CHANGED = "ray-scoring/keys-changed"
# Set by the Secrets Store CSI driver, which would undo a change.
_FROM_VAULT = "secrets-store.csi.k8s.io/managed"
_TRIES = 5
_FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two keys of a client; None for one that is not known."""

    primary: str | None = field(repr=False)
    secondary: str | None = field(repr=False)


class ClientKeys:
    """The keys of one client of a web service.

    Args:
        api: the cluster.
        service: the RayService's name.
        namespace: its namespace.
        secret: the Secret that is mounted into its pods.
        client: the client's name.
        keeps: whether its keys are kept in plain text, in a Secret of their own.
    """

    def __init__(self, api: Api, service: str, namespace: str, *, secret: str, client: str, keeps: bool) -> None:
        self._api = api
        self._service = service
        self._namespace = namespace
        self._secret = secret
        self._client = client
        self._keeps = keeps

    @property
    def _kept_secret(self) -> str:
        return f"{self._service}-{self._client.replace('_', '-')}-plain-keys"

    def ensure(self) -> KeyPair | None:
        """Make the client where there is none, and return its keys, which nobody can see again; else None."""
        if self.find() is not None:
            return None
        new = self._change(lambda directory: directory.create(self._client, [INVOKE]))
        pair = KeyPair(new.primary.text, new.secondary.text)
        self._keep(pair)
        self._hurry()
        return pair

    def regenerate(self, slot: Slot) -> str:
        """Replace one key and return the new one; pods follow within seconds.

        Raises:
            StartupError: there is no such client.
        """
        key = self._change(lambda directory: directory.rotate(self._client, slot)).text
        if self._keeps:
            before = self._kept() or KeyPair(None, None)
            self._keep(KeyPair(key, before.secondary) if slot == "primary" else KeyPair(before.primary, key))
        self._hurry()
        return key

    def get(self) -> KeyPair:
        """Return both keys.

        Raises:
            StartupError: they are not kept; the message names their identifiers.
        """
        kept = self._kept() if self._keeps else None
        if kept is not None:
            return kept
        identifiers = ", ".join(f"{slot} {key}" for slot, key in self.identifiers().items()) or "none"
        raise StartupError(
            f"Only hashes of the keys of {self._client} are stored (identifiers: {identifiers}), so nobody can show "
            "them again. `regen_key` makes a new one; with `web_service: {keep_keys: true}`, keys made from then on "
            "are kept in plain text, in a Secret that no pod sees."
        )

    def identifiers(self) -> dict[str, str]:
        """Return the public identifiers of the keys by slot."""
        client = self.find()
        return {} if client is None else {slot: key.id for slot, key in client.keys.items()}

    def find(self) -> Client | None:
        """Return what is stored of the client; None if there is none.

        Raises:
            StartupError: the Secret holds something else.
        """
        from deployments.ingress.access.key_file import KEY_FILE, KeyFile

        secret = self._read(self._secret)
        content = _files(secret).get(KEY_FILE) if secret else None
        try:
            return KeyFile.model_validate_json(content).find(self._client) if content else None
        except ValidationError:
            raise StartupError(
                f"{KEY_FILE} in the Secret {self._secret} is no file of `scoring keys`; bring one, or delete it."
            ) from None

    def forget(self) -> None:
        """Delete the Secrets, with the keys of every client."""
        for name in (self._secret, self._kept_secret):
            self._api.delete(Kind.SECRET, name, self._namespace)

    def _change(self, change: Callable[[AccessDirectory], ResultT]) -> ResultT:
        """Have the files of the Secret changed as `scoring keys` does it."""
        from deployments.ingress.access.access_directory import AccessDirectory

        for _ in range(_TRIES):
            secret = self._read(self._secret)
            if secret and secret["metadata"].get("labels", {}).get(_FROM_VAULT) == "true":
                raise StartupError(
                    f"The Secret {self._secret} comes from a key vault: change its files there, with `scoring keys`."
                )
            with tempfile.TemporaryDirectory() as folder:
                directory = Path(folder)
                for name, content in (_files(secret) if secret else {}).items():
                    (directory / name).write_bytes(content)
                    (directory / name).chmod(_FILE_MODE)
                result = change(AccessDirectory(directory))
                files = {path.name: path.read_bytes() for path in directory.glob("*.json")}
            try:
                self._write(self._secret, files, secret)
            except Conflict:
                continue
            return result
        raise StartupError(f"Others change the Secret {self._secret} at the same time; try again.")

    def _keep(self, pair: KeyPair) -> None:
        if not self._keeps:
            return
        files = {slot: key.encode() for slot, key in (("primary", pair.primary), ("secondary", pair.secondary)) if key}
        self._write(self._kept_secret, files, self._read(self._kept_secret))

    def _kept(self) -> KeyPair | None:
        secret = self._read(self._kept_secret)
        if secret is None:
            return None
        files = {name: content.decode() for name, content in _files(secret).items()}
        return KeyPair(files.get("primary"), files.get("secondary"))

    def _read(self, name: str) -> Object | None:
        return self._api.get(Kind.SECRET, name, self._namespace)

    def _write(self, name: str, files: dict[str, bytes], before: Object | None) -> None:
        data = {file: base64.b64encode(content).decode() for file, content in files.items()}
        if before is not None:
            self._api.replace({**before, "apiVersion": "v1", "kind": "Secret", "data": data})
            return
        labels = {"app.kubernetes.io/instance": self._service, "app.kubernetes.io/part-of": "ray-scoring"}
        metadata = {"name": name, "namespace": self._namespace, "labels": labels}
        self._api.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data})

    def _hurry(self) -> None:
        """Have nodes look at the Secret now: they do for a pod that changes, and otherwise once in a minute."""
        annotation = {"metadata": {"annotations": {CHANGED: datetime.now(UTC).isoformat(timespec="milliseconds")}}}
        for pod in pods(self._api, self._service, self._namespace):
            self._api.patch(Kind.POD, pod.name, self._namespace, annotation)


def _files(secret: Object) -> dict[str, bytes]:
    return {name: base64.b64decode(content) for name, content in (secret.get("data") or {}).items()}
