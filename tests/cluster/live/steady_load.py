"""Requests at a constant rate while something happens to a cluster, and what became of each."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.open_loop import CLOSED, NO_ANSWER, Generator, Timed
from loadtest.overload_figures import percentile
from loadtest.payloads import Payload, photo_payloads, question_payloads
from serve_app.client import ClientError, Keys, ScoringClient
from serve_app.faq.asking import ask

# So many a second; a client waits for none of the answers before it sends the next request.
FAQ_RATE = 20.0
IMAGE_RATE = 2.0
RETRYING_RATE = 2.0
# Before something happens, and after it has.
LEAD_SECONDS = 5.0
AFTER_SECONDS = 15.0
# None waits for another's answer, so that a service that hangs is asked all the same.
CLIENTS = 4000
KINDS = {NO_ANSWER: "no answer", CLOSED: "kept connection closed"}
LONGEST_SECONDS = 3600.0
FULL_SECONDS = 300


@dataclass
class Outcome:
    """What became of the requests of one load.

    Attributes:
        event: what happened meanwhile.
        seconds: how long the load was.
        event_seconds: how long it took until all was as before.
        sent: requests of the client that does not retry.
        failures: how many of them failed, by HTTP status, or by how the connection failed (`loadtest.open_loop`).
        failed_at: when they were sent, in seconds since the event began.
        median, p99, longest: time until the answers, in milliseconds.
        retrying: calls of the client that retries, and how many of them failed.
        retrying_longest: of those calls, in milliseconds.
    """

    event: str
    seconds: float = 0
    event_seconds: float = 0
    sent: int = 0
    failures: Counter = field(default_factory=Counter)
    failed_at: list = field(default_factory=list)
    median: float = 0
    p99: float = 0
    longest: float = 0
    retrying: int = 0
    retrying_failed: list = field(default_factory=list)
    retrying_longest: float = 0

    @property
    def failed(self) -> int:
        return self.failures.total()

    def is_explained(self) -> bool:
        """Whether no call of the retrying client failed, and of the others very few in ways that clients must expect.

        HTTP lets a server close a kept connection while the next request is on its way. And 503 is what the service
        says when it has more than it can take: a node of few cores that starts other pods may stand still for seconds.
        """
        expected = self.failures[CLOSED] + self.failures[503]
        return self.failed == expected and expected <= max(2, self.sent / 200) and not self.retrying_failed

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} x {KINDS.get(status, status)}" for status, count in self.failures.items())
        return (
            f"{self.event}: {self.failed} of {self.sent} requests failed{f' ({kinds})' if kinds else ''} in "
            f"{self.seconds:.0f} s{self._when()}; "
            f"median {self.median:.0f}, p99 {self.p99:.0f}, longest {self.longest:.0f} ms; "
            f"retrying client: {len(self.retrying_failed)} of {self.retrying} failed, longest "
            f"{self.retrying_longest:.0f} ms; it took {self.event_seconds:.0f} s"
        )

    def _when(self) -> str:
        return f", sent {self.failed_at[0]:.1f} to {self.failed_at[-1]:.1f} s after it began" if self.failed_at else ""

    def row(self) -> str:
        """Return it as a row of a table, as docs/benchmarks.md has it."""
        kinds = ", ".join(f"{count} {KINDS.get(status, status)}" for status, count in self.failures.items())
        return (
            f"| {self.event} | {self.event_seconds:.0f} | {self.sent:,} | {self.failed}{f': {kinds}' if kinds else ''} "
            f"| {self.median:.0f} / {self.p99:.0f} / {self.longest:,.0f} "
            f"| {len(self.retrying_failed)} of {self.retrying} | {self.retrying_longest:,.0f} |"
        )

    def as_json(self) -> str:
        return json.dumps({**vars(self), "failures": dict(self.failures)})


#: Of all loads of this run.
outcomes: list[Outcome] = []

HEAD = """| Event | Took, s | Requests | Failed | p50 / p99 / longest, ms | Retrying client: failed | Longest call, ms |
| --- | --- | --- | --- | --- | --- | --- |"""


class _Retrying(threading.Thread):
    """Asks with the product's own client, which repeats what may be repeated."""

    def __init__(self, url: str, keys: Keys) -> None:
        super().__init__()
        self.ended = threading.Event()
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self._url, self._keys = url, keys

    def run(self) -> None:
        with ScoringClient(self._url, credentials=self._keys) as client:
            while not self.ended.wait(1 / RETRYING_RATE):
                begun = time.monotonic()
                try:
                    client.call(ask("Another program uses port 8000"))
                except ClientError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")
                self.seconds.append(time.monotonic() - begun)


def seconds_of_load() -> float:
    """Return how long each load lasts at the least."""
    return float(os.environ.get("SCORING_TRAFFIC_SECONDS", "30"))


def is_full() -> bool:
    """Whether this is the long form of the tests."""
    return seconds_of_load() >= FULL_SECONDS


@contextmanager
def steady_load(event: str, url: str, keys: Keys) -> Iterator[Outcome]:
    """Send requests of both models while the block runs, and for the least time."""
    outcome = Outcome(event)
    headers = {"x-api-key": keys.primary}
    images = Generator(headers)
    questions = Generator(headers)
    retrying = _Retrying(url, keys)
    begun = time.monotonic()
    running = [
        _begin(questions, f"{url}/faq/score", question_payloads(None), FAQ_RATE),
        _begin(images, f"{url}/image/score", photo_payloads(None), IMAGE_RATE),
    ]
    retrying.start()
    try:
        _go_on(LEAD_SECONDS)
        happens = time.time()
        yield outcome
        outcome.event_seconds = time.time() - happens
        _go_on(max(AFTER_SECONDS, begun + seconds_of_load() - time.monotonic()))
    finally:
        for generator in (questions, images):
            generator.end()
        retrying.ended.set()
        retrying.join()
        found = [each.result() for each in running]
        for generator in (questions, images):
            generator.stop()
    outcome.seconds = time.monotonic() - begun
    _count(outcome, [timed for each in found for timed in each], retrying, happens)
    print(f"\n{outcome}")


def _begin(generator: Generator, url: str, payloads: list[Payload], rate: float):
    return generator.paced(url, payloads, rate=rate, clients=CLIENTS, seconds=LONGEST_SECONDS)


def _go_on(seconds: float) -> None:
    """Let the load go on; the length of a measurement, which stands for no condition."""
    time.sleep(seconds)


def _count(outcome: Outcome, done: list[Timed], retrying: _Retrying, happens: float) -> None:
    outcome.sent = len(done)
    outcome.failed_at = sorted(round(each.due - happens, 1) for each in done if each.status != 200)
    outcome.failures = Counter(each.status for each in done if each.status != 200)
    outcome.median, outcome.p99 = percentile(done, 0.5), percentile(done, 0.99)
    outcome.longest = percentile(done, 1)
    outcome.retrying, outcome.retrying_failed = len(retrying.seconds), retrying.failed
    outcome.retrying_longest = 1000 * max(retrying.seconds, default=0)
    outcomes.append(outcome)
    if path := os.environ.get("SCORING_CLUSTER_REPORT"):
        with Path(path).open("a", encoding="utf-8") as report:
            report.write(outcome.as_json() + "\n")
