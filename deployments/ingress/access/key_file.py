"""The file of clients and their keys, and the table that is made of it for looking up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from deployments.ingress.access.keys import Key, StoredKey, new_key, stored
from deployments.ingress.access.principals import Principal
from deployments.ingress.access.roles import Role

KEY_FILE = "keys.json"

Slot = Literal["primary", "secondary"]
SLOTS: tuple[Slot, Slot] = ("primary", "secondary")

ClientId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


class Client(BaseModel):
    """A client and what is kept of its two keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: ClientId
    roles: list[Role] = Field(min_length=1)
    created: AwareDatetime
    primary: StoredKey | None = None
    secondary: StoredKey | None = None

    @property
    def keys(self) -> dict[Slot, StoredKey]:
        """The keys that there are, by slot."""
        return {slot: key for slot in SLOTS if (key := getattr(self, slot))}


class KeyFile(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(default=1, description="Of this form of file.")
    clients: list[Client] = []

    @model_validator(mode="after")
    def _are_told_apart(self) -> KeyFile:
        names = [client.id for client in self.clients]
        keys = [key.id for client in self.clients for key in client.keys.values()]
        if len(set(names)) < len(names) or len(set(keys)) < len(keys):
            raise ValueError("a client or a key occurs twice")
        return self

    def find(self, client_id: str) -> Client | None:
        """Find a client by its name."""
        return next((client for client in self.clients if client.id == client_id), None)

    def having(self, client: Client) -> KeyFile:
        """Return the same with a client changed in its place, or added at the end."""
        clients = [client if each.id == client.id else each for each in self.clients]
        return self.model_copy(update={"clients": clients if client in clients else [*clients, client]})

    def without(self, client_id: str) -> KeyFile:
        """Return the same without a client."""
        return self.model_copy(update={"clients": [each for each in self.clients if each.id != client_id]})


class KeyTable:
    """Keys by their identifiers, so that a request costs one hash however many keys there are."""

    def __init__(self, file: KeyFile) -> None:
        self._keys = {
            key.id: (key, Principal(client.id, frozenset(client.roles), "key", key.id))
            for client in file.clients
            for key in client.keys.values()
        }

    def __len__(self) -> int:
        return len(self._keys)

    def owner(self, key: Key) -> Principal | None:
        """Return whose key this is; None if it is nobody's."""
        known = self._keys.get(key.id)
        if known is None:
            # As long as for a known one, so that time does not tell which identifiers there are.
            _NOBODYS.is_of(key.secret)
            return None
        return known[1] if known[0].is_of(key.secret) else None

    def holder(self, key_id: str) -> Principal | None:
        """Return who holds the key of an identifier now; None once it is revoked or rotated."""
        known = self._keys.get(key_id)
        return known[1] if known else None


def read_table(content: bytes) -> KeyTable:
    """Make the table of a file's content.

    Raises:
        ValueError: it is not such a file.
    """
    return KeyTable(KeyFile.model_validate_json(content))


_NOBODYS = stored(new_key(), datetime.now(UTC))
