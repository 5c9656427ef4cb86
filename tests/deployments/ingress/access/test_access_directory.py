import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.errors import StartupError
from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.access.key_file import KEY_FILE, KeyFile, KeyTable, read_table
from deployments.ingress.access.signing import SIGNING_FILE


def table(directory):
    return read_table((directory.path / KEY_FILE).read_bytes())


def test_a_client_gets_two_keys_that_are_its_own(directory):
    new = directory.create("batch", ["scoring.invoke:faq"])
    other = directory.create("other", ["scoring.admin"])
    for key in (new.primary, new.secondary):
        owner = table(directory).owner(key)
        assert (owner.client_id, owner.method, owner.key_id) == ("batch", "key", key.id)
        assert owner.roles == {"scoring.invoke:faq"}
    assert table(directory).owner(other.primary).client_id == "other"
    assert len({new.primary.text, new.secondary.text, other.primary.text, other.secondary.text}) == 4


def test_only_hashes_are_stored_and_files_are_the_owners_alone(directory):
    new = directory.create("batch", ["scoring.invoke"])
    for file in directory.path.iterdir():
        content = file.read_text()
        assert new.primary.secret not in content
        assert new.secondary.secret not in content
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert json.loads((directory.path / KEY_FILE).read_text())["version"] == 1


@pytest.mark.parametrize(("slot", "other"), [("primary", "secondary"), ("secondary", "primary")])
def test_rotating_one_key_leaves_the_other(directory, slot, other):
    new = directory.create("batch", ["scoring.invoke"])
    rotated = directory.rotate("batch", slot)
    assert table(directory).owner(rotated).client_id == "batch"
    assert table(directory).owner(getattr(new, other)).client_id == "batch"
    assert table(directory).owner(getattr(new, slot)) is None


def test_a_key_or_a_client_is_revoked(directory):
    new = directory.create("batch", ["scoring.invoke"])
    kept = directory.create("kept", ["scoring.invoke"])
    directory.revoke("batch", "primary")
    assert table(directory).owner(new.primary) is None
    assert table(directory).owner(new.secondary).client_id == "batch"
    with pytest.raises(StartupError, match="has no primary key"):
        directory.revoke("batch", "primary")
    again = directory.rotate("batch", "primary")
    assert table(directory).owner(again).client_id == "batch"
    directory.revoke("batch", None)
    assert table(directory).owner(new.secondary) is None
    assert table(directory).owner(kept.primary).client_id == "kept"
    assert [client.id for client in directory.read().clients] == ["kept"]


def test_roles_are_changed_and_keys_stay(directory):
    new = directory.create("batch", ["scoring.invoke"])
    directory.revoke("batch", "secondary")
    before = directory.read().find("batch").created
    directory.grant("batch", ["scoring.admin", "scoring.invoke:image"])
    assert table(directory).owner(new.primary).roles == {"scoring.admin", "scoring.invoke:image"}
    assert directory.read().find("batch").created == before
    assert table(directory).owner(new.secondary) is None


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "-a", "a" * 64, "a\n", "ä"])
def test_a_name_that_cannot_be_one_is_refused(directory, name):
    with pytest.raises(StartupError, match="cannot name a client"):
        directory.create(name, ["scoring.invoke"])
    assert directory.read() == KeyFile()


@pytest.mark.parametrize(
    "role", ["invoke", "scoring.invoke:", "scoring.invoke:A", "scoring.admin:x", "scoring.invoke\n"]
)
def test_a_role_that_is_none_is_refused(directory, role):
    with pytest.raises(StartupError, match=r"must be scoring\.invoke"):
        directory.create("batch", [role])


def test_what_is_not_there_is_named(directory):
    with pytest.raises(StartupError, match="There is no client x; there is none"):
        directory.rotate("x", "primary")
    directory.create("a", ["scoring.invoke"])
    with pytest.raises(StartupError, match="there are a"):
        directory.revoke("x", None)
    with pytest.raises(StartupError, match="There is a client a already"):
        directory.create("a", ["scoring.invoke"])


DAMAGED = ["", "{", "[]", '{"version": 2, "clients": []}', '{"version": 1, "clients": [], "more": 1}']


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("name", [KEY_FILE, SIGNING_FILE])
def test_a_damaged_file_is_neither_used_nor_overwritten(directory, name, content):
    directory.create("a", ["scoring.invoke"])
    (directory.path / name).write_text(content)
    for change in (directory.check, lambda: directory.create("b", ["scoring.invoke"])):
        with pytest.raises(StartupError, match="is damaged"):
            change()
    assert (directory.path / name).read_text() == content


def test_a_file_with_something_twice_is_damaged(directory):
    directory.create("a", ["scoring.invoke"])
    path = directory.path / KEY_FILE
    content = json.loads(path.read_text())
    content["clients"] *= 2
    path.write_text(json.dumps(content))
    with pytest.raises(StartupError, match="is damaged"):
        directory.read()


def test_a_damaged_file_is_not_shown(directory):
    directory.create("a", ["scoring.invoke"])
    path = directory.path / SIGNING_FILE
    secret = json.loads(path.read_text())["keys"][0]["private_key"].splitlines()[1]
    path.write_text(path.read_text().replace('"version"', '"verison"'))
    with pytest.raises(StartupError) as raised:
        directory.check()
    assert secret not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(StartupError, match="cannot be written"):
        AccessDirectory(tmp_path / "f" / "d").create("a", ["scoring.invoke"])


def test_many_writers_at_once_lose_nothing(directory):
    def create(number):
        program = (
            "import sys; from pathlib import Path\n"
            "from deployments.ingress.access.access_directory import AccessDirectory\n"
            f"AccessDirectory(Path({str(directory.path)!r})).create('c{number}', ['scoring.invoke'])"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
        return directory.rotate(f"c{number}", "secondary")

    with ThreadPoolExecutor(4) as pool:
        rotated = list(pool.map(create, range(4)))
    assert {client.id for client in directory.read().clients} == {f"c{number}" for number in range(4)}
    assert [table(directory).owner(key).client_id for key in rotated] == [f"c{number}" for number in range(4)]


def test_an_unknown_identifier_costs_a_comparison_too(directory, monkeypatch):
    from deployments.ingress.access import keys

    compared = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda a, b: compared.append(1) or real(a, b))
    assert KeyTable(KeyFile()).owner(keys.new_key()) is None
    assert compared == [1]
