"""From a key or token to whoever sent it."""

from __future__ import annotations

import os

from deployments.errors import Unauthenticated, Unavailable
from deployments.ingress.access import service_tokens
from deployments.ingress.access.issuer_keys import IssuerKeys
from deployments.ingress.access.issuer_tokens import Issuer
from deployments.ingress.access.key_file import KEY_FILE, KeyTable, read_table
from deployments.ingress.access.keys import Key, parse_key
from deployments.ingress.access.launch_key import LaunchKey
from deployments.ingress.access.principals import Principal
from deployments.ingress.access.service_tokens import ServiceToken
from deployments.ingress.access.settings import SERVICE_ISSUER, AccessSettings
from deployments.ingress.access.signing import SIGNING_FILE, SigningKeys, read_signing_keys
from deployments.ingress.access.token_cache import TokenCache
from deployments.ingress.access.token_claims import Announced, Claims, announced
from deployments.ingress.access.watched import Watched

_IN_DOUBT = "Keys and tokens cannot be checked at the moment."


class Authenticator:
    """Knows keys, tokens of the service and tokens of issuers, as the settings have them.

    Args:
        settings: where keys are, and which issuers are trusted.
    """

    def __init__(self, settings: AccessSettings) -> None:
        self._token_seconds = settings.token_seconds
        self._keys = Watched[KeyTable](settings.place / KEY_FILE, read_table)
        self._signing = Watched[SigningKeys](settings.place / SIGNING_FILE, read_signing_keys)
        self._issuers = {each.issuer: Issuer(each, IssuerKeys(each)) for each in settings.issuers}
        self._verified = TokenCache()
        self._launch_key = LaunchKey(os.environ)

    async def authenticate(self, credential: str) -> Principal:
        """Tell who sends a key or token.

        Raises:
            Unauthenticated: it is not valid.
            Unavailable: it cannot be checked at the moment.
        """
        key = parse_key(credential)
        if key is not None:
            return await self._of_key(key)
        if credential.count(".") != 2:  # noqa: PLR2004 - header, payload, signature
            raise Unauthenticated.by("The key or token has not the form of one.")
        return await self._of_token(credential)

    async def issue(self, principal: Principal, model: str) -> ServiceToken:
        """Issue a token for one model.

        Raises:
            Forbidden: the client showed no key, or may not score with the model.
            Unavailable: there is nothing to sign with.
        """
        service_tokens.check_may_have_token(principal, model)
        signing = await self._signing.current()
        if signing is None:
            raise Unavailable("The service has no key to sign tokens with; `scoring keys create` makes one.")
        return service_tokens.issue(signing, principal, model, self._token_seconds)

    async def _of_key(self, key: Key) -> Principal:
        owner = self._launch_key.owner(key) or (await self._table()).owner(key)
        if owner is None:
            raise Unauthenticated.by("The key is not known.")
        return owner

    async def _of_token(self, token: str) -> Principal:
        claims = self._verified.get(token)
        if claims is None:
            claims = await self._claims(token, announced(token))
            self._verified.put(token, claims)
        if claims["iss"] == SERVICE_ISSUER:
            return service_tokens.holder(await self._table(), claims)
        return self._issuers[claims["iss"]].principal(claims)

    async def _claims(self, token: str, said: Announced) -> Claims:
        if said.issuer == SERVICE_ISSUER:
            return await self._own_claims(token, said)
        issuer = self._issuers.get(said.issuer)
        if issuer is None:
            raise Unauthenticated.by("The token is from an issuer that is not accepted.")
        return await issuer.verify(token, said)

    async def _own_claims(self, token: str, said: Announced) -> Claims:
        signing = await self._signing.current()
        if signing is None:
            if self._signing.is_in_doubt:
                raise Unavailable(_IN_DOUBT)
            raise Unauthenticated.by("The token is signed with a key that is not known.")
        return service_tokens.verify(signing, token, said.key_id)

    async def _table(self) -> KeyTable:
        table = await self._keys.current()
        if table is None:
            if self._keys.is_in_doubt:
                raise Unavailable(_IN_DOUBT)
            raise Unauthenticated.by("The key is not known.")
        return table
