"""How many requests begin in one turn of the event loop.

An event loop gives everything that is ready its turn before anything gets its next. A request that is accepted needs a
dozen such turns until its answer is back from the stages, and one that is refused costs nearly as much of a turn as one
that is accepted. So with hundreds of clients that come again as soon as they are refused, turns of a fifth of a second
would leave nothing for answers and health checks. Here only a few requests begin in each turn; the others wait in the
order in which they came, while what has begun gets on.
"""

from __future__ import annotations

import asyncio
from collections import deque

from deployments.stage_load import StageLoad

# Some 2 ms of work. Fewer would let turns with nothing else to do go by; with 16 clients hardly one ever waits.
MOST_IN_A_TURN = 8


class Turnstile:
    """Lets requests begin; one for each event loop.

    Args:
        load: averages the requests that wait here.
        most: requests that begin in one turn.
    """

    def __init__(self, load: StageLoad, most: int = MOST_IN_A_TURN) -> None:
        self._load = load
        self._most = most
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def may_enter(self) -> bool:
        """Whether a request may begin at once, and then it has begun; else it must `wait`."""
        if self._begun == 0:
            asyncio.get_running_loop().call_soon(self._turn)
        if self._begun < self._most:
            self._begun += 1
            return True
        return False

    async def wait(self) -> None:
        """Return when the request may begin."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._load.begin()
        try:
            await place
        finally:
            self._load.end()

    async def enter(self) -> None:
        """Return when the request may begin: at once, unless more come than begin in one turn."""
        if not self.may_enter():
            await self.wait()

    def _turn(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._most:
            place = self._waiting.popleft()
            # Who hung up meanwhile has no turn.
            if not place.done():
                place.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._turn)
