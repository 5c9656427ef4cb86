"""How many bytes of request bodies one replica of the ingress holds at once."""

from __future__ import annotations

from deployments.errors import Overloaded
from deployments.ingress.settings import Limits

# Bodies up to this size are not counted: their number is bounded, and large ones must not keep them out.
SMALL_BYTES = 64 * 1024


class BodyMemory:
    """Counts the bytes of bodies, from before they are read until their requests are answered.

    Args:
        limits: returns the ingress's settings.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes that are held now."""
        return self._held

    def take(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            Overloaded: that would be more than the settings allow.
        """
        if self._held + size > self._limits().body_memory_bytes:
            raise Overloaded("The bodies of other requests take all memory that there is for them; try again shortly.")
        self._held += size

    def give_back(self, size: int) -> None:
        """Count so many bytes less."""
        self._held -= size


class Held:
    """What one request holds of a memory; its body's reader says how much that must be."""

    __slots__ = ("_memory", "_size")

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._size = 0

    def cover(self, size: int) -> None:
        """Hold as much as a body of `size` bytes needs.

        Raises:
            Overloaded: there is not so much left.
        """
        if size > SMALL_BYTES and size > self._size:
            self._memory.take(size - self._size)
            self._size = size

    def release(self) -> None:
        """Hold nothing."""
        if self._size:
            self._memory.give_back(self._size)
            self._size = 0
