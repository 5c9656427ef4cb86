import time

import pytest

from deployments.ingress.access import token_cache
from deployments.ingress.access.token_cache import KEPT_SECONDS, TokenCache
from deployments.ingress.access.watched import LOOK_SECONDS, READ_SECONDS

WALL = 2_000_000_000.0


@pytest.fixture
def cache(clock):
    return TokenCache(clock, lambda: WALL)


def test_a_token_is_known_for_seconds(cache, clock):
    claims = {"exp": WALL + 1000}
    cache.put("t", claims)
    assert cache.get("t") is claims
    assert cache.get("u") is None
    clock.now += KEPT_SECONDS
    assert cache.get("t") is None


def test_a_token_is_not_known_beyond_its_end(cache, clock):
    cache.put("t", {"exp": WALL + 1})
    clock.now += 0.9
    assert cache.get("t") is not None
    clock.now += 0.1
    assert cache.get("t") is None


def test_a_token_that_is_accepted_for_the_skew_of_clocks_alone_is_not_kept(cache):
    cache.put("t", {"exp": WALL - 1})
    assert cache.get("t") is None


def test_memory_is_bounded_and_the_oldest_goes(cache, monkeypatch):
    monkeypatch.setattr(token_cache, "MOST_TOKENS", 3)
    for number in range(5):
        cache.put(f"t{number}", {"exp": WALL + 1000})
    cache.put("t3", {"exp": WALL + 1000})
    known = [number for number in range(5) if cache.get(f"t{number}")]
    assert known == [3, 4]


def test_tokens_themselves_are_not_kept():
    cache = TokenCache()
    cache.put("a-secret-token", {"exp": time.time() + 9})
    assert "a-secret-token" not in repr(vars(cache))


def test_what_signing_keys_withdraw_is_refused_within_five_seconds():
    assert LOOK_SECONDS + READ_SECONDS + KEPT_SECONDS <= 5
