"""Keys: what they look like, and what is stored of them.

A key is `scoring_{id}_{secret}`: a public identifier of 8 random bytes, by which its record is found, and 32 random
bytes. What is stored is an HMAC-SHA256 of the secret, keyed with a salt of its own. A slow hash such as scrypt makes
each guess at a password dear, because people choose passwords out of few; here a guess has one chance in 2^256, so
slowness would cost every request tens of milliseconds and keep nobody out who is not kept out already.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

PREFIX = "scoring"
ID_BYTES = 8
SECRET_BYTES = 32
SALT_BYTES = 16

_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")

KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


@dataclass(frozen=True, slots=True)
class Key:
    """A key as its owner has it.

    Attributes:
        id: public; in logs and lists.
        secret: 32 random bytes as unpadded base64url; never shown in a representation.
    """

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """What the owner sends."""
        return f"{PREFIX}_{self.id}_{self.secret}"


class StoredKey(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: KeyId
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="HMAC-SHA256 of the secret, keyed with the salt.")
    created: AwareDatetime

    def is_of(self, secret: str) -> bool:
        """Whether a secret is this key's; takes the same time whichever characters are wrong."""
        return hmac.compare_digest(_hashed(self.salt, secret), self.hash)


def new_key() -> Key:
    """Make a key from the operating system's randomness."""
    return Key(secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES))


def stored(key: Key, created: datetime) -> StoredKey:
    """Return what is kept of a key."""
    salt = secrets.token_hex(SALT_BYTES)
    return StoredKey(id=key.id, salt=salt, hash=_hashed(salt, key.secret), created=created)


def parse_key(text: str) -> Key | None:
    """Read a key; None for what has not the form of one."""
    match = _KEY.fullmatch(text)
    return Key(match[1], match[2]) if match else None


def _hashed(salt: str, secret: str) -> str:
    return hmac.digest(bytes.fromhex(salt), secret.encode(), "sha256").hex()
