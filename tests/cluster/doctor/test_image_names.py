from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.doctor.image_names import parse_image

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("reference", "host", "port", "repository", "tag"),
    [
        ("python", "docker.io", 443, "library/python", None),
        ("python:3.11-slim", "docker.io", 443, "library/python", "3.11-slim"),
        ("docker.io/redis", "docker.io", 443, "library/redis", None),
        ("bitnami/redis:7", "docker.io", 443, "bitnami/redis", "7"),
        ("mine.azurecr.io/team/scoring:abc", "mine.azurecr.io", 443, "team/scoring", "abc"),
        ("localhost/scoring:1", "localhost", 443, "scoring", "1"),
        ("registry:5000/scoring", "registry", 5000, "scoring", None),
        ("[2001:db8::1]:5000/scoring:1", "2001:db8::1", 5000, "scoring", "1"),
        (f"ghcr.io/a/b:1@{DIGEST}", "ghcr.io", 443, "a/b", "1"),
    ],
)
def test_parts_of_references(reference, host, port, repository, tag):
    image = parse_image(reference)
    assert (image.host, image.port, image.repository, image.tag) == (host, port, repository, tag)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "Scoring",
        "a//b",
        "/a",
        "a/",
        "a:",
        "a: b",
        "a:1:2",
        "a@sha256:xyz",
        "reg.io:99999/a",
        "https://reg.io/a",
        "a b",
    ],
)
def test_what_is_no_reference_is_refused(reference):
    with pytest.raises(ValueError, match=r"."):
        parse_image(reference)


_PART = st.from_regex(r"[a-z0-9]+((\.|_|__|-{1,2})[a-z0-9]+){0,2}", fullmatch=True)
_HOST = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z0-9]{1,8}){1,3}", fullmatch=True)
_TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(
    _HOST, st.none() | st.integers(1, 65535), st.lists(_PART, min_size=1, max_size=4), st.none() | _TAG, st.booleans()
)
def test_what_is_put_together_comes_apart_again(host, port, parts, tag, with_digest):
    registry = host if port is None else f"{host}:{port}"
    reference = f"{registry}/{'/'.join(parts)}" + (f":{tag}" if tag else "") + (f"@{DIGEST}" if with_digest else "")
    image = parse_image(reference)
    assert (image.registry, image.host, image.port) == (registry, host, port or 443)
    assert (image.repository, image.tag) == ("/".join(parts), tag)
    assert image.digest == (DIGEST if with_digest else None)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_reason(reference):
    with suppress(ValueError):
        image = parse_image(reference)
        assert image.host
        assert 0 < image.port < 65536
