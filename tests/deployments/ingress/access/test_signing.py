from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.access.signing import (
    LONGEST_TOKEN_SECONDS,
    SETTLING_SECONDS,
    SigningFile,
    SigningKeys,
    new_signing_file,
    new_signing_key,
    read_signing_keys,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def file():
    return SigningFile(keys=[new_signing_key(NOW, NOW)])


def signer(keys, when):
    return SigningKeys(keys).signer(when.timestamp())[0]


def test_a_first_key_signs_at_once():
    first = new_signing_file()
    assert signer(first, datetime.now(UTC)) == first.keys[0].id


def test_a_new_key_signs_when_every_replica_knows_it_and_the_old_one_verifies_on():
    old = file()
    both = old.rotated(NOW)
    assert both.keys[0] == old.keys[0]
    settled = NOW + timedelta(seconds=SETTLING_SECONDS)
    assert signer(both, settled - timedelta(seconds=1)) == old.keys[0].id
    assert signer(both, settled) == both.keys[1].id
    loaded = SigningKeys(both)
    assert all(loaded.verifier(key.id) is not None for key in both.keys)
    assert loaded.verifier("0" * 16) is None


def test_an_old_key_goes_when_nothing_that_it_signed_is_valid():
    both = file().rotated(NOW)
    last = NOW + timedelta(seconds=SETTLING_SECONDS + LONGEST_TOKEN_SECONDS)
    assert both.rotated(last - timedelta(seconds=1)).keys[:2] == both.keys
    assert both.rotated(last).keys[:-1] == both.keys[1:]


def test_keys_that_were_rotated_in_haste_are_all_kept():
    keys = file()
    for second in range(4):
        keys = keys.rotated(NOW + timedelta(seconds=second))
    assert len(keys.keys) == 5
    assert signer(keys, NOW + timedelta(seconds=4)) == keys.keys[0].id


def test_no_token_outlives_its_signing_key():
    longest = AccessSettings.model_fields["token_seconds"].metadata[1].le
    assert longest == LONGEST_TOKEN_SECONDS


def test_a_file_travels_and_a_private_key_is_not_shown():
    keys = file()
    assert SigningFile.model_validate_json(keys.model_dump_json()) == keys
    assert "PRIVATE" not in repr(keys)
    read_signing_keys(keys.model_dump_json().encode())


def test_a_key_of_another_kind_is_refused():
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = file().keys[0].model_copy(update={"private_key": pem.decode()})
    for content in (SigningFile(keys=[other]).model_dump_json().encode(), b"{}", b'{"keys": []}', b"x"):
        with pytest.raises(ValueError):  # noqa: PT011 - what is wrong is not shown
            read_signing_keys(content)


def test_a_key_that_is_no_pem_is_refused():
    other = file().keys[0].model_copy(update={"private_key": "x"})
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong is not shown
        read_signing_keys(SigningFile(keys=[other]).model_dump_json().encode())
