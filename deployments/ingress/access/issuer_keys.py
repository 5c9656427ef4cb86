"""The public keys of an OpenID Connect issuer: found by discovery, fetched again as the issuer rotates them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from jwt import PyJWKSet

from deployments.errors import Unauthenticated, Unavailable
from deployments.ingress.access.settings import IssuerSettings

logger = logging.getLogger("ray.serve")

DISCOVERY = "/.well-known/openid-configuration"
FETCH_SECONDS = 5.0
MAX_BYTES = 1024 * 1024

# An issuer that cannot be reached does not end the service at once; keys that it last showed are trusted so long.
KEPT_SECONDS = 86_400.0

# After so many times the refreshing interval without requests, keys are fetched before they are used.
STALE_AFTER = 2

Fetch = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key, and the algorithm that the issuer names for it, if any."""

    public: Any
    algorithm: str | None


class IssuerKeys:
    """Keys of one issuer by their identifiers.

    Args:
        settings: the issuer.
        clock: seconds that only grow.
        fetch: gets what is at a URL.
    """

    def __init__(
        self, settings: IssuerSettings, clock: Callable[[], float] = time.monotonic, fetch: Fetch | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._fetch = fetch or fetched
        self._keys: dict[str, IssuerKey] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> IssuerKey:
        """Find a key; one that is not known yet is asked for, but not more often than the cooldown says.

        Raises:
            Unauthenticated: the issuer has no such key.
            Unavailable: the issuer cannot be asked.
        """
        age = self._clock() - self._fetched_at
        if age >= self._settings.refresh_seconds * STALE_AFTER:
            await self._refresh()
        elif age >= self._settings.refresh_seconds:
            self._begin_refresh()
        if key_id not in self._usable():
            await self._refresh()
        found = self._usable().get(key_id)
        if found is None and self._failed:
            raise Unavailable("The issuer of the token cannot be asked for its keys at the moment.")
        if found is None:
            raise Unauthenticated.by("The token is signed with a key that is not known.")
        return found

    def _usable(self) -> dict[str, IssuerKey]:
        return self._keys if self._clock() - self._fetched_at < KEPT_SECONDS else {}

    async def _refresh(self) -> None:
        self._begin_refresh()
        if self._fetching is not None:
            # One fetch for all requests that wait for it; none of them may cancel it.
            await asyncio.wait([self._fetching])

    def _begin_refresh(self) -> None:
        if self._fetching is None and self._clock() - self._tried_at >= self._settings.cooldown_seconds:
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._take_over())

    async def _take_over(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._keys = usable_keys(await self._fetch(await self._place()))
            self._fetched_at = self._clock()
            self._failed = False
        except Exception as error:  # noqa: BLE001 - whatever an issuer answers, it is a failure to get its keys
            self._failed = True
            logger.error("Keys of %s cannot be fetched: %s.", self._settings.issuer, _why(error))  # noqa: TRY400
        finally:
            self._fetching = None

    async def _place(self) -> str:
        if self._settings.jwks_uri is not None:
            return self._settings.jwks_uri
        return jwks_uri(await self._fetch(self._settings.issuer.rstrip("/") + DISCOVERY), self._settings.issuer)


def jwks_uri(document: bytes, issuer: str) -> str:
    """Read where an issuer's keys are (OpenID Connect Discovery 1.0, section 4.3).

    Raises:
        ValueError: the document is another issuer's, or names no place that can be trusted.
    """
    said = orjson.loads(document)
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise ValueError("the discovery document is not this issuer's")
    try:
        return IssuerSettings(issuer=issuer, audiences=[""], jwks_uri=said.get("jwks_uri") or "").jwks_uri or ""
    except ValueError:
        raise ValueError("the discovery document has no https:// URL as jwks_uri") from None


def usable_keys(document: bytes) -> dict[str, IssuerKey]:
    """Read a key set (RFC 7517), leaving out keys that are shared secrets, for encryption, or without identifier.

    Raises:
        ValueError: it is none, or has no key that can be used.
        PyJWTError: as before.
    """
    said = orjson.loads(document)
    if not isinstance(said, dict):
        raise ValueError("the key set is no JSON object")  # noqa: TRY004 - of a document's content
    keys = PyJWKSet.from_dict(said).keys
    named = [each for each in said["keys"] if isinstance(each, dict)]
    algorithms = {each.get("kid"): each.get("alg") for each in named if isinstance(each.get("kid"), str)}
    found = {
        str(key.key_id): IssuerKey(key.key, algorithms.get(key.key_id))
        for key in keys
        if key.key_id and key.key_type != "oct" and key.public_key_use in {"sig", None}
    }
    if not found:
        raise ValueError("the key set has no key that signatures can be verified with")
    return found


async def fetched(url: str) -> bytes:
    """Get what is at a URL; redirects are not followed.

    Raises:
        httpx.HTTPError: it cannot be had.
        ValueError: it is too large.
    """
    content = bytearray()
    async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client, client.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"the answer was {response.status_code}")
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise ValueError("the answer is too large")
    return bytes(content)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
