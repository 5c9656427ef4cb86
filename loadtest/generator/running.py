"""One run from its plan to its results: checked, driven, watched, judged."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from loadtest.errors import BenchmarkError
from loadtest.generator.plan import Plan, Request
from loadtest.generator.processes import Session
from loadtest.generator.progress import shown
from loadtest.generator.results import Results
from loadtest.generator.server_side import Processes, watched
from loadtest.generator.validity import reasons_of_run
from loadtest.machine import machine_line

# Rows of a run's series at most, so that hours take no more memory than minutes.
MOST_ROWS = 7200
CHECK_SECONDS = 60

_SAID_CHARACTERS = 300
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Target:
    """A service, and what is known of it beside its address.

    Attributes:
        url: its address, without a path.
        processes: finds its processes; None where they are on another machine.
        metrics_url: Prometheus text with Ray's metrics; empty to look for it among the processes.
        credentials: where key and token come from, in words.
        headers: key and token themselves, for what is asked before a run.
    """

    url: str
    processes: Processes | None = None
    metrics_url: str = ""
    credentials: str = "none"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def interval_of(seconds: float) -> float:
    """Return how long the intervals of a run's series are."""
    return float(max(1, -(-round(seconds) // MOST_ROWS)))


def run(
    session: Session,
    plan: Plan,
    target: Target,
    *,
    title: str,
    settings: Mapping[str, Any],
    console: Console,
    on_event: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Results:
    """Drive a plan, watch the server meanwhile, and judge the generator.

    Raises:
        BenchmarkError: the generator failed.
    """
    started = datetime.now(UTC)
    with shown(console, plan, title) as show, watched(target.processes, target.metrics_url, plan.seconds) as watch:

        def tell(event: Mapping[str, Any]) -> None:
            if event["event"] == "started":
                watch.begin()
            show(event)
            on_event(event)

        measured = session.run(plan, tell)
        watch.look()
    results = Results(
        title=title,
        machine=machine_line(),
        started=started.isoformat(timespec="seconds"),
        settings={**settings_of(plan), "credentials": target.credentials, "workers": measured.workers, **settings},
        measured=measured,
        server=watch.seen,
        reasons=reasons_of_run(measured),
    )
    if measured.stopped:
        results.notes.append("The run was ended before its time.")
    return results


def settings_of(plan: Plan) -> dict[str, Any]:
    """Return what a plan says, without its bodies."""
    steps = ", ".join(
        f"{'clients' if step.rate is None else f'{step.rate:g}/s'} for {step.seconds:g} s"
        + (" (warm-up)" if step.warm_up else "")
        for step in plan.steps
    )
    return {
        "url": plan.url,
        "scenarios": ", ".join(f"{each.name}={each.weight:g}" for each in plan.scenarios),
        "bodies": ", ".join(f"{each.name}: {len(each.requests)}" for each in plan.scenarios),
        "steps": steps,
        "arrivals": str(plan.arrivals) if plan.clients is None else f"{plan.clients} clients that wait for answers",
        "requests": plan.requests or "as many as there is time for",
        "bad requests": f"{plan.bad_share:.2%}",
        "timeout": f"{plan.timeout_seconds:g} s",
        "at most in flight": f"{plan.max_in_flight} per worker",
        "seed": plan.seed,
    }


def check(plan: Plan, target: Target) -> None:
    """Send the first request of each scenario, before any load.

    Raises:
        BenchmarkError: it is not answered as it should be.
    """
    for scenario in plan.scenarios:
        _check(target, scenario.name, scenario.requests[0])


def _check(target: Target, name: str, request: Request) -> None:
    body = request.body or None
    asked = urllib.request.Request(  # noqa: S310 - of http and https alone, as the options check
        target.url + request.path, body, {**request.headers, **target.headers}, method=request.method
    )
    try:
        with _OPENER.open(asked, timeout=CHECK_SECONDS) as response:
            response.read()
    except urllib.error.HTTPError as error:
        said = error.read(_SAID_CHARACTERS).decode("utf-8", "replace")
        hint = " Give a key with SCORING_KEY or --key-file." if error.code in {401, 403} else ""
        raise BenchmarkError(
            f"The service answers scenario {name} with {error.code}: {said}.{hint} --no-check runs all the same."
        ) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise BenchmarkError(f"Nothing answers at {target.url}: {reason}.") from None
