"""Changes of the models of a service: the config file first, then the service that runs from it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from deployments.errors import StartupError
from serve_app.applications import Content
from serve_app.config_file import config_of
from serve_app.models.config_text import ConfigText
from serve_app.table_changes import add_version, drop_applications, leave_out, make_default

Change = Callable[[Content], Any]


class Target(ABC):
    """What runs from a config file.

    Attributes:
        path: the config file.
    """

    path: Path

    def environment(self) -> Mapping[str, str]:
        """Return the variables that the config file may name."""
        return os.environ

    def failures(self) -> Mapping[str, str]:
        """Return why each version that cannot answer now does not, by `model/version`, as far as that is known."""
        return {}

    @abstractmethod
    def apply(self, text: bytes, note: str) -> Mapping[str, str]:
        """Have the service take over what the file says now, and wait until that is in force.

        Args:
            text: of the file.
            note: what has changed, in a few words.

        Returns:
            Why each version that cannot answer does not, by `model/version`.

        Raises:
            StartupError: the service did not take it over.
        """

    def restored(self, note: str) -> None:  # noqa: B027 - nothing to do for most
        """Take note that the file says again what it said before a change that was not taken over.

        Args:
            note: what was to change.
        """


class ModelChanges:
    """The changes that can be made.

    Args:
        target: what runs from the config file.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    def add(
        self,
        model: str,
        version: str,
        kind: str | None,
        settings: Mapping[str, Any],
        *,
        in_gateway: bool = False,
        default: bool = False,
    ) -> None:
        """Add a version; if it cannot be started, it is taken away again.

        Raises:
            StartupError: it cannot be added or started; the service is as it was before.
        """
        text = ConfigText(self._target.path)
        before = text.before
        title = f"{model}/{version}"
        add = partial(add_version, model=model, kind=kind, version=version, settings=settings, in_gateway=in_gateway)
        failed = self._make(text, add, f"{title} added")
        if title in failed:
            self._make(text, partial(leave_out, model=model, version=version), f"{title} left out")
            self._restore(text, before, f"{title} removed")
            raise StartupError(f"{failed[title].removesuffix('.')}. It was removed again.")
        if default:
            self.make_default(model, version)

    def remove(self, model: str, version: str | None) -> None:
        """Remove a version, or a model: first no request goes to it any more, then it ends.

        Raises:
            StartupError: there is no such version, or it is needed.
        """
        text = ConfigText(self._target.path)
        title = model if version is None else f"{model}/{version}"
        gone: list[str] = []
        self._make(text, lambda content: gone.extend(leave_out(content, model, version)), f"{title} left out")
        if gone:
            self._make(text, partial(drop_applications, names=gone), f"{title} removed")

    def make_default(self, model: str, version: str) -> None:
        """Make a version answer requests that name none.

        Raises:
            StartupError: there is no such version, or it does not answer.
        """
        if (why := self._target.failures().get(f"{model}/{version}")) is not None:
            raise StartupError(f"{why.removesuffix('.')}. The default stays as it is.")
        text = ConfigText(self._target.path)
        self._make(text, partial(make_default, model=model, version=version), f"{version} is the default of {model}")

    def _make(self, text: ConfigText, change: Change, note: str) -> Mapping[str, str]:
        before = text.before
        changed = text.changed(change)
        _check(changed, text.path, self._target.environment())
        text.write(changed)
        try:
            return self._target.apply(changed, note)
        except StartupError:
            # Nothing half applied: the file says again what it said before.
            text.write(before)
            self._target.restored(note)
            raise

    def _restore(self, text: ConfigText, before: bytes, note: str) -> None:
        text.write(before)
        self._target.apply(before, note)


def _check(text: bytes, path: Path, environment: Mapping[str, str]) -> None:
    config_of(yaml.safe_load(text), path.name, path).settings(environment)
