import json
import re
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
import typer
from packaging.version import Version
from typer.testing import CliRunner

from cluster.audit import __main__ as command
from cluster.audit.database import Unreachable
from cluster.audit.packages import Pin, pins_of
from cluster.audit.policy import Accepted, Policy, read_policy
from cluster.images.source import repository
from deployments.errors import StartupError

TODAY = datetime.now(tz=UTC).date()
HTTPX = Version(re.search(r"^httpx==(\S+)", (repository() / "requirements/client.txt").read_text(), re.MULTILINE)[1])


def entry(name):
    """A vulnerability of every version of a package, as OSV tells it."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges}
    return {"id": "GHSA-1", "aliases": ["CVE-1"], "summary": "Bad.", "affected": [affected]}


@pytest.fixture
def audit(tmp_path):
    """Runs the command on the project's own locks with a database of these entries."""
    app = typer.Typer()
    app.command()(command.audit)

    def run(*entries, accepted="", options=()):
        database, policy = tmp_path / "all.zip", tmp_path / "policy.toml"
        with zipfile.ZipFile(database, "w") as files:
            for told in entries:
                files.writestr(f"{told['id']}.json", json.dumps(told))
        policy.write_text(accepted)
        return CliRunner().invoke(app, ["--database", str(database), "--policy", str(policy), *options])

    return run


def rule(until, name="CVE-1"):
    return f'[[accepted]]\nid = "{name}"\nreason = "Not reached here."\nuntil = {until}\n'


BAD = entry("httpx")


def test_clean_locks_pass(audit):
    done = audit(entry("no-such-package"))

    assert done.exit_code == 0
    assert "0 known vulnerabilities" in done.stdout


def test_a_vulnerable_package_fails_and_is_named_with_its_locks(audit):
    done = audit(BAD)

    assert done.exit_code == 1
    assert f"httpx {HTTPX} (" in done.stderr
    assert "client.txt" in done.stderr
    assert "CVE-1, GHSA-1 Bad.; no version mends it yet" in done.stderr


def test_what_the_policy_accepts_passes_until_its_last_day(audit):
    done = audit(BAD, accepted=rule(TODAY))

    assert done.exit_code == 0
    assert "0 known vulnerabilities, and 1 accepted" in done.stdout


def test_what_has_expired_fails(audit):
    done = audit(BAD, accepted=rule(TODAY - timedelta(days=1)))

    assert done.exit_code == 1
    assert "CVE-1 was accepted until" in done.stderr
    assert "Bad." in done.stderr


def test_a_rule_that_expired_fails_though_nothing_has_it(audit):
    assert audit(accepted=rule("2020-01-01")).exit_code == 1


def test_a_rule_that_nothing_needs_is_noted(audit):
    done = audit(accepted=rule("2999-01-01", "CVE-9"))

    assert done.exit_code == 0
    assert "accepts CVE-9, which no locked package has" in done.stderr


@pytest.mark.parametrize(
    ("options", "accepted", "code"), [((), "", 0), (("--required",), "", 1), ((), rule("2020-01-01"), 1)]
)
def test_a_database_out_of_reach_is_said_loudly(audit, monkeypatch, options, accepted, code):
    def unreachable(place):
        raise Unreachable

    monkeypatch.setattr(command, "fetch", unreachable)
    done = audit(options=options, accepted=accepted)

    assert done.exit_code == code
    assert "NOT AUDITED" in done.stderr
    assert "was accepted" in done.stderr or not accepted


def test_this_projects_policy_holds_and_nothing_in_it_has_expired():
    assert read_policy(repository() / command.POLICY).expired(TODAY) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accepted = 1", "accepted"),
        (rule("2026-01-01").replace("Not reached here.", ""), "reason"),
        ('[[accepted]]\nid = "CVE-1"\nreason = "Not reached here."', "until"),
        ("ignored = []", "ignored"),
        ("= 1", "cannot be read as TOML"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path, text, message):
    path = tmp_path / "policy.toml"
    path.write_text(text)

    with pytest.raises(StartupError, match=message):
        read_policy(path)


def test_the_last_day_counts():
    policy = Policy(accepted=[Accepted(id="CVE-1", reason="Not reached here.", until=date(2026, 6, 30))])

    assert policy.accepts(frozenset(["CVE-1", "GHSA-1"]), date(2026, 6, 30))
    assert not policy.accepts(frozenset(["CVE-1"]), date(2026, 7, 1))
    assert policy.expired(date(2026, 7, 1)) == policy.accepted


def test_pins_of_locks(tmp_path):
    one, other = tmp_path / "a.txt", tmp_path / "b.txt"
    one.write_text("# head\nSome_Pack[x]==1.0 ; python_version < '3.12' \\\n    --hash=sha256:0\n    # via b\nb==2\n")
    other.write_text("b==2\n")

    pins = pins_of([one, other])
    assert pins == {Pin("some-pack", Version("1.0")): ["a.txt"], Pin("b", Version("2")): ["a.txt", "b.txt"]}


@pytest.mark.parametrize("line", ["a>=1", "a", "a==1,>0", "-r other.txt"])
def test_a_line_without_a_version_is_named(tmp_path, line):
    path = tmp_path / "a.txt"
    path.write_text(line)

    with pytest.raises(StartupError, match="pins no version"):
        pins_of([path])
