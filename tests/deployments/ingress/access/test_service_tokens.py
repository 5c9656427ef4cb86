import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import Forbidden, Unauthenticated
from deployments.ingress.access.key_file import KEY_FILE, read_table
from deployments.ingress.access.principals import Principal
from deployments.ingress.access.service_tokens import holder, issue, verify
from deployments.ingress.access.settings import SERVICE_ISSUER
from deployments.ingress.access.signing import SigningFile, SigningKeys, new_signing_key

NOW = datetime.now(UTC)
FILE = SigningFile(keys=[new_signing_key(NOW, NOW - timedelta(seconds=1))])
KEYS = SigningKeys(FILE)
BATCH = Principal("batch", frozenset({"scoring.invoke"}), "key", "0" * 16)


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def signed(keys=KEYS, **claims):
    """A token with claims of one's own, signed as the service does."""
    key_id, private = keys.signer(time.time())
    said = {"iss": SERVICE_ISSUER, "aud": "scoring:faq", "exp": time.time() + 60, "key": "0" * 16, **claims}
    return jwt.encode(said, private, algorithm="EdDSA", headers={"kid": key_id})


def test_a_token_says_when_to_get_the_next_and_when_it_ends():
    before = int(time.time())
    token = issue(KEYS, BATCH, "faq", 3600)
    after = int(time.time())
    assert before + 3600 <= token.expires <= after + 3600
    assert token.expires - token.refresh_after == 1800
    assert token.text not in repr(token)
    claims = verify(KEYS, token.text, kid(token.text))
    assert (claims["sub"], claims["aud"], claims["exp"]) == ("batch", "scoring:faq", token.expires)
    assert issue(KEYS, BATCH, "faq", 3600).text != token.text


@pytest.mark.parametrize("method", ["token", "oidc", "none"])
def test_only_a_key_gets_a_token(method):
    with pytest.raises(Forbidden, match="whoever shows a key"):
        issue(KEYS, Principal("x", frozenset({"scoring.invoke"}), method), "faq", 60)


def test_only_who_may_score_gets_a_token():
    with pytest.raises(Forbidden, match=r"scoring\.invoke:image"):
        issue(KEYS, Principal("x", frozenset({"scoring.invoke:faq"}), "key", "0" * 16), "image", 60)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": time.time() - 1}, "expired"),
        ({"nbf": time.time() + 10_000_000}, "not valid yet"),
        ({"iss": "other"}, "issuer"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(claims, words):
    token = signed(**claims)
    with pytest.raises(Unauthenticated, match=words):
        verify(KEYS, token, kid(token))


def test_a_token_of_another_signing_key_is_refused():
    others = SigningKeys(SigningFile(keys=[new_signing_key(NOW, NOW)]))
    token = signed(others)
    with pytest.raises(Unauthenticated, match="key that is not known"):
        verify(KEYS, token, kid(token))
    with pytest.raises(Unauthenticated, match="signature is wrong"):
        verify(KEYS, token, kid(signed()))


def test_a_token_of_the_key_before_is_accepted_and_of_a_forgotten_one_is_not():
    token = signed()
    verify(SigningKeys(FILE.rotated(NOW)), token, kid(token))
    with pytest.raises(Unauthenticated):
        verify(SigningKeys(SigningFile(keys=FILE.rotated(NOW).keys[1:])), token, kid(token))


@pytest.mark.parametrize("audience", ["faq", "api://scoring", "", ["scoring:faq"], 5, None])
def test_a_token_for_something_else_is_refused(directory, audience):
    new = directory.create("batch", ["scoring.invoke"])
    table = read_table((directory.path / KEY_FILE).read_bytes())
    with pytest.raises(Unauthenticated, match="another audience"):
        holder(table, {"aud": audience, "key": new.primary.id})


def test_a_token_stands_for_its_client_and_one_model_as_long_as_its_key_is_there(directory):
    new = directory.create("batch", ["scoring.invoke:faq", "scoring.admin"])

    def found(model="faq"):
        table = read_table((directory.path / KEY_FILE).read_bytes())
        return holder(table, {"aud": f"scoring:{model}", "key": new.primary.id})

    assert found() == Principal("batch", frozenset({"scoring.invoke:faq"}), "token", new.primary.id)
    assert found("image").roles == frozenset()
    directory.rotate("batch", "secondary")
    assert found().client_id == "batch"
    directory.grant("batch", ["scoring.admin"])
    assert found().roles == frozenset()
    directory.rotate("batch", "primary")
    with pytest.raises(Unauthenticated, match="not valid any more"):
        found()


@given(st.integers(0, 2**512 - 1))
def test_no_other_signature_is_taken(number):
    signed_part = signed().rpartition(".")[0]
    signature = jwt.utils.base64url_encode(number.to_bytes(64, "big")).decode()
    with pytest.raises(Unauthenticated):
        verify(KEYS, f"{signed_part}.{signature}", kid(signed()))


# Over HTTP


@pytest.fixture
def token_for(client):
    def token_for(key, model="faq"):
        return client.post(f"/api/v1/service/{model}/token", headers={"authorization": f"Bearer {key.text}"})

    return token_for


async def test_a_key_is_exchanged_for_a_token_of_one_model(directory, token_for, ask):
    new = directory.create("batch", ["scoring.invoke"])
    response = await token_for(new.primary)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert set(answer) == {"accessToken", "tokenType", "refreshAfterTimeUtc", "expiryTimeUtc"}
    assert answer["tokenType"] == "Bearer"
    assert time.time() < answer["refreshAfterTimeUtc"] < answer["expiryTimeUtc"] <= time.time() + 3600
    assert (await ask(answer["accessToken"])).status_code == 200
    assert (await ask(answer["accessToken"], "/image/score")).status_code == 403


async def test_a_token_is_not_exchanged_for_another(directory, token_for, client):
    new = directory.create("batch", ["scoring.invoke"])
    token = (await token_for(new.primary)).json()["accessToken"]
    response = await client.post("/api/v1/service/faq/token", headers={"x-api-key": token})
    assert response.status_code == 403


async def test_a_token_for_what_one_may_not_or_what_is_not_there(directory, token_for):
    new = directory.create("batch", ["scoring.invoke:faq"])
    every = directory.create("every", ["scoring.invoke"])
    assert (await token_for(new.primary, "image")).status_code == 403
    assert (await token_for(every.primary, "nothing")).status_code == 404
    for name in ('a"b', "a%0d%0ab", "%ff", "é"):
        assert (await token_for(new.primary, name)).status_code == 403


async def test_nobody_gets_a_token_where_keys_are_not_required(limits, client):
    limits["access"] = limits["access"].model_copy(update={"required": False})
    response = await client.post("/api/v1/service/faq/token")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


async def test_without_anything_to_sign_with_there_is_no_token(directory, token_for):
    new = directory.create("batch", ["scoring.invoke"])
    (directory.path / "signing.json").unlink()
    response = await token_for(new.primary)
    assert response.status_code == 503
    assert "scoring keys create" in response.json()["detail"]
