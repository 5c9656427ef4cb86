import pytest

from deployments.errors import StartupError
from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.routing.settings import MODELS
from serve_app.keys.notice import notice
from serve_app.preflight import check_keys
from serve_app.serve_command import example
from serve_app.settings import parse_settings


@pytest.fixture
def settings(tmp_path):
    def settings(**access):
        given = {"directory": str(tmp_path / "a"), **access}
        return parse_settings({"profile": "production", "ingress": {"access": given}}, {})

    return settings


def test_a_first_start_tells_how_to_make_a_key(settings, tmp_path):
    (sentence,) = notice(settings(), "127.0.0.1")
    assert sentence.endswith(
        f"no client has one yet. Make one, without a restart: scoring keys create NAME --directory {tmp_path / 'a'}"
    )


def test_later_starts_tell_how_many_have_keys(settings, tmp_path):
    for name, words in (("a", "1 client has keys"), ("b", "2 clients have keys")):
        AccessDirectory(tmp_path / "a").create(name, ["scoring.invoke"])
        (sentence,) = notice(settings(), "0.0.0.0")
        assert words in sentence


def test_with_an_issuer_its_tokens_do(settings):
    (sentence,) = notice(settings(issuers=[{"issuer": "https://login.example", "audiences": ["a"]}]), "127.0.0.1")
    assert "a token of https://login.example, or a key: scoring keys create" in sentence


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_laptop_that_only_it_can_reach_needs_no_words(host):
    assert notice(parse_settings({}, {}), host) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "my-host"])
def test_an_open_service_that_others_can_reach_is_warned_of(host):
    (sentence,) = notice(parse_settings({}, {}), host)
    assert sentence.startswith(f"Warning: whoever can reach {host} may send requests")


def test_damaged_files_end_a_start_only_where_keys_are_needed(settings, tmp_path):
    check_keys(settings())
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "signing.json").write_text("{}")
    with pytest.raises(StartupError, match=r"signing\.json is damaged"):
        check_keys(settings())
    check_keys(settings(required=False))


def test_the_example_names_a_key_where_one_is_needed():
    model = MODELS["faq_matcher"](kind="faq_matcher")
    assert '-H "x-api-key: $SCORING_KEY"' in example(model, "http://a", with_key=True)
    assert "x-api-key" not in example(model, "http://a")
