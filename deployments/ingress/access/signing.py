"""The keys that sign the service's own tokens, and their file.

Every replica must know a key before any of them signs with it, so a new one signs only after `SETTLING_SECONDS`. The
key before it verifies as long as a token that it signed may be valid.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

SIGNING_FILE = "signing.json"

# Twice the time in which every replica has read a change: clocks of machines differ a little.
SETTLING_SECONDS = 10

# As long as the settings may let a token be valid.
LONGEST_TOKEN_SECONDS = 86_400


class SigningKey(BaseModel):
    """A private key; whoever has it lets themselves in as anybody who has a key."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    created: AwareDatetime
    signs_from: AwareDatetime
    private_key: str = Field(repr=False, description="Ed25519, PKCS #8, PEM.")


class SigningFile(BaseModel):
    """What the file holds, oldest key first."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1] = Field(default=1, description="Of this form of file.")
    keys: list[SigningKey] = Field(min_length=1)

    def rotated(self, now: datetime) -> SigningFile:
        """Return the same with a new key, and without those that no valid token was signed with."""
        new = new_signing_key(now, now + timedelta(seconds=SETTLING_SECONDS))
        successors = [*self.keys[1:], new]
        kept = [key for key, next_ in zip(self.keys, successors, strict=True) if _signed_until(next_) > now]
        return SigningFile(keys=[*kept, new])


class SigningKeys:
    """The keys of a file, loaded."""

    def __init__(self, file: SigningFile) -> None:
        self._keys = [(key.id, key.signs_from.timestamp(), _load(key)) for key in file.keys]
        self._public = {key_id: private.public_key() for key_id, _, private in self._keys}

    def signer(self, now: float) -> tuple[str, Ed25519PrivateKey]:
        """Return the newest key that every replica knows, with its identifier; `now` in seconds since 1970."""
        settled = [key for key in self._keys if key[1] <= now] or self._keys[:1]
        key_id, _, private = settled[-1]
        return key_id, private

    def verifier(self, key_id: str) -> Ed25519PublicKey | None:
        """Return the public key of an identifier."""
        return self._public.get(key_id)


def new_signing_key(now: datetime, signs_from: datetime) -> SigningKey:
    """Make a key."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return SigningKey(id=secrets.token_hex(8), created=now, signs_from=signs_from, private_key=pem)


def new_signing_file() -> SigningFile:
    """Make a file with one key, which signs at once."""
    now = datetime.now(UTC)
    return SigningFile(keys=[new_signing_key(now, now)])


def read_signing_keys(content: bytes) -> SigningKeys:
    """Load the keys of a file's content.

    Raises:
        ValueError: it is not such a file.
    """
    return SigningKeys(SigningFile.model_validate_json(content))


def _signed_until(successor: SigningKey) -> datetime:
    return successor.signs_from + timedelta(seconds=LONGEST_TOKEN_SECONDS)


def _load(key: SigningKey) -> Ed25519PrivateKey:
    private = load_pem_private_key(key.private_key.encode(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise ValueError("a signing key is not Ed25519")  # noqa: TRY004 - of a file's content
    return private
