"""`scoring loadtest run`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from loadtest.configs import Config
from loadtest.errors import BenchmarkError
from loadtest.generator import credentials, folder
from loadtest.generator.arrivals import Arrivals, Step, parse_steps
from loadtest.generator.examples import Service
from loadtest.generator.load_kinds import Sources
from loadtest.generator.options import Exit, address_of
from loadtest.generator.plan import Plan, Scenario
from loadtest.generator.processes import Crew, Session, default_workers, session
from loadtest.generator.results import Results
from loadtest.generator.running import Target, check, interval_of, run
from loadtest.generator.scenarios import scenarios
from loadtest.generator.summary import summary
from loadtest.generator.targets import running_target, started_target
from loadtest.report import show

# With a number of requests, the longest that a run may take.
MOST_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Load:
    """What the options of all commands say of what is sent and from where.

    Attributes:
        texts: scenarios as the user writes them.
        sources: of data, and names of models.
        bad: share of bad requests.
        arrivals: how requests follow each other.
        timeout: seconds of each request.
        seed: of the chance.
        workers: processes here; None for as many as make sense.
        remote_workers: of other machines.
        bind: where they find the master.
        key_file: holds the key.
        token_file: holds the token.
        check: whether to send one request of each scenario before.
    """

    texts: list[str]
    sources: Sources
    bad: float = 0.0
    arrivals: Arrivals = Arrivals.CONSTANT
    timeout: float = 60.0
    seed: int = 1
    workers: int | None = None
    remote_workers: int = 0
    bind: str = "127.0.0.1:0"
    key_file: Path | None = None
    token_file: Path | None = None
    check: bool = True

    def scenarios(self, url: str) -> list[Scenario]:
        """Build what is sent to a service."""
        service = Service(url, credentials.headers(self.key_file, self.token_file))
        return scenarios(self.texts, self.sources, with_bad=self.bad > 0, service=service)

    def plan(self, url: str, steps: list[Step], *, clients: int | None = None, requests: int | None = None) -> Plan:
        """Return a run of these scenarios."""
        return Plan(
            url=url,
            scenarios=self.scenarios(url),
            steps=steps,
            arrivals=self.arrivals,
            clients=clients,
            requests=requests,
            bad_share=self.bad,
            timeout_seconds=self.timeout,
            interval_seconds=1.0 if requests else interval_of(sum(step.seconds for step in steps)),
            seed=self.seed,
        )

    @contextmanager
    def session(self, console: Console, *, rate: float | None, clients: int | None) -> Iterator[Session]:
        """Start the generator's processes."""
        host, port = address_of(self.bind)
        local = default_workers(rate, clients) if self.workers is None else self.workers
        crew = Crew(local, self.remote_workers, host, port, self.key_file, self.token_file)

        def told(at: int) -> None:
            if self.remote_workers:
                console.print(f"Waiting for {self.remote_workers} workers on {host}:{at}.")

        with session(crew, told) as found:
            yield found


@contextmanager
def target_for(
    load: Load, url: str | None, config: Config, server_pid: int | None, metrics_url: str
) -> Iterator[Target]:
    """Give the service that runs at an address; without one, start one with a config.

    Raises:
        BenchmarkError: it cannot be started, or an address, process or file is not what it should be.
    """
    if url is not None:
        yield running_target(url, server_pid, metrics_url, load.key_file, load.token_file)
        return
    with started_target(config) as target:
        yield target


def run_load(
    load: Load,
    target: Target,
    *,
    rate: str | None,
    clients: int | None,
    requests: int | None,
    seconds: float,
    warm_up: float,
    out: Path | None,
) -> int:
    """Run, write the folder, show the summary, and return the exit code.

    Raises:
        BenchmarkError: options contradict each other, or nothing can be measured.
    """
    console = Console(highlight=False)
    steps = steps_of(rate, clients, requests, seconds, warm_up)
    plan = load.plan(target.url, steps, clients=clients, requests=requests)
    if load.check:
        check(plan, target)
    highest = None if rate is None else max(step.rate or 0.0 for step in steps)
    with load.session(console, rate=highest, clients=clients) as found:
        results = run(found, plan, target, title=f"Load on {target.url}", settings={}, console=console)
    return ended(results, out or folder.default_folder("loadtest"), console)


def steps_of(rate: str | None, clients: int | None, requests: int | None, seconds: float, warm_up: float) -> list[Step]:
    """Return the steps that options ask for.

    Raises:
        BenchmarkError: they contradict each other.
    """
    if (rate is None) == (clients is None):
        raise BenchmarkError(
            "Give either --rate, for requests at their own times, or --clients, which wait for answers."
        )
    if requests is not None and clients is None:
        raise BenchmarkError("--requests goes with --clients; with --rate, --seconds says how long.")
    if rate is None:
        steps = [Step(rate=None, seconds=seconds if requests is None else MOST_SECONDS)]
    else:
        steps = parse_steps(rate, seconds)
    return ([Step(rate=steps[0].rate, seconds=warm_up, warm_up=True)] if warm_up else []) + steps


def ended(results: Results, into: Path, console: Console) -> int:
    """Write and show results; returns the exit code."""
    folder.write(results, into)
    show(summary(results), json_file=None, markdown=False)
    console.print(f"Report: {into / folder.REPORT}", markup=False, soft_wrap=True)
    return 0 if results.is_valid else Exit.INVALID
