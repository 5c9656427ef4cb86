"""The directory of keys as those who administer it change it; running replicas follow within 5 seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from deployments.errors import StartupError
from deployments.ingress.access.key_file import KEY_FILE, Client, KeyFile, Slot
from deployments.ingress.access.keys import Key, new_key, stored
from deployments.ingress.access.private_files import UnsafeFile, locked, read_private, replace_private
from deployments.ingress.access.signing import SIGNING_FILE, SigningFile, new_signing_file


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client and its keys, which nobody can see again."""

    client: Client
    primary: Key
    secondary: Key


class AccessDirectory:
    """Reads and changes the files of a directory, which need not be there yet.

    Every method raises StartupError where a file is damaged or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> KeyFile:
        """Return the clients; none where there is no file."""
        with self._explained(KEY_FILE):
            content = _content(self.path / KEY_FILE)
            return KeyFile() if content is None else KeyFile.model_validate_json(content)

    def check(self) -> None:
        """Make sure that what a service reads at its start is whole."""
        self.read()
        self._read_signing()

    def create(self, client_id: str, roles: list[str]) -> NewClient:
        """Add a client with two keys; the first one brings the key that signs tokens with it.

        Raises:
            StartupError: there is such a client, or its name or a role is none.
        """
        primary, secondary, now = new_key(), new_key(), datetime.now(UTC)
        client = _checked(client_id, roles, created=now, primary=stored(primary, now), secondary=stored(secondary, now))
        with self._changing():
            clients = self.read()
            if clients.find(client_id):
                raise StartupError(f"There is a client {client_id} already; see `scoring keys rotate`.")
            if self._read_signing() is None:
                self._write(SIGNING_FILE, new_signing_file())
            self._write(KEY_FILE, clients.having(client))
        return NewClient(client, primary, secondary)

    def rotate(self, client_id: str, slot: Slot) -> Key:
        """Replace one of a client's keys; the other stays.

        Raises:
            StartupError: there is no such client.
        """
        key = new_key()
        with self._changing():
            clients = self.read()
            changed: dict[str, object] = {slot: stored(key, datetime.now(UTC))}
            self._write(KEY_FILE, clients.having(_known(clients, client_id).model_copy(update=changed)))
        return key

    def revoke(self, client_id: str, slot: Slot | None) -> None:
        """Take away one of a client's keys, or the client with all that it has.

        Raises:
            StartupError: there is no such client or key.
        """
        with self._changing():
            clients = self.read()
            client = _known(clients, client_id)
            if slot is None:
                self._write(KEY_FILE, clients.without(client_id))
                return
            if slot not in client.keys:
                raise StartupError(f"The client {client_id} has no {slot} key.")
            self._write(KEY_FILE, clients.having(client.model_copy(update={slot: None})))

    def grant(self, client_id: str, roles: list[str]) -> None:
        """Give a client other roles in place of those that it has.

        Raises:
            StartupError: there is no such client, or a role is none.
        """
        with self._changing():
            clients = self.read()
            client = _known(clients, client_id)
            self._write(KEY_FILE, clients.having(_checked(client_id, roles, created=client.created, **client.keys)))

    def rotate_signing(self, *, at_once: bool) -> None:
        """Have tokens signed with a new key.

        Args:
            at_once: forget the keys before it, so that every token that was issued ends.
        """
        with self._changing():
            before = self._read_signing()
            new = new_signing_file() if at_once or before is None else before.rotated(datetime.now(UTC))
            self._write(SIGNING_FILE, new)

    def _read_signing(self) -> SigningFile | None:
        with self._explained(SIGNING_FILE):
            content = _content(self.path / SIGNING_FILE)
            return None if content is None else SigningFile.model_validate_json(content)

    def _write(self, name: str, content: BaseModel) -> None:
        replace_private(self.path / name, content.model_dump_json(indent=2).encode())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with locked(self.path):
                yield
        except OSError as error:
            raise StartupError(f"{self.path} cannot be written: {error.strerror}.") from None

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except UnsafeFile as error:
            raise StartupError(f"{self.path / name}: {error}.") from None
        except OSError as error:
            raise StartupError(f"{self.path / name} cannot be read: {error.strerror}.") from None
        except ValidationError:
            # Its message may hold parts of the content.
            raise StartupError(
                f"{self.path / name} is damaged, or of a newer version: put a copy in its place, or delete it."
            ) from None


def _content(path: Path) -> bytes | None:
    try:
        return read_private(path)
    except FileNotFoundError:
        return None


def _known(clients: KeyFile, client_id: str) -> Client:
    client = clients.find(client_id)
    if client is None:
        names = ", ".join(each.id for each in clients.clients)
        raise StartupError(f"There is no client {client_id}; there {f'are {names}' if names else 'is none'}.")
    return client


def _checked(client_id: str, roles: list[str], **rest: object) -> Client:
    try:
        return Client.model_validate({"id": client_id, "roles": roles, **rest})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["loc"][0] == "id":
            raise StartupError(
                f"'{client_id}' cannot name a client: use small letters, digits, '.', '_' and '-', 63 at most."
            ) from None
        raise StartupError(f"Roles: {first['msg'].removeprefix('Value error, ')}.") from None
