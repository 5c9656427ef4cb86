"""Matches as a table for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from serve_app.score.showing import console, line, printable, told, without_nothing

if TYPE_CHECKING:
    from serve_app.faq.results import Explanation, FaqResult, Match

# Terms of a match that a table shows; JSON has all.
SHOWN_TERMS = 5


def show_matches(result: FaqResult) -> None:
    """Print the matches of a question."""
    if not result.matched:
        typer.echo("No match.")
    if result.matches:
        console().print(matches_table(result))


def matches_table(result: FaqResult) -> Table:
    """Return a row for each match, best first."""
    has_answers = any(match.answer is not None for match in result.matches)
    has_explanations = any(match.explanation is not None for match in result.matches)
    table = Table("Original", "Answer", box=None, pad_edge=False)
    table.add_column("Probability", justify="right")
    for name in (*(["Text"] if has_answers else []), *(["Why"] if has_explanations else [])):
        table.add_column(name, overflow="fold")
    for match in result.matches:
        row = [printable(str(match.id)), printable(str(match.answer_id)), f"{match.probability:.1%}"]
        row += [printable(match.answer or "")] if has_answers else []
        row += [_why(match)] if has_explanations else []
        table.add_row(*row)
    return table


def _why(match: Match) -> str:
    found: Explanation | None = match.explanation
    if found is None:
        return ""
    return ", ".join(f"{printable(term.text)} {term.weight:+.2f}" for term in found.terms[:SHOWN_TERMS])


def faq_json(question: str, result: FaqResult) -> str:
    """Return a line of JSON."""
    matches = [without_nothing(dataclasses.asdict(match)) for match in result.matches]
    for match, each in zip(result.matches, matches, strict=True):
        if match.explanation is not None:
            # Terms are pairs in the service's answers too.
            each["explanation"]["terms"] = [list(term) for term in match.explanation.terms]
    return line(question=question, matched=result.matched, matches=matches, **told(result.origin))
