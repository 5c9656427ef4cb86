"""`scoring loadtest soak`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from loadtest.configs import read_config
from loadtest.errors import BenchmarkError
from loadtest.generator import folder, soak
from loadtest.generator.arrivals import Step
from loadtest.generator.load_kinds import load_kinds
from loadtest.generator.options import Exit
from loadtest.generator.processes import Session
from loadtest.generator.run_command import Load, ended, target_for
from loadtest.generator.running import Target, check, run
from loadtest.generator.targets import serves
from loadtest.report import Report, show

# How the rate is found where none is given.
CLIENTS = 16
CLIENT_SECONDS = 20.0


def run_soak(
    load: Load,
    *,
    url: str | None,
    config: Path | None,
    server_pid: int | None,
    metrics_url: str,
    seconds: float,
    rate: float | None,
    share: float,
    warm_up: float | None,
    out: Path | None,
) -> int:
    """Soak, write the folder, show the verdict, and return the exit code."""
    console, into = Console(highlight=False), out or folder.default_folder("soak")
    before = soak.default_warm_up(seconds) if warm_up is None else warm_up
    with target_for(load, url, read_config(config) if url is None else {}, server_pid, metrics_url) as target:
        load = replace(load, texts=load.texts or default_mix(load, target))
        check(load.plan(target.url, [Step(rate=1, seconds=1)]), target)
        with load.session(console, rate=rate, clients=CLIENTS) as session:
            wanted = rate or share * _capacity(session, load, target, console)
            plan = load.plan(target.url, soak.steps_of(wanted, seconds, before))
            results = run(session, plan, target, title=f"Soak of {target.url}", settings={}, console=console)
    lines = soak.judge(results, before)
    results.verdict = soak.verdict_of(lines)
    code = ended(results, into, console)
    rows = [[line.what, line.found, line.wanted, "yes" if line.passed else "NO"] for line in lines]
    show(Report("Verdict", ["What", "Found", "Wanted", "Passed"], rows), json_file=None, markdown=False)
    return code or (0 if results.verdict["passed"] else Exit.NOT_PASSED)


def default_mix(load: Load, target: Target) -> list[str]:
    """Return scenarios for those models that a service has.

    Raises:
        BenchmarkError: it has none of them.
    """
    models = {kind: load.sources.model(kind) for kind in load_kinds()}
    mix = [text for kind, loads in load_kinds().items() if serves(target, models[kind]) for text in loads.soak]
    if not mix:
        raise BenchmarkError(
            f"The service has no model {' or '.join(models.values())}; name scenarios with --scenario, as infer:MODEL."
        )
    return mix


def _capacity(session: Session, load: Load, target: Target, console: Console) -> float:
    """What clients that wait for their answers get per second."""
    steps = [Step(rate=None, seconds=CLIENT_SECONDS / 4, warm_up=True), Step(rate=None, seconds=CLIENT_SECONDS)]
    plan = load.plan(target.url, steps, clients=CLIENTS)
    results = run(session, plan, target, title=f"What {CLIENTS} clients get", settings={}, console=console)
    answered = results.measured.counted[-1].answered_per_second
    if not answered:
        raise BenchmarkError("The service answered no request.")
    console.print(f"{CLIENTS} clients get {answered:,.1f} answers per second.")
    return answered
