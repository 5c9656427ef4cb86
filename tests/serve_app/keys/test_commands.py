import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from deployments.ingress.access.key_file import KEY_FILE, read_table
from deployments.ingress.access.keys import parse_key
from deployments.ingress.access.signing import SIGNING_FILE
from serve_app.keys.commands import app
from serve_app.layout import lay_out

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_ACCESS", str(tmp_path / "access"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "access"


@pytest.fixture
def run(directory):
    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)

    return run


@pytest.fixture
def keys(run):
    """Make a client, and return its two keys."""

    def keys(*arguments):
        result = run("create", *arguments)
        assert result.exit_code == 0, result.stderr
        lines = [line.split() for line in result.stdout.splitlines()]
        assert [name for name, _ in lines] == ["primary", "secondary"]
        return [text for _, text in lines]

    return keys


def owner(directory, text):
    return read_table((directory / KEY_FILE).read_bytes()).owner(parse_key(text))


def refusal(result):
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_create_prints_two_keys_and_that_they_are_not_shown_again(run, directory):
    result = run("create", "batch")
    texts = [line.split()[1] for line in result.stdout.splitlines()]
    assert [owner(directory, text).client_id for text in texts] == ["batch", "batch"]
    assert owner(directory, texts[0]).roles == {"scoring.invoke"}
    assert result.stderr == (
        "Keep the keys now: only hashes are stored, so nobody can show them again. "
        "A running service follows within 5 seconds.\n"
    )


def test_roles_are_given_and_changed(run, keys, directory):
    (primary, _) = keys("batch", "--role", "scoring.invoke:faq", "--role", "scoring.admin")
    assert owner(directory, primary).roles == {"scoring.invoke:faq", "scoring.admin"}
    result = run("grant", "batch", "--role", "scoring.invoke:image")
    assert "batch has the roles scoring.invoke:image." in result.stderr
    assert owner(directory, primary).roles == {"scoring.invoke:image"}


def test_programs_get_json(run, directory):
    created = json.loads(run("create", "batch", "--json").stdout)
    assert set(created) == {"client", "primaryKey", "secondaryKey"}
    rotated = json.loads(run("rotate", "batch", "secondary", "--json").stdout)
    assert set(rotated) == {"client", "secondaryKey"}
    assert owner(directory, created["primaryKey"]).client_id == "batch"
    assert owner(directory, rotated["secondaryKey"]).client_id == "batch"
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["client"] == "batch"
    assert listed["primary"]["id"] == parse_key(created["primaryKey"]).id
    assert set(listed["primary"]) == {"id", "created"}


def test_rotate_prints_the_new_key_and_leaves_the_other(run, keys, directory):
    primary, secondary = keys("batch")
    result = run("rotate", "batch", "primary")
    name, text = result.stdout.split()
    assert name == "primary"
    assert "tokens issued for it, end then" in result.stderr
    assert [owner(directory, key) is not None for key in (primary, secondary, text)] == [False, True, True]


def test_revoke_takes_away_a_key_or_the_client(run, keys, directory):
    primary, secondary = keys("batch")
    assert "The primary key of batch is revoked." in run("revoke", "batch", "primary").stderr
    assert [owner(directory, key) is not None for key in (primary, secondary)] == [False, True]
    assert "The client batch is revoked." in run("revoke", "batch").stderr
    assert owner(directory, secondary) is None
    assert "There is no client batch" in refusal(run("revoke", "batch"))


def test_list_shows_whose_keys_there_are_and_no_secret(run, keys):
    assert "There is no client" in run("list").stderr
    primary, secondary = keys("batch", "--role", "scoring.invoke:faq")
    run("revoke", "batch", "secondary")
    shown = run("list").stdout
    assert "batch" in shown
    assert "scoring.invoke:faq" in shown
    assert parse_key(primary).id in shown
    assert parse_key(secondary).id not in shown
    assert parse_key(primary).secret not in shown


def test_tokens_are_signed_with_a_new_key_and_old_ones_stay_or_go(run, keys, directory):
    keys("batch")

    def ids():
        return [key["id"] for key in json.loads((directory / SIGNING_FILE).read_text())["keys"]]

    first = ids()
    assert "older tokens stay valid" in run("rotate-signing").stderr
    assert ids()[:1] == first
    assert len(ids()) == 2
    before = ids()
    assert "every token issued before is refused" in run("rotate-signing", "--now").stderr
    assert len(ids()) == 1
    assert ids()[0] not in before


def test_the_directory_is_named_by_an_option_or_by_the_services_config(run, directory, tmp_path):
    run("create", "a", "--directory", tmp_path / "one")
    assert (tmp_path / "one" / KEY_FILE).exists()
    args = {"profile": "production", "ingress": {"access": {"directory": str(tmp_path / "two")}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(lay_out(args)))
    run("create", "a", "--config", tmp_path / "c.yaml")
    assert (tmp_path / "two" / KEY_FILE).exists()
    assert not directory.exists()
    assert "does not exist" in refusal(run("list", "--config", tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "A B"], "cannot name a client"),
        (["create", "a", "--role", "root"], "must be scoring.invoke"),
        (["rotate", "x", "primary"], "There is no client x"),
        (["grant", "x", "--role", "scoring.admin"], "There is no client x"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, arguments, words):
    assert words in refusal(run(*arguments))


def test_a_damaged_file_is_one_sentence(run, keys, directory):
    keys("batch")
    (directory / KEY_FILE).write_text("{")
    assert "is damaged" in refusal(run("list"))
    assert "is damaged" in refusal(run("create", "other"))


def test_the_commands_load_nothing_heavy():
    program = (
        "import sys, serve_app.keys.commands as k\n"
        "print(sorted({'ray', 'cryptography', 'starlette', 'torch'} & sys.modules.keys()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "[]\n"
