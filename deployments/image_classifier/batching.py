"""Calls that wait for the network are joined into batches.

A batch leaves as soon as a lane is free, with what waits by then: there is no timer, and who finds nothing running
never waits. Several callers' images share a batch, and one caller's images may take several.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.telemetry.instruments import BATCH_ITEMS

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]

# Runs the network on (n, height, width, 3) uint8; gives (n, classes) float32.
Infer = Callable[[Pixels], Probabilities]

# How long urgent work may find a lane busy with other work, where one image does not take longer. So it waits for one
# or two of them on a CPU, where a batch costs what its images cost one by one, and for many on a GPU.
BACKGROUND_SECONDS = 0.025


@dataclass(frozen=True, slots=True)
class Inferred:
    """What the network said of one call's images.

    Attributes:
        probabilities: (n, classes) float32, in the order of the images.
        queue_seconds: until the first of them went into the network.
        infer_seconds: from then until the last came out.
    """

    probabilities: Probabilities
    queue_seconds: float
    infer_seconds: float


class BatchRunner:
    """Runs the network for concurrent calls, of one event loop.

    Every call is answered exactly once: by its own result, its own error or its caller's cancellation. What waits is
    bounded by the callers alone: a replica has `max_ongoing_requests` calls at the most, of `max_items_per_call` images
    each. What a call that has ended leaves behind is dropped with the next batch.

    Work that is not urgent, such as explanations, runs while no urgent work waits, in batches of about
    `BACKGROUND_SECONDS`, and leaves one lane free where there are several.

    Args:
        infer: runs the network, on as many threads at once as there are lanes; RuntimeError where it fails.
        lanes: has a thread for each lane.
        count: of lanes.
        max_batch: images in a batch at the most.
    """

    def __init__(self, infer: Infer, lanes: Executor, *, count: int = 1, max_batch: int) -> None:
        self._infer = infer
        self._lanes = lanes
        self._count = count
        self._max_batch = max_batch
        self._urgent: deque[_Piece] = deque()
        self._background: deque[_Piece] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._out = 0
        self._background_out = 0
        self._background_batch = 1
        self._dispatch_is_scheduled = False

    async def infer(self, pixels: Pixels, *, urgent: bool = True) -> Probabilities:
        """Classify the images of one call; see `submit`."""
        return (await self.submit(pixels, urgent=urgent)).probabilities

    async def submit(self, pixels: Pixels, *, urgent: bool = True) -> Inferred:
        """Classify the images of one call, and tell how long that took.

        Args:
            pixels: (n, height, width, 3) uint8, n from 1, the same height and width in every call; not to be changed
                before the answer.
            urgent: whether a client waits for it; see the class.

        Raises:
            RuntimeError: the network failed on these images.
        """
        call = _Call(pixels)
        (self._urgent if urgent else self._background).append(_Piece(call, 0, len(pixels)))
        self._schedule()
        # A cancelled caller leaves pieces behind, which the next dispatch drops.
        return await call.answer

    def _schedule(self) -> None:
        """Dispatch after this turn of the event loop, so that calls of one turn share a batch."""
        if not self._dispatch_is_scheduled:
            self._dispatch_is_scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch_scheduled)

    def _dispatch_scheduled(self) -> None:
        self._dispatch_is_scheduled = False
        self._dispatch()

    def _dispatch(self) -> None:
        _drop_unwanted(self._urgent)
        _drop_unwanted(self._background)
        while self._urgent and (free := self._count - self._out):
            # An equal share for each free lane, so that none is idle while another has a long batch.
            share = -(-sum(map(len, self._urgent)) // free)
            self._start(_take(self._urgent, min(self._max_batch, share)), urgent=True)
        while self._background and not self._urgent and self._has_room_in_background():
            self._start(_take(self._background, self._background_batch), urgent=False)

    def _has_room_in_background(self) -> bool:
        return self._out < self._count and self._background_out < max(1, self._count - 1)

    def _start(self, batch: list[_Piece], *, urgent: bool) -> None:
        self._out += 1
        self._background_out += not urgent
        BATCH_ITEMS.observe(sum(map(len, batch)), ())
        # A fresh context: a batch serves many calls, and must not be traced as one of them.
        task = asyncio.get_running_loop().create_task(self._run(batch, urgent=urgent), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: list[_Piece], *, urgent: bool) -> None:
        loop = asyncio.get_running_loop()
        try:
            ran = await loop.run_in_executor(self._lanes, _ran, self._infer, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the calls of this batch get it
            self._failed(batch, error, urgent=urgent)
        else:
            self._learn(ran)
            for piece, rows in zip(batch, ran.rows, strict=True):
                piece.call.settle(piece.start, rows, ran.started, ran.ended)
        finally:
            self._out -= 1
            self._background_out -= not urgent
            # At once: the lane is idle until then.
            self._dispatch()

    def _failed(self, batch: list[_Piece], error: Exception, *, urgent: bool) -> None:
        """Give the error to the one call of a batch; have several run apart, where each gets its own."""
        calls = {id(piece.call): piece.call for piece in batch}
        if len(calls) == 1:
            batch[0].call.fail(error)
            return
        for piece in batch:
            piece.is_apart = True
        (self._urgent if urgent else self._background).extendleft(reversed(batch))

    def _learn(self, ran: _Ran) -> None:
        """Set the size of batches in the background by how long this one took."""
        images = sum(map(len, ran.rows))
        fitting = int(BACKGROUND_SECONDS * images / max(ran.ended - ran.started, 1e-9))
        self._background_batch = min(max(fitting, 1), self._max_batch)


class _Call:
    """One caller's images, until all have their answer."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.arrived = time.perf_counter()
        self.answer: asyncio.Future[Inferred] = asyncio.get_running_loop().create_future()
        self._missing = len(pixels)
        self._parts: dict[int, Probabilities] = {}
        self._started = float("inf")
        self._ended = 0.0

    def settle(self, start: int, rows: Probabilities, started: float, ended: float) -> None:
        """Take the answers to the images from one on; the last completes the call."""
        self._parts[start] = rows
        self._missing -= len(rows)
        self._started, self._ended = min(self._started, started), max(self._ended, ended)
        if self._missing == 0 and not self.answer.done():
            together = np.concatenate([self._parts[place] for place in sorted(self._parts)])
            self.answer.set_result(Inferred(together, self._started - self.arrived, self._ended - self._started))

    def fail(self, error: Exception) -> None:
        """End the call with an error; what of it still waits is not run."""
        if not self.answer.done():
            self.answer.set_exception(error)


class _Piece:
    """Images of one call that go into the network together, those from `start` to `stop`."""

    __slots__ = ("call", "is_apart", "start", "stop")

    def __init__(self, call: _Call, start: int, stop: int, *, is_apart: bool = False) -> None:
        self.call = call
        self.start = start
        self.stop = stop
        self.is_apart = is_apart

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def is_wanted(self) -> bool:
        return not self.call.answer.done()

    @property
    def pixels(self) -> Pixels:
        return self.call.pixels[self.start : self.stop]

    def cut(self, count: int) -> _Piece:
        """Return the first images as a piece of their own, and keep the others."""
        first = _Piece(self.call, self.start, self.start + count, is_apart=self.is_apart)
        self.start += count
        return first


@dataclass(frozen=True, slots=True)
class _Ran:
    rows: list[Probabilities]
    started: float
    ended: float


def _drop_unwanted(queue: deque[_Piece]) -> None:
    wanted = [piece for piece in queue if piece.is_wanted]
    if len(wanted) < len(queue):
        queue.clear()
        queue.extend(wanted)


def _take(queue: deque[_Piece], most: int) -> list[_Piece]:
    """Take what leaves as one batch: whole pieces, the last perhaps cut; or one that runs apart."""
    batch: list[_Piece] = []
    room = most
    while queue and room and not (batch and queue[0].is_apart):
        piece = queue[0].cut(room) if len(queue[0]) > room else queue.popleft()
        batch.append(piece)
        room -= len(piece)
        if piece.is_apart:
            break
    return batch


def _ran(infer: Infer, batch: list[_Piece]) -> _Ran:
    """Run one batch; called on a lane's thread."""
    started = time.perf_counter()
    pixels = batch[0].pixels if len(batch) == 1 else np.concatenate([piece.pixels for piece in batch])
    probabilities = infer(pixels)
    if len(probabilities) != len(pixels):
        raise RuntimeError(f"The network gave {len(probabilities)} answers to {len(pixels)} images.")
    ends = np.cumsum([len(piece) for piece in batch])
    return _Ran(np.split(probabilities, ends[:-1]), started, time.perf_counter())
