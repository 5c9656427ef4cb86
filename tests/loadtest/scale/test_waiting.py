"""The stage that waits, and the applications that stand beside it."""

import asyncio
import time

import pytest

from deployments.contracts import Question
from deployments.scaling import ScalingSettings
from loadtest.in_process.waiting import WaitingReplica
from loadtest.payloads import question_payloads
from loadtest.scale.cluster import cluster, product_environment
from loadtest.scale.stages import WAITING, application, fixed, waiting_config
from loadtest.service import post

CALLS = ScalingSettings().call_limits()


async def test_a_replica_answers_one_request_after_the_other():
    replica = WaitingReplica(2, CALLS)
    started = time.monotonic()
    calls = [replica.score([Question("a"), Question("b")], [0.0, 0.0]) for _ in range(5)]
    replies = await asyncio.gather(*calls)
    # Never sooner; how much later is the machine's affair.
    assert time.monotonic() - started >= 10 * 0.002
    assert [len(reply.outcomes) for reply in replies] == [2] * 5
    assert replica.record_autoscaling_stats().popitem()[1] > 0


async def test_a_replica_that_does_not_wait_answers_at_once():
    replica = WaitingReplica(0, CALLS)
    reply = await replica.score([Question("a")], [0.0])
    assert reply.outcomes[0].result.probabilities == [1.0]
    assert (await replica.describe()).parameters["wait_ms"] == 0


@pytest.mark.integration
def test_the_waiting_application_and_bare_ones_answer_on_two_nodes():
    config = waiting_config(1, fixed(2, max_replicas_per_node=1), ingress=fixed(2, max_replicas_per_node=1))
    config["applications"] += [
        application(name, f"loadtest.scale.bare_apps:{name}", f"/{name}", {}) for name in ("one", "two")
    ]
    question = question_payloads(None)[0]
    with cluster(config, nodes=2, environment=product_environment()) as running:
        assert running.replicas[f"{WAITING}-1"] == running.replicas["ingress"] == [0, 1]
        assert running.targets["one"]
        assert sorted(running.doors) == [0, 1]
        for door in running.doors.values():
            for path in (WAITING, "one", "two"):
                answer, _ = post(f"{door}/{path}/score", question.content, question.content_type)
                assert answer["result"]
