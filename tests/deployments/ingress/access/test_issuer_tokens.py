"""Tokens of an OpenID Connect issuer that runs on this machine, sent to the application."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from deployments.errors import Unauthenticated
from deployments.ingress.access.authentication import Authenticator
from deployments.ingress.access.issuer_keys import IssuerKeys
from deployments.ingress.access.issuer_tokens import Issuer
from deployments.ingress.access.settings import AccessSettings, IssuerSettings


@pytest.fixture
def issuers(issuer):
    return [issuer.settings(cooldown_seconds=1, clock_skew_seconds=5)]


def encoded(part):
    return (
        base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=").decode()
    )


def refused(response, words):
    assert response.status_code == 401, response.text
    assert response.json()["code"] == "unauthenticated"
    assert words in response.json()["detail"]
    assert response.headers["www-authenticate"].startswith('Bearer realm="scoring", error="invalid_token"')


async def test_a_token_of_the_issuer_is_accepted(ask, issuer):
    for _ in range(3):
        assert (await ask(issuer.token())).status_code == 200
    assert len(issuer.paths) == 2


async def test_an_api_key_header_takes_it_too(ask, issuer):
    assert (await ask(None, **{"x-api-key": issuer.token()})).status_code == 200


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": time.time() - 10}, "has expired"),
        ({"nbf": time.time() + 10_000_000}, "not valid yet"),
        ({"aud": "api://other"}, "another audience"),
        ({"aud": []}, ""),
        ({"aud": ["api://other", "x"]}, "another audience"),
        ({"aud": None}, "lacks a claim"),
        ({"exp": None}, "lacks a claim"),
        ({"iss": "https://login.example"}, "issuer that is not accepted"),
        ({"iss": None}, "cannot be read"),
        ({"iss": 5}, "cannot be read"),
        ({"exp": "soon"}, "cannot be read"),
        ({"exp": [1]}, "cannot be read"),
        ({"azp": None}, "names no client"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(ask, issuer, claims, words):
    if isinstance(claims.get("iss"), int):
        now = {"aud": "api://scoring", "exp": time.time() + 600, **claims}
        token = ".".join((encoded({"alg": "RS256", "kid": "k0"}), encoded(now), encoded(b"x" * 256)))
    else:
        token = issuer.token(**claims)
    refused(await ask(token), words)


async def test_an_infinite_end_is_no_error_of_the_service(ask, issuer):
    refused(await ask(issuer.token(exp=float("inf"))), "cannot be read")


async def test_clocks_may_differ_by_the_skew_and_no_more(ask, issuer):
    assert (await ask(issuer.token(exp=time.time() - 2))).status_code == 200
    assert (await ask(issuer.token(nbf=time.time() + 3))).status_code == 200
    refused(await ask(issuer.token(exp=time.time() - 6)), "expired")


async def test_a_token_that_was_accepted_ends_at_its_end(ask, issuer, monkeypatch):
    token = issuer.token(exp=time.time() + 100)
    assert (await ask(token)).status_code == 200
    # Its place in the cache is found to have ended, and verification asks the clock of the machine.
    monkeypatch.setattr("deployments.ingress.access.token_cache.TokenCache.get", lambda *_: None)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(seconds=106)

    monkeypatch.setattr("jwt.api_jwt.datetime", Later)
    refused(await ask(token), "expired")


async def test_a_token_without_signature_is_refused(ask, issuer):
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    for algorithm in ("none", "None", "NONE", ""):
        for signature in ("", encoded(b"x")):
            token = f"{encoded({'alg': algorithm, 'kid': 'k0'})}.{encoded(claims)}.{signature}"
            refused(await ask(token), "algorithm that is not accepted")


async def test_a_public_key_is_no_shared_secret(ask, issuer):
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    public = issuer.rsa_keys[0].public_key()
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        for encoding in (Encoding.PEM, Encoding.DER):
            signed = f"{encoded({'alg': 'HS256', 'kid': 'k0', 'typ': 'JWT'})}.{encoded(claims)}"
            signature = hmac.digest(public.public_bytes(encoding, form), signed.encode(), hashlib.sha256)
            refused(await ask(f"{signed}.{encoded(signature)}"), "algorithm that is not accepted")


async def test_another_key_of_the_right_name_is_refused(ask, issuer):
    refused(await ask(issuer.token(issuer.rsa_keys[1])), "signature is wrong")


async def test_a_changed_token_is_refused(ask, issuer):
    header, _, signature = issuer.token(roles=[]).split(".")
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    refused(await ask(f"{header}.{encoded(claims)}.{signature}"), "signature is wrong")


@pytest.mark.parametrize("kid", ["k9", "", "k0 ", "../k0", "k0\x00", "é"])
async def test_an_unknown_kid_is_refused(ask, issuer, kid):
    refused(await ask(issuer.token(kid=kid)), "key that is not known")


async def test_a_token_without_kid_is_refused(ask, issuer):
    refused(await ask(issuer.token(kid=None)), "cannot be read")


async def test_a_key_that_comes_with_the_token_is_not_used(ask, issuer):
    own = issuer.rsa_keys[1]
    jwk = json.loads(RSAAlgorithm.to_jwk(own.public_key()))
    headers = {"kid": "mine", "jwk": jwk, "jku": f"{issuer.url}/mine"}
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    refused(await ask(jwt.encode(claims, own, algorithm="RS256", headers=headers)), "key that is not known")
    assert not any("mine" in path for path in issuer.paths)


async def test_keys_are_rotated_while_serving(ask, issuer, clock_of_keys):
    assert (await ask(issuer.token())).status_code == 200
    issuer.keys = {"k0": issuer.rsa_keys[0], "k1": issuer.rsa_keys[1]}
    clock_of_keys.now += 1
    assert (await ask(issuer.token(issuer.rsa_keys[1], kid="k1"))).status_code == 200
    assert (await ask(issuer.token())).status_code == 200
    issuer.keys = {"k1": issuer.rsa_keys[1]}
    clock_of_keys.now += 600
    refused(await ask(issuer.token(azp="another")), "key that is not known")
    assert (await ask(issuer.token(issuer.rsa_keys[1], kid="k1"))).status_code == 200


@pytest.fixture
def clock_of_keys(clock, monkeypatch):
    monkeypatch.setattr(
        "deployments.ingress.access.authentication.IssuerKeys", lambda settings: IssuerKeys(settings, clock)
    )
    return clock


async def test_an_issuer_that_is_down_keeps_nobody_out_whose_key_is_known(clock_of_keys, ask, issuer):
    assert (await ask(issuer.token())).status_code == 200
    issuer.status = 500
    clock_of_keys.now += 600
    assert (await ask(issuer.token(azp="another"))).status_code == 200
    response = await ask(issuer.token(issuer.rsa_keys[1], kid="k1"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_an_issuer_that_never_answered_lets_nobody_in(ask, issuer):
    issuer.status = 500
    response = await ask(issuer.token())
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert "127.0.0.1" not in response.text


@pytest.mark.parametrize(
    ("claims", "path", "status"),
    [
        ({"roles": ["scoring.invoke:faq"]}, "/faq/score", 200),
        ({"roles": ["scoring.invoke:faq"]}, "/image/score", 403),
        ({"roles": ["scoring.invoke:fa"]}, "/faq/score", 403),
        ({"roles": ["scoring.admin"]}, "/faq/score", 403),
        ({"roles": ["Scoring.Invoke", "invoke", 5, None, ["scoring.invoke"]]}, "/faq/score", 403),
        ({"roles": []}, "/faq/score", 403),
        ({"roles": None}, "/faq/score", 403),
        ({"roles": {"scoring.invoke": True}}, "/faq/score", 403),
        ({"roles": "scoring.invoke other"}, "/faq/score", 200),
        ({"roles": None, "scp": "scoring.invoke"}, "/faq/score", 403),
    ],
)
async def test_roles_decide(ask, issuer, claims, path, status):
    response = await ask(issuer.token(**claims), path)
    assert response.status_code == status, response.text
    if status == 403:
        model = path.split("/")[1]
        assert response.json()["code"] == "forbidden"
        assert response.headers["www-authenticate"].endswith(f'scope="scoring.invoke:{model}"')


# Settings of other issuers


def principal(claims, **settings):
    issuer = Issuer(IssuerSettings(name="kc", issuer="https://a", audiences=["x"], **settings), keys=None)
    return issuer.principal(claims)


def test_roles_may_be_inside_other_claims_or_have_dots_in_their_names():
    invoke = ["scoring.invoke"]
    assert principal({"sub": "s", "realm_access": {"roles": invoke}}, role_claims=["realm_access.roles"]).roles
    assert principal({"sub": "s", "https://a.b/roles": invoke}, role_claims=["https://a.b/roles"]).roles
    assert principal({"sub": "s", "scp": "a scoring.admin"}, role_claims=["roles", "scp"]).roles == {"scoring.admin"}
    assert not principal({"sub": "s", "realm_access": "x"}, role_claims=["realm_access.roles"]).roles


def test_the_client_is_named_by_the_first_claim_that_there_is():
    assert principal({"sub": "s", "appid": "app"}).client_id == "kc/app"
    assert principal({"sub": "s", "azp": "", "appid": 5}).client_id == "kc/s"
    with pytest.raises(Unauthenticated, match="names no client"):
        principal({"oid": "x"})


@given(st.text(min_size=1))
def test_a_client_name_that_could_forge_a_log_line_is_replaced(name):
    client = principal({"sub": name}).client_id
    assert client.isascii()
    assert client.isprintable()
    assert " " not in client
    assert len(client) <= 140
    assert principal({"sub": name}).client_id == client


async def test_a_key_that_is_for_one_algorithm_is_used_for_no_other(issuer):
    issuer.document = lambda path, real=issuer.document: _with_algorithm(real(path))
    authenticator = Authenticator(AccessSettings(issuers=[issuer.settings(algorithms=["RS256", "PS256"])]))
    await authenticator.authenticate(issuer.token(algorithm="PS256"))
    with pytest.raises(Unauthenticated, match="algorithm"):
        await authenticator.authenticate(issuer.token(algorithm="RS256"))


def _with_algorithm(document):
    return {"keys": [{**key, "alg": "PS256"} for key in document["keys"]]} if "keys" in document else document


async def test_elliptic_curves_are_accepted_where_they_are_set(issuer):
    key = ec.generate_private_key(ec.SECP256R1())
    issuer.keys = {"e": key, "k0": issuer.rsa_keys[0]}
    authenticator = Authenticator(AccessSettings(issuers=[issuer.settings(algorithms=["ES256"])]))
    assert (await authenticator.authenticate(issuer.token(key, algorithm="ES256", kid="e"))).client_id == "entra/app-1"
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(issuer.token(key, algorithm="ES256", kid="k0"))
    with pytest.raises(Unauthenticated, match="algorithm"):
        await authenticator.authenticate(issuer.token())


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_key_that_is_too_short_is_not_accepted(issuer):
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    issuer.keys = {"k0": key}
    with pytest.raises(Unauthenticated):
        await Authenticator(AccessSettings(issuers=[issuer.settings()])).authenticate(issuer.token(key))


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku"]), PARTS, max_size=4) | PARTS
CLAIMS = st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub"]), PARTS, max_size=6) | PARTS


@given(st.tuples(HEADERS, CLAIMS, st.binary(max_size=70)) | st.text(max_size=60), st.booleans())
async def test_whatever_is_sent_as_a_token_is_refused_and_nothing_else(parts, own):
    if isinstance(parts, tuple):
        header, claims, signature = parts
        if own and isinstance(claims, dict):
            claims = {**claims, "iss": "ray-scoring"}
        credential = ".".join((encoded(header), encoded(claims), encoded(signature)))
    else:
        credential = parts
    with pytest.raises(Unauthenticated):
        await Authenticator(AccessSettings()).authenticate(credential)
