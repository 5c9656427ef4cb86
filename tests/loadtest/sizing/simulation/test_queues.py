"""The simulation's parts against what queueing theory knows of them."""

import math
import random
import statistics

import pytest
import simpy

from loadtest.sizing.simulation.replicas import Replica, Router
from loadtest.sizing.simulation.stations import Machine, Worker

REQUESTS = 60_000
BATCHES = 30


def sojourns(worker_of, service, rate, *, seed, requests=REQUESTS):
    """Send requests at random times to what `worker_of(env)` returns, and time them, the first tenth aside."""
    env, rng, found = simpy.Environment(), random.Random(seed), []  # noqa: S311
    worker = worker_of(env)

    def arrivals():
        for _ in range(requests):
            yield env.timeout(rng.expovariate(rate))
            came = env.now
            worker.do(service(rng), lambda came=came: found.append(env.now - came))

    env.process(arrivals())
    env.run()
    return found[requests // 10 :]


def assert_mean(found, expected):
    """The expected mean lies within four standard errors, which batch means give, of the mean that was found."""
    size = len(found) // BATCHES
    means = [statistics.fmean(found[number * size : (number + 1) * size]) for number in range(BATCHES)]
    error = statistics.stdev(means) / math.sqrt(BATCHES)
    assert abs(statistics.fmean(found) - expected) < 4 * error, (statistics.fmean(found), expected, error)
    assert error < 0.1 * expected


def exponential(rng):
    return rng.expovariate(1)


def always(_rng):
    return 1.0


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_one_server_with_exponential_times_is_m_m_1(load):
    # W = 1 / (mu - lambda)
    assert_mean(sojourns(lambda env: Worker(Machine(env)), exponential, load, seed=1), 1 / (1 - load))


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_one_server_with_equal_times_is_m_d_1(load):
    # Pollaczek and Khinchin give half of rho over what is left, beside the service itself.
    assert_mean(sojourns(lambda env: Worker(Machine(env)), always, load, seed=2), 1 + load / (2 * (1 - load)))


@pytest.mark.parametrize(("servers", "load"), [(2, 0.7), (4, 0.8), (16, 0.9)])
def test_several_threads_are_m_m_c(servers, load):
    # W = 1 + C / (c (1 - rho)), with Erlang's C
    offered = servers * load
    full = offered**servers / math.factorial(servers) / (1 - load)
    waits = full / (sum(offered**k / math.factorial(k) for k in range(servers)) + full)
    expected = 1 + waits / (servers * (1 - load))
    found = sojourns(lambda env: Worker(Machine(env), servers), exponential, offered, seed=3)
    assert_mean(found, expected)


def test_many_processes_on_one_core_share_it():
    # Round robin in slices that are small beside the jobs is nearly processor sharing: W = x / (1 - rho), by job size.
    def workers(env):
        machine = Machine(env, 1)

        class Fresh:
            def do(self, seconds, then):
                Worker(machine).do(seconds, then)

        return Fresh()

    def short_or_long(rng):
        return 0.02 if rng.random() < 0.5 else 0.18

    found = sojourns(workers, short_or_long, 6, seed=4, requests=20_000)
    assert_mean(found, 0.1 / (1 - 0.6))


def test_two_random_choices_are_the_supermarket_model():
    # Many queues, the shorter of two: W = sum over i of lambda ** (2**i - 2) (Mitzenmacher 1996).
    load, queues = 0.9, 200
    expected = sum(load ** (2**i - 2) for i in range(1, 8))
    env, rng, found = simpy.Environment(), random.Random(5), []  # noqa: S311
    replicas = [Replica(Worker(Machine(env)), lambda _calls, _items: rng.expovariate(1)) for _ in range(queues)]
    router = Router(env, replicas, network=0.0, cache_seconds=-1.0, probe=0.0, mean_age=0.0, random=rng)

    def arrivals():
        for _ in range(80_000):
            yield env.timeout(rng.expovariate(load * queues))
            came = env.now
            router.send([lambda: None], lambda came=came: found.append(env.now - came))

    env.process(arrivals())
    env.run()
    assert statistics.fmean(found[20_000:]) == pytest.approx(expected, rel=0.05)


def test_a_router_that_knows_old_lengths_asks():
    env, rng = simpy.Environment(), random.Random(6)  # noqa: S311
    replicas = [Replica(Worker(Machine(env)), lambda _calls, _items: 1.0) for _ in range(2)]
    router = Router(env, replicas, network=0.5, cache_seconds=10.0, probe=0.25, mean_age=0.0, random=rng)
    done = []
    router.send([lambda: None], lambda: done.append(env.now))
    env.run()
    assert (done, router.asked) == ([2.0], 0)
    env.run(until=20)
    router.send([lambda: None], lambda: done.append(env.now))
    env.run()
    assert (done, router.asked) == ([2.0, 22.25], 1)
