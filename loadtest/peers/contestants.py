"""Who is compared: each peer with one and two workers, and ours."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from loadtest.errors import BenchmarkError
from loadtest.peers.peers import JOINED, PEERS

OURS = "ours"
CONCURRENCY = {"faq": (1, 16, 64), "image": (1, 8, 32)}

# Which model object answers: one file for all, or the product's own FAQ matcher.
Object = Literal["same", "own"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server with one model.

    Attributes:
        server: a peer's name, or `ours`.
        model: `faq` or `image`.
        workers: processes that run the model; None for ours as it is by default.
        joined: whether requests may be joined; ours always joins those that wait.
        streams: images that one worker has at once; ours chooses that itself.
        object: what answers; `own` for ours only.
        is_alternative: with a setting that was not chosen.
    """

    server: str
    model: str
    workers: int | None
    joined: bool = False
    streams: int = 1
    object: Object = "same"
    is_alternative: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is this product."""
        return self.server == OURS

    @property
    def title(self) -> str:
        """For people."""
        if self.is_ours:
            return "Ours"
        title = PEERS[self.server].title
        if not self.is_alternative:
            return title
        return (
            f"{title}, {f'{self.streams} streams' if self.streams > 1 else 'joined' if self.joined else 'one by one'}"
        )

    @property
    def workers_text(self) -> str:
        """For people: by default ours adds a second replica of the ingress under load, if it has only the FAQ."""
        if self.workers is not None:
            return str(self.workers)
        return "default (1-2)" if self.model == "faq" else "default (1)"

    @property
    def batch(self) -> int:
        """Requests that may be joined."""
        return JOINED[self.model] if self.joined else 1


def contestants(
    *, only: Collection[str], models: Collection[str], workers: Sequence[int], alternatives: bool
) -> list[Contestant]:
    """Return who takes part, in the order of a round.

    Args:
        only: names of peers, `ours`; empty for all.
        models: `faq`, `image`.
        workers: of the peers, and replicas of ours.
        alternatives: also peers with settings that were not chosen.

    Raises:
        BenchmarkError: there is no such server.
    """
    if unknown := sorted(set(only) - {OURS, *PEERS}):
        raise BenchmarkError(f"There is no server named {unknown[0]}; there are {OURS}, {', '.join(PEERS)}.")
    found: list[Contestant] = []
    for model in CONCURRENCY:
        if model not in models:
            continue
        for name in PEERS:
            if not only or name in only:
                found += _peer(name, model, workers)
                found += _alternatives(name, model, workers) if alternatives else []
        if not only or OURS in only:
            found += _ours(model, workers)
    return found


def _peer(name: str, model: str, workers: Sequence[int]) -> list[Contestant]:
    joined = model in PEERS[name].joins
    return [Contestant(name, model, count, joined=joined) for count in workers]


def _alternatives(name: str, model: str, workers: Sequence[int]) -> list[Contestant]:
    peer = PEERS[name]
    found = []
    if model in peer.can_join:
        joined = model not in peer.joins
        found += [Contestant(name, model, count, joined=joined, is_alternative=True) for count in workers]
    if model == "image" and peer.can_stream and 1 in workers:
        found.append(Contestant(name, model, 1, streams=2, is_alternative=True))
    return found


def _ours(model: str, workers: Sequence[int]) -> list[Contestant]:
    # By default there is one image replica, so that one more row would say the same.
    counts = workers if model == "faq" else [count for count in workers if count > 1]
    same = [Contestant(OURS, model, count, joined=True) for count in (None, *counts)]
    if model == "image":
        return same
    return [*same, *(Contestant(OURS, model, count, joined=True, object="own") for count in (None, *counts[-1:]))]


def cells_of(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the concurrencies to measure by model.

    Args:
        names: as in `faq-16`; empty for all.

    Raises:
        BenchmarkError: there is no such cell.
    """
    every = {f"{model}-{count}": (model, count) for model, counts in CONCURRENCY.items() for count in counts}
    if unknown := [name for name in names if name not in every]:
        raise BenchmarkError(f"There is no cell named {unknown[0]}; there are {', '.join(every)}.")
    cells: dict[str, tuple[int, ...]] = {}
    for name, (model, count) in every.items():
        if not names or name in names:
            cells[model] = (*cells.get(model, ()), count)
    return cells
