"""`scoring score image`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.errors import StartupError
from serve_app.score.connection import (
    DEFAULT_URL,
    SERVICE_REFUSED,
    JsonOption,
    KeyEnvOption,
    KeyFileOption,
    TimeoutOption,
    UrlOption,
    VersionOption,
    connected,
    sentence,
)

if TYPE_CHECKING:
    from serve_app.client import ScoringClient, ServiceError
    from serve_app.image.classifying import ImageOptions
    from serve_app.image.results import ImageResult

STANDARD_INPUT = "-"


def image(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Image files; - is standard input.")],
    top_k: Annotated[int, typer.Option(min=1, help="Classes to show for each image.")] = 3,
    explain: Annotated[bool, typer.Option("--explain", help="Tell where the network saw the class.")] = False,
    explain_class: Annotated[
        int | None, typer.Option(min=0, help="Index of the class to explain.", show_default="the most probable one")
    ] = None,
    heat_maps: Annotated[
        Path | None,
        typer.Option(help="Directory for the explanations' heat maps, as PNG files.", show_default=False),
    ] = None,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "image",
    version: VersionOption = None,
    as_json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    key_env: KeyEnvOption = None,
    key_file: KeyFileOption = None,
    timeout: TimeoutOption = 60,
) -> None:
    """Classify image files; one that is refused does not keep the others from their answers."""
    with connected(url, key_env, key_file, timeout) as client:
        _check(files)
        options: ImageOptions = {
            "top_k": top_k,
            "explain": explain or heat_maps is not None,
            "explain_class": explain_class,
            "model": model,
            "version": version,
        }
        show = _Shown(several=len(files) > 1, as_json=as_json, heat_maps=heat_maps)
        for file in files:
            _score(client, file, options, show)
    if show.refused:
        raise typer.Exit(SERVICE_REFUSED)


def _check(files: list[Path]) -> None:
    """Make sure that every file can be sent, before the first is.

    Raises:
        StartupError: one cannot.
    """
    for file in files:
        if str(file) != STANDARD_INPUT and not file.is_file():
            raise StartupError(f"{file} is no file: correct its path.")


def _score(client: ScoringClient, file: Path, options: ImageOptions, show: _Shown) -> None:
    from serve_app.client import BadRequest, PayloadTooLarge
    from serve_app.image.classifying import classify

    try:
        result = client.call(classify(_content(file), **options))
    except (BadRequest, PayloadTooLarge) as error:
        # It is about this image; anything else would be the same for the next.
        show.refusal(file, error)
    else:
        show.result(file, result)


def _content(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise StartupError(f"{file} cannot be read: {error.strerror or error}.") from None


class _Shown:
    """What the command prints.

    Attributes:
        refused: how many images the service refused.
    """

    def __init__(self, *, several: bool, as_json: bool, heat_maps: Path | None) -> None:
        self.refused = 0
        self._several = several
        self._as_json = as_json
        self._heat_maps = heat_maps
        self._warned = False

    def result(self, file: Path, result: ImageResult) -> None:
        """Print an image's classes, and write its heat map."""
        from serve_app.image.showing import image_json, show_classes
        from serve_app.score.showing import printable, warn_of_weights

        heat_map = self._write_heat_map(file, result)
        if not self._warned:
            warn_of_weights(result.origin)
            self._warned = True
        if self._as_json:
            typer.echo(image_json(str(file), result, heat_map))
            return
        if self._several:
            typer.echo(f"\n{printable(str(file))}")
        show_classes(result)
        if heat_map is not None:
            typer.echo(f"Wrote {printable(heat_map)}.")

    def refusal(self, file: Path, error: ServiceError) -> None:
        """Print why an image has no classes."""
        from serve_app.image.showing import error_json
        from serve_app.score.showing import printable

        self.refused += 1
        if self._as_json:
            typer.echo(error_json(str(file), error.code, error.detail))
        typer.echo(printable(f"{file}: {sentence(error)}"), err=True)

    def _write_heat_map(self, file: Path, result: ImageResult) -> str | None:
        if self._heat_maps is None or result.explanation is None:
            return None
        place = self._heat_maps / f"{'image' if str(file) == STANDARD_INPUT else file.name}.heat-map.png"
        try:
            self._heat_maps.mkdir(parents=True, exist_ok=True)
            place.write_bytes(result.explanation.heat_map)
        except OSError as error:
            raise StartupError(f"{place} cannot be written: {error.strerror or error}.") from None
        return str(place)
