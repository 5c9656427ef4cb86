import pytest
from pydantic import ValidationError

from deployments.ingress.access.settings import AccessSettings, IssuerSettings, default_directory
from deployments.ingress.settings import IngressSettings
from serve_app.settings import parse_settings


@pytest.mark.parametrize(
    ("args", "required"),
    [
        ({}, False),
        ({"profile": "production"}, True),
        ({"profile": "production", "ingress": {"access": {"required": False}}}, False),
        ({"ingress": {"access": {"required": True}}}, True),
    ],
)
def test_keys_are_required_except_on_a_laptop_or_where_the_settings_say(args, required):
    settings = parse_settings(args, {}).ingress_settings()
    assert settings.access.is_required is required
    assert IngressSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_in_doubt_keys_are_required():
    assert IngressSettings().access.is_required


def test_the_directory_is_the_set_one_or_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_ACCESS", str(tmp_path))
    assert AccessSettings().place == default_directory() == tmp_path
    assert AccessSettings(directory=tmp_path / "a").place == tmp_path / "a"
    monkeypatch.delenv("SCORING_ACCESS")
    assert AccessSettings().place.parts[-2:] == ("ray-scoring", "access")


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example/t/v2.0",
        "https://sts.example/t/",
        "http://127.0.0.1:80/x",
        "http://localhost/x",
        "http://[::1]/",
    ],
)
def test_an_issuer_is_an_address_that_is_fetched_safely(url):
    assert IssuerSettings(issuer=url, audiences=["a"]).issuer == url


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/",
        "ftp://a/",
        "file:///etc/passwd",
        "a",
        "",
        "https://",
        "https://u:p@a/",
        "https://a/?b",
        "https://[/",
    ],
)
def test_another_address_is_refused(url):
    with pytest.raises(ValidationError, match="must be"):
        IssuerSettings(issuer=url, audiences=["a"])


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "rs256", ""])
def test_only_asymmetric_algorithms_can_be_set(algorithm):
    with pytest.raises(ValidationError):
        IssuerSettings(issuer="https://a", audiences=["a"], algorithms=[algorithm])


def test_a_token_needs_an_audience():
    with pytest.raises(ValidationError, match="audiences"):
        IssuerSettings(issuer="https://a", audiences=[])


def test_issuers_are_told_apart():
    one = {"issuer": "https://a", "audiences": ["x"]}
    for other, what in (({**one, "name": "b"}, "issuer"), ({**one, "issuer": "https://b"}, "name")):
        with pytest.raises(ValidationError, match=f"the same {what}"):
            AccessSettings(issuers=[one, other])


def test_a_directory_that_depends_on_where_one_is_is_refused():
    with pytest.raises(ValidationError, match="absolute"):
        AccessSettings(directory="access")
