import io
import json
import zipfile

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from cluster.audit import database
from cluster.audit.database import Unreachable, fetch, findings, shown
from cluster.audit.packages import Pin
from deployments.errors import StartupError


def archive(*entries):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as files:
        for entry in entries:
            files.writestr(f"{entry['id']}.json", json.dumps(entry))
    return written.getvalue()


def entry(*events, name="jinja2", versions=(), ecosystem="PyPI", **more):
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    package = {"ecosystem": ecosystem, "name": name}
    affected = {"package": package, "ranges": ranges, "versions": list(versions)}
    return {"id": "GHSA-1", "aliases": ["CVE-1"], "summary": "Bad.", "affected": [affected], **more}


def is_found(version, told, name="jinja2"):
    return bool(findings(archive(told), [Pin(name, Version(version))]))


FIXED = ({"introduced": "0"}, {"fixed": "2.0"})


@pytest.mark.parametrize(
    ("version", "events", "expected"),
    [
        ("1.9", FIXED, True),
        ("2.0rc1", FIXED, True),
        ("2.0", FIXED, False),
        ("2.0", ({"introduced": "0"}, {"last_affected": "2.0"}), True),
        ("2.0.1", ({"introduced": "0"}, {"last_affected": "2.0"}), False),
        ("1.0", ({"introduced": "1.5"},), False),
        ("9.0", ({"introduced": "1.5"},), True),
        ("3.5", (*FIXED, {"introduced": "3.0"}, {"fixed": "3.6"}), True),
        ("2.5", (*FIXED, {"introduced": "3.0"}, {"fixed": "3.6"}), False),
        ("3.6", ({"fixed": "3.6"}, {"introduced": "3.0"}, *FIXED), False),
        ("3.5", ({"fixed": "3.6"}, {"introduced": "3.0"}, *FIXED), True),
    ],
)
def test_ranges(version, events, expected):
    assert is_found(version, entry(*events)) == expected


def test_listed_versions_are_compared_as_versions():
    assert is_found("1.0", entry(versions=["1.0.0"]))
    assert not is_found("1.1", entry(versions=["1.0.0", "not a version"]))


@given(st.lists(st.integers(0, 20), min_size=2, max_size=6, unique=True), st.integers(0, 20))
def test_ranges_agree_with_counting(bounds, version):
    bounds = sorted(bounds)
    kinds = ("introduced", "fixed")
    events = [{kinds[place % 2]: str(bound)} for place, bound in enumerate(bounds)]
    expected = sum(bound <= version for bound in bounds) % 2 == 1

    assert is_found(str(version), entry(*events)) == expected


@pytest.mark.parametrize(
    "told",
    [
        entry(*FIXED, name="other"),
        entry(*FIXED, ecosystem="npm"),
        entry(*FIXED, withdrawn="2026-01-01T00:00:00Z"),
    ],
)
def test_what_does_not_count(told):
    assert not is_found("1.0", told)


def test_names_are_compared_as_indexes_do():
    assert is_found("1.0", entry(*FIXED, name="Some_Package"), name="some-package")


def test_a_finding_tells_its_names_and_its_cure():
    (found,) = findings(archive(entry(*FIXED)), [Pin("jinja2", Version("1.0"))])

    assert found.names == {"GHSA-1", "CVE-1"}
    assert found.fixed_in == ("2.0",)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_archive_is_named(content):
    with pytest.raises(StartupError, match="ZIP archive"):
        findings(content, [])


def test_the_archive_may_be_a_file(tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(b"content")

    assert fetch(str(path)) == b"content"
    with pytest.raises(StartupError, match="does not exist"):
        fetch(str(tmp_path / "none.zip"))


def test_a_host_that_cannot_be_reached_is_told_apart(monkeypatch):
    def refuse(*args, **kwargs):
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(database.httpx, "get", refuse)
    with pytest.raises(Unreachable):
        fetch("https://osv.example/all.zip")


def test_addresses_are_shown_without_passwords():
    assert shown("https://user:s3cret@mirror.test:8443/all.zip?token=s3cret") == "https://mirror.test:8443/all.zip"
    assert shown("/data/all.zip") == "/data/all.zip"
