"""Looks the packages of all locks up in OSV's database: scripts/audit [--database FILE] [--required]."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cluster.audit.database import ADDRESS, Finding, Unreachable, fetch, findings, shown
from cluster.audit.packages import Pin, pins_of
from cluster.audit.policy import Policy, read_policy
from cluster.images.source import repository
from deployments.errors import StartupError

DATABASE_VARIABLE = "SCORING_VULNERABILITIES"
POLICY = "cluster/vulnerability-policy.toml"


def audit(
    database: Annotated[
        str, typer.Option(envvar=DATABASE_VARIABLE, help="OSV's archive of PyPI: an address, or a file of it.")
    ] = ADDRESS,
    policy: Annotated[Path | None, typer.Option(help="What is accepted.", show_default=POLICY)] = None,
    required: Annotated[bool, typer.Option("--required", help="Fail where the database cannot be reached.")] = False,  # noqa: FBT002
) -> None:
    """Fail if a lock has a package with a known vulnerability that the policy does not accept."""
    root = repository()
    today = datetime.now(tz=UTC).date()
    accepted = read_policy(policy or root / POLICY)
    problems = [
        f"{rule.id} was accepted until {rule.until}: mend it, or say in {POLICY} until when it may stay ({rule.reason})"
        for rule in accepted.expired(today)
    ]
    pins = pins_of(sorted((root / "requirements").glob("*.txt")))
    try:
        found = findings(fetch(database), pins)
    except Unreachable:
        _tell_unreachable(database, len(pins))
        raise typer.Exit(int(bool(_told(problems)) or required)) from None
    open_ = [finding for finding in found if not accepted.accepts(finding.names, today)]
    problems += [_line(finding, pins) for finding in open_]
    _told([*problems, *_unneeded(accepted, found)])
    typer.echo(
        f"{len(pins)} packages: {len(open_)} known vulnerabilities, and {len(found) - len(open_)} accepted ones."
    )
    raise typer.Exit(int(bool(problems)))


def _line(finding: Finding, pins: dict[Pin, list[str]]) -> str:
    fix = f"; mended in {', '.join(finding.fixed_in)}" if finding.fixed_in else "; no version mends it yet"
    locks = ", ".join(pins[finding.pin])
    names = ", ".join(sorted(finding.names))
    return f"{finding.pin.name} {finding.pin.version} ({locks}): {names} {finding.summary}{fix}"


def _unneeded(policy: Policy, found: list[Finding]) -> list[str]:
    names = {name for finding in found for name in finding.names}
    rules = (rule.id for rule in policy.accepted if rule.id not in names)
    return [f"Note: {POLICY} accepts {rule}, which no locked package has." for rule in rules]


def _told(lines: list[str]) -> list[str]:
    for line in lines:
        typer.echo(line, err=True)
    return lines


def _tell_unreachable(database: str, packages: int) -> None:
    typer.echo(
        f"NOT AUDITED: the database of vulnerabilities cannot be fetched from {shown(database)}, so nothing is known "
        f"about the {packages} locked packages. Run scripts/audit where it can be reached, or bring the archive as a "
        f"file and set {DATABASE_VARIABLE} to its path.",
        err=True,
    )


if __name__ == "__main__":
    try:
        typer.run(audit)
    except StartupError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(os.EX_CONFIG)
