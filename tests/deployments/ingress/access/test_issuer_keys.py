import asyncio
import base64
import json

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from deployments.errors import Unauthenticated, Unavailable
from deployments.ingress.access.issuer_keys import KEPT_SECONDS, IssuerKeys, fetched, jwks_uri, usable_keys
from deployments.ingress.access.settings import IssuerSettings

ISSUER = "https://login.example/t/v2.0"
PLACE = "https://keys.example/t"
REFRESH, COOLDOWN = 300, 30


def jwk(key_id, **more):
    public = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id, "use": "sig", **more}


class Web:
    """What an issuer shows; counts how often it is asked for its keys."""

    def __init__(self):
        self.keys = [jwk("a")]
        self.asked = 0
        self.error = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, url):
        if url == f"{ISSUER}/.well-known/openid-configuration":
            return json.dumps({"issuer": ISSUER, "jwks_uri": PLACE}).encode()
        assert url == PLACE
        self.asked += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        return json.dumps({"keys": self.keys}).encode()


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def keys(web, clock):
    settings = IssuerSettings(
        issuer=ISSUER, audiences=["a"], refresh_seconds=REFRESH, cooldown_seconds=COOLDOWN, algorithms=["EdDSA"]
    )
    return IssuerKeys(settings, clock, web.fetch)


async def refused(keys, key_id, error=Unauthenticated):
    with pytest.raises(error) as raised:
        await keys.find(key_id)
    return raised.value


async def test_keys_are_fetched_once_and_kept(keys, web):
    for _ in range(3):
        await keys.find("a")
    assert web.asked == 1


async def test_a_key_that_the_issuer_adds_is_found_while_serving(keys, web, clock):
    await keys.find("a")
    clock.now += COOLDOWN
    web.keys.append(jwk("b"))
    await keys.find("b")
    await keys.find("a")
    assert web.asked == 2


async def test_unknown_keys_do_not_become_requests_to_the_issuer(keys, web, clock):
    await keys.find("a")
    for number in range(50):
        await refused(keys, f"x{number}")
    assert web.asked == 1
    clock.now += COOLDOWN
    for number in range(50):
        await refused(keys, f"x{number}")
    assert web.asked == 2


async def test_a_key_that_the_issuer_takes_away_is_forgotten(keys, web, clock):
    await keys.find("a")
    web.keys = [jwk("b")]
    clock.now += 2 * REFRESH
    await refused(keys, "a")
    await keys.find("b")


async def test_while_requests_come_keys_are_refreshed_without_waiting(keys, web, clock):
    await keys.find("a")
    clock.now += REFRESH
    web.gate.clear()
    await keys.find("a")
    await keys.find("a")
    while web.asked < 2:
        await asyncio.sleep(0)
    web.keys = [jwk("b")]
    web.gate.set()
    await keys.find("b")
    assert web.asked == 2


async def test_many_that_wait_make_one_fetch_and_none_of_them_ends_it(keys, web):
    web.gate.clear()
    waiting = [asyncio.create_task(keys.find("a")) for _ in range(20)]
    while not web.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()
    web.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert web.asked == 1
    assert len({id(result) for result in results[1:]}) == 1
    assert isinstance(results[0], asyncio.CancelledError)


async def test_an_issuer_that_is_down_does_not_end_what_is_known(keys, web, clock):
    await keys.find("a")
    web.error = httpx.ConnectError("refused")
    clock.now += 2 * REFRESH
    await keys.find("a")
    assert web.asked == 2
    assert "cannot be asked" in (await refused(keys, "b", Unavailable)).message
    clock.now += KEPT_SECONDS
    await refused(keys, "a", Unavailable)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), ValueError("the answer was 500"), TimeoutError(), OSError("x")]
)
async def test_an_issuer_that_was_never_reached_is_asked_again_later(keys, web, clock, error, caplog):
    web.error = error
    for _ in range(10):
        await refused(keys, "a", Unavailable)
    assert web.asked == 1
    assert f"Keys of {ISSUER} cannot be fetched" in caplog.text
    web.error = None
    clock.now += COOLDOWN
    await keys.find("a")


@pytest.mark.parametrize("key_id", ["", "A", "a ", "a\n", "../a"])
async def test_an_identifier_is_compared_as_a_whole(keys, key_id):
    await refused(keys, key_id)


def test_shared_secrets_and_keys_for_encryption_are_left_out():
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}
    nameless = {name: value for name, value in jwk("x").items() if name != "kid"}
    others = [secret, jwk("e", use="enc"), nameless, jwk(""), {"kty": "what", "kid": "w"}, 5]
    found = usable_keys(json.dumps({"keys": [jwk("a"), *others]}).encode())
    assert list(found) == ["a"]
    with pytest.raises(ValueError, match="no key"):
        usable_keys(json.dumps({"keys": [secret, nameless]}).encode())


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"keys": []}', b'{"keys": 5}', b'{"keys": [5]}', b"null"]
)
async def test_a_key_set_that_is_none_is_a_failure(clock, content):
    async def fetch(_):
        return content

    keys = IssuerKeys(IssuerSettings(issuer=ISSUER, audiences=["a"], jwks_uri=PLACE), clock, fetch)
    await refused(keys, "a", Unavailable)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example", "jwks_uri": PLACE},
        {"issuer": ISSUER + "/", "jwks_uri": PLACE},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://keys.example/t"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": 5},
        [],
    ],
)
def test_a_discovery_document_that_cannot_be_trusted_is_refused(document):
    with pytest.raises(ValueError, match="discovery document"):
        jwks_uri(json.dumps(document).encode(), ISSUER)


async def test_what_is_too_large_a_redirect_or_an_error_is_not_taken(issuer):
    issuer.extra_keys = ["x" * 2_000_000]
    with pytest.raises(ValueError, match="too large"):
        await fetched(f"{issuer.url}/keys")
    for status in (302, 500):
        issuer.status = status
        with pytest.raises(ValueError, match=str(status)):
            await fetched(f"{issuer.url}/.well-known/openid-configuration")
