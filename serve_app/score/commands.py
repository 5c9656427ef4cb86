"""`scoring score`: any model by what it says of itself, and kinds of models by commands of their own.

A kind adds a command with its own look by an entry point of the group `scoring.score`: the name of the command, and a
function for Typer.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from serve_app.score.model_command import model

GROUP = "scoring.score"
MODEL = "model"


class ScoreGroup(TyperGroup):
    """Commands, and in place of a command the name of a model."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Take the first word for a model's name where no command is named so."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            return MODEL, self.commands[MODEL], args
        return super().resolve_command(ctx, args)


def score() -> None:
    """Ask a running service: `scoring score MODEL INPUT` asks any model; the commands are those of kinds of models.

    Exit codes: 0 answered; 1 refused; 2 wrong command line or file; 3 it may succeed later.
    """


def build() -> typer.Typer:
    """Return the commands, those of installed kinds after the one for any model."""
    commands = typer.Typer(cls=ScoreGroup, no_args_is_help=True, subcommand_metavar="MODEL|COMMAND [ARGS]...")
    commands.callback()(score)
    commands.command(MODEL)(model)
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        commands.command(entry.name)(entry.load())
    return commands


app = build()
