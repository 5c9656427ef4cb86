"""What runs the network; the classifier knows no more of it than this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EngineName = Literal["torch", "openvino", "onnxruntime"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
Device = Literal["cpu", "cuda"]

# The files of a converted model, and the engine that runs each kind.
Kind = Literal["openvino", "onnx"]
RUNS: dict[Kind, EngineName] = {"openvino": "openvino", "onnx": "onnxruntime"}
KINDS: dict[EngineName, Kind] = {engine: kind for kind, engine in RUNS.items()}

Facts = dict[str, str | int | float]

# What `platform` says of each in the Open Inference Protocol.
PLATFORMS: dict[str, str] = {"torch": "pytorch", "openvino": "openvino", "onnxruntime": "onnxruntime"}


class Engine(Protocol):
    """Runs a network, from pixels to probabilities, on prepared images.

    An engine is loaded when it is made, and used by as many callers at a time as it has streams.

    Attributes:
        max_batch: images that go through the network at once, more are split; may be changed before `warm_up`.
    """

    max_batch: int

    @property
    def streams(self) -> int:
        """Callers that may use the engine at the same time, each on a thread of its own; 1 for most."""

    def warm_up(self) -> None:
        """Run the network once for each way in which it will be run, so that no request waits for a first time.

        Raises:
            RuntimeError: the library failed.
        """

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images.

        Args:
            batch: (n, height, width, 3) uint8, RGB; n is any number from 1.

        Returns:
            (n, classes) float32: softmax probabilities.

        Raises:
            RuntimeError: the library failed, for want of memory for example.
        """

    def describe(self) -> Facts:
        """Return facts for people: engine, its version, precision, device, threads, streams where there are several."""


@runtime_checkable
class GradCamEngine(Engine, Protocol):
    """An engine that can look into its network."""

    def grad_cam(self, image: NDArray[np.uint8], class_index: int) -> NDArray[np.float32] | None:
        """Tell where the network sees a class; about the price of an inference.

        Args:
            image: (height, width, 3) uint8, RGB.
            class_index: the class.

        Returns:
            (rows, columns) float32, 0 or more, of the network's last feature map; None where it has none.

        Raises:
            RuntimeError: the library failed.
        """
