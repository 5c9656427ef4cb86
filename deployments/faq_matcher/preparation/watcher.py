"""Whom long work tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Follows one pass after the other."""

    def begin(self, title: str, total: int | None = None) -> None:
        """A pass begins; the one before has ended.

        Args:
            title: what is done.
            total: bytes to read; None where nobody knows how long it takes.
        """

    def advance(self, amount: int) -> None:
        """The pass goes on, by so many bytes; called often, with 0 where there is no total."""


class NoWatcher:
    """Watches nothing."""

    def begin(self, title: str, total: int | None = None) -> None:
        """Does nothing."""

    def advance(self, amount: int) -> None:
        """Does nothing."""
