import pickle

import pytest

from deployments.errors import PayloadTooLarge, QuotaExceeded, Unavailable
from deployments.ingress.quotas.counters import CountersDown

POLICY, RATE_LIMIT = "ratelimit-policy", "ratelimit"


async def test_without_limits_nobody_is_counted(limited):
    quotas = limited()
    assert await quotas.admitted() is None
    assert not quotas.quotas.are_set
    assert len(quotas.quotas._memory) == 0


async def test_a_client_without_limits_is_not_counted(limited):
    quotas = limited(exceptions=[{"client": "b", "concurrent_requests": 1}])
    assert await quotas.admitted("a") is None
    assert len(quotas.quotas._memory) == 0


async def test_headers_tell_what_is_left(limited):
    quotas = limited(default={"requests_per_second": 4, "burst": 10, "concurrent_requests": 3, "bytes_per_day": 1000})
    quotas.clock.now = 86_400 * 20_000 - 100.0
    await quotas.admitted(size=100)
    admission = await quotas.admitted(size=100)
    assert admission.headers == {
        POLICY: '"requests";q=10;w=3, "concurrent";q=3;qu="concurrent-requests", '
        '"bytes";q=1000;w=86400;qu="content-bytes"',
        RATE_LIMIT: '"requests";r=8;t=1, "concurrent";r=1, "bytes";r=800;t=100',
    }


async def test_who_is_refused_is_told_when_to_come_back(limited):
    quotas = limited(default={"requests_per_second": 0.1, "burst": 2})
    for _ in range(2):
        (await quotas.admitted()).finish()
    with pytest.raises(QuotaExceeded) as raised:
        await quotas.admitted()
    assert raised.value.retry_after_seconds == 10
    assert raised.value.headers == {POLICY: '"requests";q=2;w=20', RATE_LIMIT: '"requests";r=0;t=20'}
    assert pickle.loads(pickle.dumps(raised.value)).headers == raised.value.headers  # noqa: S301
    assert quotas.quotas.refused == {("faq", "requests"): 1}


async def test_clients_and_models_have_counts_of_their_own(limited):
    quotas = limited(default={"concurrent_requests": 1})
    await quotas.admitted("a", "faq")
    await quotas.admitted("a", "image")
    await quotas.admitted("b", "faq")
    with pytest.raises(QuotaExceeded):
        await quotas.admitted("a", "faq")


async def test_a_place_is_free_once_however_often_a_request_ends(limited):
    quotas = limited(default={"concurrent_requests": 2})
    first = await quotas.admitted()
    await quotas.admitted()
    first.finish()
    first.finish()
    await quotas.admitted()
    with pytest.raises(QuotaExceeded) as raised:
        await quotas.admitted()
    assert raised.value.retry_after_seconds == 1


async def test_a_body_that_no_day_is_enough_for_is_too_large(limited):
    quotas = limited(default={"bytes_per_day": 100})
    with pytest.raises(PayloadTooLarge, match="100 bytes for a day"):
        await quotas.admitted(size=101)
    assert (await quotas.admitted(size=100)).counts_bytes


async def test_reading_ends_where_the_bytes_of_the_day_do(limited):
    quotas = limited(default={"bytes_per_day": 100})
    announced, unknown = await quotas.admitted(size=40), await quotas.admitted()
    announced.count(40)
    unknown.count(60)
    with pytest.raises(QuotaExceeded) as raised:
        unknown.count(1)
    assert raised.value.retry_after_seconds == 86_400 - quotas.clock.now % 86_400
    assert quotas.quotas.refused == {("faq", "bytes"): 1}
    announced.finish()
    unknown.finish()
    with pytest.raises(QuotaExceeded):
        await quotas.admitted()


async def test_a_body_that_was_not_read_is_not_counted(limited):
    quotas = limited(default={"bytes_per_day": 100})
    (await quotas.admitted(size=100)).finish()
    (await quotas.admitted(size=100)).finish()


async def test_settings_that_say_the_same_or_other_limits_keep_counts(limited):
    quotas = limited(default={"requests_per_second": 0.001, "burst": 3})
    await quotas.admitted()
    await quotas.admitted()
    quotas.set(default={"requests_per_second": 0.001, "burst": 3}, exceptions=[{"client": "b", "burst": 9}])
    await quotas.admitted()
    with pytest.raises(QuotaExceeded):
        await quotas.admitted()
    quotas.set(default={"requests_per_second": 0.001, "burst": 4})
    await quotas.admitted()
    with pytest.raises(QuotaExceeded):
        await quotas.admitted()
    quotas.set()
    assert await quotas.admitted() is None


async def test_items_of_a_request_need_no_counts(limited):
    quotas = limited(default={"items_per_request": {"images": 2}})
    admission = await quotas.admitted()
    assert admission.narrowed(quotas.settings).most_items("images", 64) == 2
    assert admission.headers == {}
    admission.count(10)
    admission.finish()
    assert len(quotas.quotas._memory) == 0


class Down:
    is_down = True

    async def take(self, key, bounds, lease, size):
        raise CountersDown


@pytest.mark.parametrize(
    ("on_failure", "purpose", "closes"),
    [
        ({}, "scoring", False),
        ({}, "admin", True),
        ({"scoring": "closed"}, "scoring", True),
        ({"admin": "open"}, "admin", False),
    ],
)
async def test_settings_say_what_happens_while_nothing_can_be_counted(limited, on_failure, purpose, closes):
    default = {"concurrent_requests": 1, "items_per_request": {"images": 2}, "bytes_per_day": 5}
    quotas = limited(default=default, on_failure=on_failure, storage="redis")
    quotas.quotas._redis = Down()
    for _ in range(3):
        if closes:
            with pytest.raises(Unavailable, match="Quotas cannot be counted"):
                await quotas.admitted(purpose=purpose)
        else:
            admission = await quotas.admitted(purpose=purpose)
            assert admission.headers == {}
            assert not admission.counts_bytes
            # What needs no counts holds all the same.
            assert admission.narrowed(quotas.settings).most_items("images", 64) == 2
            admission.finish()
    assert quotas.quotas.unchecked == {("faq", "closed" if closes else "open"): 3}
    assert quotas.quotas.store_is_down
