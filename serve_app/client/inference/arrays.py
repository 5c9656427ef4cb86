"""Arrays of NumPy, and of libraries whose arrays become NumPy's.

NumPy is imported when a caller gives an array or wants one: the client is installed without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serve_app.client.inference.datatypes import numpy_name
from serve_app.client.results import Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def is_array(value: Any) -> bool:
    """Whether a value is an array, a number of NumPy's, or a list of them."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return hasattr(value, "__array__")


def array_of(value: Any) -> NDArray[Any]:
    """Return a value as an array.

    Raises:
        ValueError: its rows differ in length.
    """
    import numpy as np

    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError("its rows differ in length") from None


def numbers_of(tensor: Tensor, value: Any) -> tuple[tuple[int, ...], bytes]:
    """Return the shape of an array, and its numbers in the tensor's datatype, row by row as little-endian bytes.

    Raises:
        ValueError: its numbers are none of that datatype; the message is the end of a sentence.
    """
    import numpy as np

    array, target = array_of(value), np.dtype(numpy_name(tensor.datatype))
    _check_type(array, target, tensor.datatype)
    if array.ndim == len(tensor.shape) - 1 and tensor.shape[0] in {-1, 1}:
        array = array[np.newaxis]
    if array.size == 0:
        raise ValueError("it is empty")
    return array.shape, array.astype(target).tobytes()


def from_bytes(datatype: str, content: bytes | memoryview, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array of numbers.

    Raises:
        ValueError: they are not as many as the shape says.
    """
    import numpy as np

    # A copy, which may be written to.
    return np.frombuffer(content, numpy_name(datatype)).reshape(shape).copy()


def from_list(values: list[Any], datatype: str | None, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array of elements; `datatype` is None for texts and other objects.

    Raises:
        ValueError: they are not as many as the shape says.
    """
    import numpy as np

    if datatype is not None:
        return np.array(values, numpy_name(datatype)).reshape(shape)
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)


def _check_type(array: NDArray[Any], target: np.dtype[Any], datatype: str) -> None:
    import numpy as np

    if (array.dtype.kind in "iu" and target.kind in "iuf") or (array.dtype.kind == target.kind):
        is_whole = target.kind in "iu"
        if is_whole and array.size and (array.min() < np.iinfo(target).min or array.max() > np.iinfo(target).max):
            raise ValueError(f"a value is outside of what {datatype} holds")
        return
    raise ValueError(f"its numbers are {array.dtype}")
