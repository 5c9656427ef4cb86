"""Compilation to machine code, kept between processes: the first one takes seconds, the others load what it made."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba
from numba.core import config

from deployments.cache_root import cache_root

P = ParamSpec("P")
R = TypeVar("R")


def _is_kept() -> bool:
    """Whether compiled code can be kept; also tells Numba where."""
    directory = cache_root("numba")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    config.CACHE_DIR = str(directory)  # type: ignore[attr-defined] # set from the environment, at run time
    return os.access(directory, os.W_OK)


_KEPT = _is_kept()


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a function of arrays and numbers when it is first called.

    It runs without the interpreter's lock and does not check bounds: callers do. Sums may be reordered to be computed
    several terms at a time.
    """
    compile_: Callable[[Callable[P, R]], Callable[P, R]] = numba.njit(
        cache=_KEPT, nogil=True, fastmath={"contract", "reassoc"}, boundscheck=False
    )
    return compile_(function)
