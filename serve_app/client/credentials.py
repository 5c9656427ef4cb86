"""Keys and tokens: which one a request brings, and which one after it was refused."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, Field, SecretStr, TypeAdapter

from serve_app.client.calls import Call, quoted
from serve_app.client.errors import ClientError
from serve_app.client.exchange import Credentials, Exchange
from serve_app.client.readings import parsed
from serve_app.client.retries import server_now
from serve_app.client.steps import Acquire, Clock, Lock, Reply, Run, Steps, just

# Returns a key or token each time it is called, or what can be awaited for it.
Provider = Callable[[], str | Awaitable[str]]

# After a token could not be renewed, the one before serves for so long before the next try.
SECONDS_BETWEEN_TRIES = 10.0

_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a client, as `scoring keys create` prints them.

    Attributes:
        primary: sent with each request, until it is refused.
        secondary: sent from then on.
        with_tokens: whether the service gets the key only for tokens (`POST /api/v1/service/{model}/token`), which go
            with requests in its place and are renewed in time.
    """

    primary: str = field(repr=False)
    secondary: str | None = field(default=None, repr=False)
    with_tokens: bool = False


def credentials_of(given: str | Keys | Provider | None, clock: Clock, lock: Lock) -> Credentials:
    """Return what finds the key or token for a request.

    Args:
        given: a key or token, keys, a function that returns one, or nothing.
        clock: seconds that never go back.
        lock: keeps all but one from fetching a token.

    Raises:
        ValueError: a key cannot be sent in a header.
    """
    if given is None:
        return NoCredentials()
    if isinstance(given, Keys):
        held = HeldKeys(given.primary, given.secondary)
        return RenewedTokens(held, clock, lock) if given.with_tokens else held
    return HeldKeys(given) if isinstance(given, str) else Provided(given)


def secret(text: Any) -> SecretStr:
    """Return a key or token that does not show itself.

    Raises:
        ValueError: it cannot be sent in a header; the message does not hold it.
    """
    if not isinstance(text, str) or not _VISIBLE.fullmatch(text):
        raise ValueError("A key or token must be a text of visible ASCII characters.")
    return SecretStr(text)


class NoCredentials:
    """For a service that asks for none."""

    def current(self, _model: str, _exchange: Exchange) -> Steps[SecretStr | None]:
        """Return None."""
        return just(None)

    def in_place_of(self, _refused: SecretStr, _model: str, _exchange: Exchange) -> Steps[SecretStr | None]:
        """Return None."""
        return just(None)


class HeldKeys:
    """A key, or two of which the other one serves once the first is refused."""

    def __init__(self, primary: str, secondary: str | None = None) -> None:
        self._keys = [secret(text) for text in (primary, secondary) if text is not None]
        self._current = self._keys[0]

    def current(self, _model: str, _exchange: Exchange) -> Steps[SecretStr | None]:
        """Return the key that was not refused last."""
        return just(self._current)

    def in_place_of(self, refused: SecretStr, _model: str, _exchange: Exchange) -> Steps[SecretStr | None]:
        """Return the other key."""
        others = [key for key in self._keys if key != refused]
        if others:
            self._current = others[0]
        return just(others[0] if others else None)


class Provided:
    """What a function returns: tokens of an OpenID Connect issuer such as Microsoft Entra ID, or a key that changes."""

    def __init__(self, provider: Provider) -> None:
        if not callable(provider):
            raise TypeError("Credentials are a key or token, Keys, or a function that returns one.")
        self._provider = provider

    def current(self, _model: str, _exchange: Exchange) -> Steps[SecretStr | None]:
        """Ask the function, which keeps its token itself."""
        return secret((yield Run(self._provider)))

    def in_place_of(self, refused: SecretStr, model: str, exchange: Exchange) -> Steps[SecretStr | None]:
        """Ask the function again; another token than the refused one may be accepted."""
        fresh = yield from self.current(model, exchange)
        return None if fresh == refused else fresh


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the service, with times on this machine's clock that never goes back."""

    text: SecretStr
    refresh_after: float
    expires: float


class RenewedTokens:
    """Tokens that the service issues for a key, one for each model, renewed before they end."""

    def __init__(self, keys: HeldKeys, clock: Clock, lock: Lock) -> None:
        self._keys = keys
        self._clock = clock
        self._lock = lock
        self._tokens: dict[str, Token] = {}

    def current(self, model: str, exchange: Exchange) -> Steps[SecretStr | None]:
        """Return the model's token, renewed if it is time."""
        token = self._fresh(model)
        if token is None:
            token = yield from self._renewed(model, exchange)
        return token.text

    def in_place_of(self, refused: SecretStr, model: str, exchange: Exchange) -> Steps[SecretStr | None]:
        """Return a new token."""
        held = self._tokens.get(model)
        # Others that were refused as well may have fetched one by now.
        if held is not None and held.text == refused:
            self._tokens.pop(model, None)
        return (yield from self.current(model, exchange))

    def _fresh(self, model: str) -> Token | None:
        token = self._tokens.get(model)
        return token if token is not None and self._clock() < token.refresh_after else None

    def _renewed(self, model: str, exchange: Exchange) -> Steps[Token]:
        yield Acquire(self._lock, exchange.deadline)
        try:
            token = self._fresh(model) or (yield from self._issued(model, exchange))
            self._tokens[model] = token
        finally:
            self._lock.release()
        return token

    def _issued(self, model: str, exchange: Exchange) -> Steps[Token]:
        held = self._tokens.get(model)
        try:
            issued = yield from exchange.answer(issue(model), self._keys)
        except ClientError:
            now = self._clock()
            if held is None or held.expires <= now:
                raise
            return replace(held, refresh_after=min(now + SECONDS_BETWEEN_TRIES, held.expires))
        now = self._clock()
        return Token(issued.text, now + issued.refresh_seconds, now + issued.seconds)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it comes, with the seconds until it should be renewed, and until it ends."""

    text: SecretStr
    refresh_seconds: float
    seconds: float


class _AccessToken(BaseModel):
    text: str = Field(alias="accessToken", pattern=rf"^{_VISIBLE.pattern}$")
    refresh_after: float = Field(alias="refreshAfterTimeUtc")
    expires: float = Field(alias="expiryTimeUtc")


_ACCESS_TOKEN = TypeAdapter(_AccessToken)


def issue(model: str) -> Call[Issued]:
    """Ask for a token for a model, with a key."""
    return Call("POST", f"/api/v1/service/{quoted(model)}/token", _read_token, model)


def _read_token(reply: Reply) -> Issued:
    token = parsed(reply, _ACCESS_TOKEN)
    # The times are of the service's clock, and so is the response's Date.
    now = server_now(reply.headers).timestamp()
    return Issued(secret(token.text), token.refresh_after - now, token.expires - now)
