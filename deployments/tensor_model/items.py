"""What the ingress and a tensor model's stage hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.contracts import travels

if TYPE_CHECKING:
    from numpy.typing import NDArray


@travels
@dataclass(frozen=True, slots=True)
class TensorItem:
    """The inputs of one request.

    Attributes:
        inputs: arrays by name; those of BYTES hold objects: texts, bytes of files, or what JSON holds.
        parameters: by name, all of the signature's.
    """

    inputs: dict[str, NDArray[Any]]
    parameters: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """Size of the inputs, in bytes; objects count by their own length where they have one."""
        return sum(_size_of(array) for array in self.inputs.values())


@dataclass(slots=True)
class TensorResult:
    """The outputs for one request.

    Attributes:
        outputs: arrays by name, as the signature has them.
    """

    outputs: dict[str, NDArray[Any]]


def _size_of(array: NDArray[Any]) -> int:
    if array.dtype != object:
        return array.nbytes
    return sum(len(each) for each in array.flat if isinstance(each, bytes | str))
