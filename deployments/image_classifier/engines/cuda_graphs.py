"""A network recorded as CUDA graphs: the CPU starts all of its layers with one call.

Without it, the CPU starts each of several hundred layers by itself, and at small batches the GPU waits for that.
A graph runs with one batch size on the same memory each time, so there is one for each of a few sizes, and a batch is
padded to the next of them. See "CUDA graphs" in PyTorch's notes on CUDA semantics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

# Before a graph is recorded, libraries must have chosen their kernels and taken their memory.
WARM_UP_RUNS = 3


@dataclass(frozen=True, slots=True)
class Recording:
    """A computation that can be repeated.

    Attributes:
        output: holds what the last repetition gave, until any recording is repeated.
        replay: repeats the computation on what its input holds now.
    """

    output: Tensor
    replay: Callable[[], None]


Recorder = Callable[[Callable[[], Tensor]], Recording]


def batch_sizes(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ... up to `most` (from 1), and `most` itself: no batch is padded to twice its size or more."""
    return tuple(sorted({most, *(1 << exponent for exponent in range(most.bit_length()))}))


def padded_size(count: int, sizes: tuple[int, ...]) -> int:
    """Return the smallest of the ascending sizes that holds so many images.

    Raises:
        ValueError: none does.
    """
    if count > sizes[-1]:
        raise ValueError(f"{count} images are more than {sizes[-1]}")
    return sizes[bisect_left(sizes, count)]


class RecordedNetwork:
    """Repeats a network that was recorded once for each batch size.

    Args:
        compute: the network; its answer for an image does not depend on the other images.
        inputs: (most images, height, width, 3) uint8 on the device; from here on its memory is the network's input.
        record: records a computation.

    Raises:
        RuntimeError: the network cannot be recorded, for want of memory for example.
    """

    def __init__(self, compute: Callable[[Tensor], Tensor], inputs: Tensor, record: Recorder) -> None:
        self._inputs = inputs
        self._sizes = batch_sizes(len(inputs))
        # The largest first: the others then find room in its memory.
        self._recordings = {size: record(partial(compute, inputs[:size])) for size in reversed(self._sizes)}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batch sizes that were recorded, ascending."""
        return self._sizes

    def __call__(self, images: Tensor) -> Tensor:
        """Run the network.

        Args:
            images: (n, height, width, 3) uint8 in pinned memory, n from 1 to the largest size; free to be changed
                when the result has been read.

        Returns:
            (n, classes) on the device; the next call overwrites it.
        """
        count = len(images)
        recording = self._recordings[padded_size(count, self._sizes)]
        # The rest still holds other images, whose answers nobody reads.
        self._inputs[:count].copy_(images, non_blocking=True)
        recording.replay()
        return recording.output[:count]


def cuda_recorder() -> Recorder:
    """Return what records CUDA graphs on the current device, all in one pool of memory."""
    pool = torch.cuda.graph_pool_handle()

    def record(run: Callable[[], Tensor]) -> Recording:
        _warm_up(run)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            output = run()
        return Recording(output, graph.replay)

    return record


def _warm_up(run: Callable[[], Tensor]) -> None:
    """Run on a stream of its own, as recording does."""
    current, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    with torch.cuda.stream(side):
        for _ in range(WARM_UP_RUNS):
            run()
    current.wait_stream(side)
