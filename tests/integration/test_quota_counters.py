"""Counts in a real Redis; no service is needed for these."""

import asyncio
import logging
import random
import time

import pytest
import redis
from redis_server import PASSWORD, RedisServer

from deployments.errors import QuotaExceeded, Unavailable
from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import CountersDown
from deployments.ingress.quotas.memory_counters import MemoryCounters
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.quotas.redis_counters import RedisCounters
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.settings import IngressSettings

KEY = "client|model"


@pytest.fixture
def server():
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
async def replicas(server):
    """Make counters as several replicas have them."""
    made = []

    def replicas(count=1, *, lease_seconds=60, clock=time.monotonic, **settings):
        quotas = QuotaSettings(**{"redis_timeout_seconds": 2, **settings})
        made.extend(RedisCounters(server.url, lambda: quotas, lambda: lease_seconds, clock) for _ in range(count))
        return made[-count:]

    yield replicas
    for each in made:
        await each.aclose()


@pytest.fixture
def stored(server):
    """A client that looks into Redis."""
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield client


async def ended(counters):
    """Wait until what ended is counted."""
    while counters._ending:
        await asyncio.gather(*counters._ending)


async def test_replicas_count_together(replicas):
    each = replicas(3)
    bounds = Bounds(rate=0.01, burst=10)
    usages = [await each[n % 3].take(KEY, bounds, f"lease-{n}", 0) for n in range(12)]
    assert [usage.refused_by for usage in usages] == [None] * 10 + ["requests"] * 2
    assert [round(usage.level) for usage in usages[:10]] == list(range(1, 11))
    assert usages[-1].wait_seconds == pytest.approx(100, abs=5)


async def test_what_leaves_in_one_call_is_counted_one_by_one(replicas):
    each = replicas(2)
    bounds = Bounds(rate=0.01, burst=50, concurrent=40, daily_bytes=300)
    asked = [each[n % 2].take(KEY, bounds, f"lease-{n}", 10) for n in range(200)]
    usages = await asyncio.gather(*asked)
    assert sum(usage.refused_by is None for usage in usages) == 30
    assert {usage.refused_by for usage in usages} == {None, "bytes"}
    other = await asyncio.gather(*(each[0].take(f"client-{n}|model", bounds, f"l-{n}", 0) for n in range(100)))
    assert {usage.refused_by for usage in other} == {None}


async def test_redis_answers_as_memory_does(replicas):
    """The same requests, in any order, have the same answers from both."""
    chance = random.Random(7)  # noqa: S311
    (shared,), own = replicas(), MemoryCounters()
    bounds = Bounds(rate=1e-4, burst=40, concurrent=6, daily_bytes=2000)
    running = []
    for n in range(400):
        if running and chance.random() < 0.5:
            lease, size, day = running.pop(chance.randrange(len(running)))
            read = chance.randrange(-size, 20)
            own.give_back(KEY, lease, read, day)
            shared.give_back(KEY, lease, read, day)
            await ended(shared)
            continue
        size = chance.randrange(0, 100)
        ours, theirs = [await counters.take(KEY, bounds, f"lease-{n}", size) for counters in (own, shared)]
        assert theirs.refused_by == ours.refused_by
        assert (theirs.running, theirs.bytes_used, theirs.day) == (ours.running, ours.bytes_used, ours.day)
        assert theirs.level == pytest.approx(ours.level, abs=0.01)
        assert theirs.wait_seconds == pytest.approx(ours.wait_seconds, abs=100, rel=0.01)
        if ours.refused_by is None:
            running.append((f"lease-{n}", size, ours.day))
        if n == 200:
            bounds = Bounds(rate=1e-4, burst=90, concurrent=4, daily_bytes=3000)


async def test_never_more_than_burst_and_rate(replicas):
    """At full speed from two replicas, whatever the time between requests is."""
    each = replicas(2)
    bounds = Bounds(rate=200, burst=20)
    started, accepted, refused = time.monotonic(), 0, 0
    while refused < 200:
        usages = await asyncio.gather(*(counters.take(KEY, bounds, "lease", 0) for counters in each for _ in range(5)))
        accepted += sum(usage.refused_by is None for usage in usages)
        refused += sum(usage.refused_by is not None for usage in usages)
        assert accepted <= 20 + 200 * (time.monotonic() - started) + 1
    assert accepted >= 20


async def test_the_leases_of_a_dead_replica_end(replicas, stored):
    dead, alive = replicas(2, lease_seconds=0.3)
    bounds = Bounds(concurrent=2)
    for n in range(2):
        await dead.take(KEY, bounds, f"lease-{n}", 0)
    assert (await alive.take(KEY, bounds, "next", 0)).refused_by == "concurrent"
    until = time.monotonic() + 30
    while (await alive.take(KEY, bounds, "next", 0)).refused_by is not None:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_what_ended_frees_its_place_for_all(replicas):
    first, second = replicas(2)
    bounds = Bounds(concurrent=1)
    usage = await first.take(KEY, bounds, "lease", 0)
    assert (await second.take(KEY, bounds, "other", 0)).refused_by == "concurrent"
    first.give_back(KEY, "lease", 0, usage.day)
    await ended(first)
    assert (await second.take(KEY, bounds, "other", 0)).refused_by is None


async def test_a_client_that_hangs_up_while_it_is_counted_leaves_its_place(server, stored):
    ingress = IngressSettings(
        quotas={"default": {"concurrent_requests": 5}, "storage": "redis", "redis_url": server.url}
    )
    quotas = Quotas(lambda: ingress)
    await quotas.admit("a", "faq")
    asked = [asyncio.create_task(quotas.admit("a", "faq")) for _ in range(2)]
    while not quotas._redis._calls.calls_out:
        await asyncio.sleep(0)
    asked[0].cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await ended(quotas._redis)
    assert asked[0].cancelled()
    assert stored.zcard("ray-scoring:quotas:a|faq:running") == 2
    await quotas._redis.aclose()


async def test_every_key_ends_by_itself(replicas, stored):
    (counters,) = replicas(redis_prefix="mine", lease_seconds=10)
    limits = {"rate": Bounds(10, 20), "running": Bounds(concurrent=3), "day": Bounds(10, 20, 3, 1000)}
    for name, bounds in limits.items():
        usage = await counters.take(name, bounds, "lease", 5)
        counters.give_back(name, "other", 5 if bounds.daily_bytes else 0, usage.day)
    await ended(counters)
    keys = {key: stored.ttl(key) for key in stored.keys("*")}
    assert sorted(keys) == sorted(f"mine:quotas:{key}" for key in ("rate", "running:running", "day", "day:running"))
    assert all(seconds > 0 for seconds in keys.values())
    assert keys["mine:quotas:rate"] <= 3
    assert keys["mine:quotas:running:running"] <= 12


async def test_a_redis_that_forgot_the_script_gets_it_again(replicas, stored):
    (counters,) = replicas()
    await counters.take(KEY, Bounds(1, 5), "lease", 0)
    stored.script_flush()
    assert (await counters.take(KEY, Bounds(1, 5), "lease", 0)).level > 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def test_a_killed_redis_is_asked_again_now_and_then(replicas, server, caplog):
    clock = Clock()
    (counters,) = replicas(clock=clock, redis_retry_seconds=10)
    caplog.set_level(logging.WARNING, "ray.serve")
    asked = []
    send = counters._calls._send
    counters._calls._send = lambda *call: asked.append(call) or send(*call)
    bounds = Bounds(1, 100, 5)
    usage = await counters.take(KEY, bounds, "lease", 0)
    server.kill()
    asked.clear()
    for _ in range(20):
        with pytest.raises(CountersDown):
            await counters.take(KEY, bounds, "lease", 0)
        counters.give_back(KEY, "lease", 0, usage.day)
    assert len(asked) == 1
    assert counters.is_down
    clock.now += 10.5
    for _ in range(20):
        with pytest.raises(CountersDown):
            await counters.take(KEY, bounds, "lease", 0)
    assert len(asked) == 2
    server.start()
    with pytest.raises(CountersDown):
        await counters.take(KEY, bounds, "lease", 0)
    clock.now += 10.5
    assert (await counters.take(KEY, bounds, "lease", 0)).refused_by is None
    assert not counters.is_down
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "Redis does not count quotas (ConnectionError)" in told[0]
    assert told[1] == "Redis counts quotas again."
    assert "s3cret" not in caplog.text


async def test_a_redis_that_hangs_holds_nobody_up(replicas, server):
    clock = Clock()
    (counters,) = replicas(clock=clock, redis_timeout_seconds=0.05, redis_retry_seconds=10)
    bounds = Bounds(1, 100)
    warm = replicas(redis_timeout_seconds=5)[0]
    await warm.take(KEY, bounds, "lease", 0)
    server.freeze()
    try:
        found = await asyncio.gather(*(counters.take(KEY, bounds, "l", 0) for _ in range(50)), return_exceptions=True)
        assert {type(each) for each in found} == {CountersDown}
        assert counters.is_down
    finally:
        server.thaw()
    clock.now += 11
    until = time.monotonic() + 30
    while counters.is_down:
        assert time.monotonic() < until
        clock.now += 11
        try:
            await counters.take(KEY, bounds, "lease", 0)
        except CountersDown:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}", "redis://:wrong@127.0.0.1:{port}"])
async def test_a_wrong_password_is_as_no_redis_and_is_not_shown(server, caplog, url):
    counters = RedisCounters(url.format(port=server.port), QuotaSettings, lambda: 60)
    with pytest.raises(CountersDown) as raised:
        await counters.take(KEY, Bounds(1, 1), "lease", 0)
    assert "AuthenticationError" in caplog.text
    assert "wrong" not in caplog.text + repr(raised.value)
    await counters.aclose()


async def test_requests_go_on_or_not_while_redis_is_gone(server):
    settings = {
        "default": {"requests_per_second": 0.01, "burst": 2, "bytes_per_day": 100},
        "storage": "redis",
        "redis_url": server.url,
        "redis_retry_seconds": 0.05,
    }
    ingress = [IngressSettings(quotas=settings)]
    quotas = Quotas(lambda: ingress[0])
    admissions = [await quotas.admit("a", "faq", size=10) for _ in range(2)]
    with pytest.raises(QuotaExceeded):
        await quotas.admit("a", "faq")
    server.kill()
    for each in admissions:
        each.count(10)
        each.finish()
    assert (await quotas.admit("a", "faq")).headers == {}
    with pytest.raises(Unavailable):
        await quotas.admit("a", "faq", purpose="admin")
    ingress[0] = IngressSettings(quotas={**settings, "on_failure": {"scoring": "closed"}})
    with pytest.raises(Unavailable):
        await quotas.admit("a", "faq")
    assert quotas.store_is_down
    assert quotas.unchecked == {("faq", "open"): 1, ("faq", "closed"): 2}
    server.start()
    until = time.monotonic() + 30
    while quotas.store_is_down:
        assert time.monotonic() < until
        try:
            admission = await quotas.admit("a", "faq")
        except Unavailable:
            await asyncio.sleep(0.02)
    assert "ratelimit" in admission.headers
    assert PASSWORD not in repr(vars(quotas))
    await quotas._redis.aclose()
