from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from deployments.errors import StartupError
from deployments.ingress.quotas.bounds import Bounds, BoundsTable
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.settings import IngressSettings
from serve_app.settings import parse_settings


def refused(quotas, environment=None):
    with pytest.raises(StartupError) as raised:
        parse_settings({"ingress": {"quotas": quotas}}, environment or {})
    return str(raised.value)


@pytest.mark.parametrize(
    ("quotas", "told"),
    [
        ({"defualt": {}}, "ingress.quotas.defualt: unknown key; did you mean default?"),
        (
            {"default": {"requests_per_second": 0}},
            "ingress.quotas.default.requests_per_second: must be greater than 0, or 'unlimited', not 0",
        ),
        (
            {"default": {"requests_per_second": "many"}},
            "ingress.quotas.default.requests_per_second: must be a valid number, or 'unlimited', not 'many'",
        ),
        (
            {"default": {"concurrent_requests": 0}},
            "ingress.quotas.default.concurrent_requests: must be greater than or equal to 1, or 'unlimited', not 0",
        ),
        ({"default": {"burst": 5}}, "ingress.quotas.default.burst needs ingress.quotas.default.requests_per_second"),
        (
            {"exceptions": [{"client": "a", "burst": 5, "requests_per_second": "unlimited"}]},
            "ingress.quotas.exceptions.0: burst needs a number of requests_per_second",
        ),
        ({"exceptions": [{"burst": 5}]}, "ingress.quotas.exceptions.0: an exception needs a client or a model"),
        (
            {"exceptions": [{"client": "a", "model": "faq"}, {"client": "a", "model": "faq"}]},
            "ingress.quotas.exceptions: two exceptions are for the client a at the model faq",
        ),
        ({"exceptions": [{"model": "fax"}]}, "ingress.quotas.exceptions.0 names 'fax'; there are faq, image"),
        ({"storage": "disk"}, "ingress.quotas.storage: must be 'memory' or 'redis', not 'disk'"),
        ({"storage": "redis"}, "ingress.quotas.storage is redis, so ingress.quotas.redis_url must be set"),
        ({"redis_url": "redis://h"}, "ingress.quotas.redis_url is set, so ingress.quotas.storage must be redis"),
        ({"on_failure": {"scoring": "ajar"}}, "ingress.quotas.on_failure.scoring: must be 'open' or 'closed'"),
        ({"redis_prefix": "a b"}, "ingress.quotas.redis_prefix: String should match pattern"),
    ],
)
def test_wrong_settings_are_told(quotas, told):
    assert told in refused(quotas)


@pytest.mark.parametrize(
    "url",
    ["http://h", "h:6379", "redis://", "unix://", "redis://:se/cret@h", "redis://h:port", "redis://h:6379 /0", ""],
)
def test_a_wrong_url_is_told_without_showing_it(url):
    message = refused({"storage": "redis", "redis_url": url})
    assert "ingress.quotas.redis_url: must be redis://" in message
    assert "cret" not in message


@pytest.mark.parametrize("url", ["redis://h", "rediss://u:p%2F@h:6380/1", "unix:///run/redis.sock?db=1"])
def test_urls_of_redis_are_taken(url):
    assert QuotaSettings(storage="redis", redis_url=url).redis_url.get_secret_value() == url


@pytest.mark.parametrize("place", ["storage", "redis_prefix", "redis_timeout_seconds", "default", "on_failure"])
def test_a_password_in_the_wrong_place_is_not_shown(place):
    message = refused({place: "redis://user:secret@host/0"})
    assert f"ingress.quotas.{place}" in message
    assert "secret" not in message


def test_the_documents_example_is_valid():
    document = (Path(__file__).parents[4] / "docs" / "quotas.md").read_text(encoding="utf-8")
    example = yaml.safe_load(document.split("```yaml\n")[1].split("```")[0])
    quotas = parse_settings(example, {"REDIS_PASSWORD": "x"}).ingress.quotas
    found = BoundsTable(quotas)
    assert found.of("batch", "image") == Bounds(200, 1000, 32, None, items=(("images", 8),))
    assert found.of("other", "faq") == Bounds(20, 60, 8, 5_000_000_000)


def test_a_password_comes_from_the_environment_and_travels_apart():
    given = {"ingress": {"quotas": {"storage": "redis", "redis_url": "redis://:${PASSWORD}@host"}}}
    settings = parse_settings(given, {"PASSWORD": "secret"})
    assert settings.ingress.quotas.redis_url == SecretStr("redis://:secret@host")
    dumped = settings.ingress_settings().model_dump(mode="json")
    assert "secret" not in repr(settings) + str(settings) + str(dumped)
    assert IngressSettings.model_validate(dumped).quotas == settings.ingress.quotas.model_copy(
        update={"redis_url": None}
    )
    assert "PASSWORD is not set" in refused(given["ingress"]["quotas"])
