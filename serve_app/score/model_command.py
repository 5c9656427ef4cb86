"""`scoring score MODEL`: any model, by what it says of itself."""

from __future__ import annotations

from typing import Annotated

import typer

from serve_app.score.arguments import read_inputs, read_parameters
from serve_app.score.connection import (
    DEFAULT_URL,
    KeyEnvOption,
    KeyFileOption,
    TimeoutOption,
    UrlOption,
    VersionOption,
    connected,
)


def model(
    *,
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Rows of the model's only input: text, JSON for numbers, @FILE, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="An input by name; several times for several inputs."),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the model; may be given several times."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output", metavar="NAME", help="An output to show; may be given several times."),
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Send the model's own example.")] = False,
    version: VersionOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as the service sends it.")] = False,
    url: UrlOption = DEFAULT_URL,
    key_env: KeyEnvOption = None,
    key_file: KeyFileOption = None,
    timeout: TimeoutOption = 60,
) -> None:
    """Ask any model for its outputs, with what it says it takes."""
    from serve_app.client.inference.request import Asked, build, example_call
    from serve_app.score.showing import line, show_prediction, warn_of_weights

    if example and (values or inputs or parameters or outputs):
        raise typer.BadParameter("--example is a whole request: leave inputs, parameters and outputs out.")
    with connected(url, key_env, key_file, timeout) as client:
        description = client.describe(name, version=version)
        if example:
            call = example_call(description, version)
        else:
            asked = Asked(
                name,
                read_inputs(description, values or [], inputs or []),
                parameters=read_parameters(description, parameters or []),
                outputs=outputs,
                version=version,
            )
            call = build(description, asked)
        prediction = client.call(call)
    warn_of_weights(prediction.origin)
    if as_json:
        typer.echo(line(**prediction.answer))
    else:
        show_prediction(prediction)
