"""A file whose content is followed: what was last read well stays until there is better."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from deployments.ingress.access.private_files import UnsafeFile, read_private

logger = logging.getLogger("ray.serve")

StateT = TypeVar("StateT")

# A change holds on every replica within 5 seconds: a look each second, and no more than two until it has answered.
LOOK_SECONDS = 1.0
READ_SECONDS = 2.0


class Watched(Generic[StateT]):
    """Follows one file while requests come; without any, nothing is read.

    The file is read whole and compared, since times of files are too coarse on some file systems; it is small.

    Args:
        path: the file; it may not be there yet.
        parse: makes the state of its content; raises ValueError for content that is none.
        clock: seconds that only grow.
    """

    def __init__(
        self, path: Path, parse: Callable[[bytes], StateT], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._parse = parse
        self._clock = clock
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._content: bytes | None = None
        self._state: StateT | None = None
        self._trouble: str | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether there is a file, and nothing of it could ever be read."""
        return self._state is None and self._trouble is not None

    async def current(self) -> StateT | None:
        """Return the state, not older than a look and a read; None if there never was a file that could be read."""
        if self._clock() - self._looked_at >= LOOK_SECONDS:
            await self._look()
        return self._state

    async def _look(self) -> None:
        # One look for all requests that wait for it; none of them may cancel it.
        if self._looking is None:
            self._looking = asyncio.create_task(self._read())
        _, waiting = await asyncio.wait([self._looking], timeout=READ_SECONDS)
        if waiting:
            self._looked_at = self._clock()
            self._note("its file system does not answer")

    async def _read(self) -> None:
        try:
            content = await asyncio.to_thread(read_private, self._path)
            if content != self._content:
                self._state, self._content = self._parse(content), content
            self._note(None)
        except FileNotFoundError:
            self._note("it is gone" if self._state is not None else None)
        except UnsafeFile as error:
            self._note(str(error))
        except OSError as error:
            self._note(f"it cannot be read: {error.strerror}")
        except ValueError:
            # The message may hold parts of the content.
            self._note("its content is damaged")
        finally:
            self._looked_at = self._clock()
            self._looking = None

    def _note(self, trouble: str | None) -> None:
        if trouble != self._trouble and trouble is not None:
            kept = "what it held before stays in force" if self._state is not None else "nobody gets in by it"
            logger.error("%s: %s; %s.", self._path, trouble, kept)
        elif trouble != self._trouble:
            logger.warning("%s can be read again.", self._path)
        self._trouble = trouble
