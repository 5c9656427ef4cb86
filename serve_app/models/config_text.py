"""A config file that is changed and keeps its comments, its order and its quotes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from deployments.errors import StartupError
from serve_app.applications import Content

# Lines are broken where the file breaks them.
_WIDTH = 4096


class ConfigText:
    """The text of a config file.

    Args:
        path: the file.

    Raises:
        StartupError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.before = path.read_bytes()
        except FileNotFoundError:
            raise StartupError(f"The config file {path} does not exist.") from None
        except OSError as error:
            raise StartupError(f"The config file {path} cannot be read: {error.strerror}.") from None

    def changed(self, change: Callable[[Content], Any]) -> bytes:
        """Return the text with a change made.

        Args:
            change: gets the content, and changes it in place.

        Raises:
            StartupError: the file is no YAML, or the change cannot be made.
        """
        yaml = _yaml()
        try:
            content = yaml.load(self.before)
        except (YAMLError, UnicodeDecodeError):
            raise StartupError(f"The config file {self.path} is not valid YAML.") from None
        change(content)
        written = io.BytesIO()
        yaml.dump(content, written)
        return written.getvalue()

    def write(self, text: bytes) -> None:
        """Write a text in place of the file's, whole or not at all.

        Raises:
            StartupError: it cannot be written, or somebody else has changed the file.
        """
        try:
            if self.path.read_bytes() != self.before:
                raise StartupError(f"{self.path} was changed by somebody else meanwhile; try again.")
            with NamedTemporaryFile(dir=self.path.parent, prefix=f".{self.path.name}.", delete=False) as partial:
                partial.write(text)
            Path(partial.name).chmod(self.path.stat().st_mode)
            Path(partial.name).replace(self.path)
        except OSError as error:
            raise StartupError(f"{self.path} cannot be written: {error.strerror}.") from None
        self.before = text


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    # `route_prefix:` with nothing behind it would read as if it had been forgotten.
    yaml.representer.add_representer(
        type(None), lambda made, _: made.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml
