"""What every allocator model offers, and the replay of events through it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from fitwright.core.units import format_bytes

FREE = -1
"""In an event, the size that stands for "this slot is freed"."""


class OutOfMemory(Exception):
    """A request that the device cannot hold. A result of the estimate, not a failure of Fitwright.

    Attributes:
        size_bytes: what was asked for.
        allocated_bytes, reserved_bytes: what was in use and held at that moment, after all that could be
            given back was.
        capacity_bytes: what the device has.
    """

    def __init__(
        self, *, size_bytes: int, allocated_bytes: int, reserved_bytes: int, capacity_bytes: int
    ) -> None:
        self.size_bytes, self.capacity_bytes = size_bytes, capacity_bytes
        self.allocated_bytes, self.reserved_bytes = allocated_bytes, reserved_bytes
        super().__init__(
            f"{format_bytes(size_bytes)} more do not fit: {format_bytes(allocated_bytes)} allocated and "
            f"{format_bytes(reserved_bytes)} reserved of {format_bytes(capacity_bytes)}"
        )


class Allocator(Protocol):
    """Hands out memory for slots; a slot is a caller's name for one tensor's storage.

    ``allocated_bytes`` is what live tensors occupy, ``reserved_bytes`` what the allocator holds for them;
    both with their peaks since the start.
    """

    @property
    def allocated_bytes(self) -> int: ...

    @property
    def reserved_bytes(self) -> int: ...

    @property
    def peak_allocated_bytes(self) -> int: ...

    @property
    def peak_reserved_bytes(self) -> int: ...

    def allocate(self, slot: int, size_bytes: int) -> None:
        """A tensor of ``size_bytes`` (0 or more) comes to life; UsageError if the slot is in use."""

    def free(self, slot: int) -> None:
        """The tensor of ``slot`` dies; UsageError if there is none."""


class Replay(NamedTuple):
    """What a replay saw: its peaks in bytes, and the index of the event at which most was allocated."""

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    peak_event: int


def replay(events: Iterable[tuple[int, int]], allocator: Allocator) -> Replay:
    """Feed (slot, size in bytes) events to ``allocator``; size :data:`FREE` frees the slot.

    Returns:
        The allocator's peaks since it was made, and the index in ``events`` of the peak of allocated bytes,
        -1 where nothing exceeded what was allocated before.

    Raises:
        OutOfMemory: from an allocator with a capacity.
    """
    allocate, free = allocator.allocate, allocator.free
    highest, peak_event = allocator.peak_allocated_bytes, -1
    for index, (slot, size_bytes) in enumerate(events):
        if size_bytes == FREE:
            free(slot)
            continue
        allocate(slot, size_bytes)
        if allocator.allocated_bytes > highest:
            highest, peak_event = allocator.allocated_bytes, index
    return Replay(allocator.peak_allocated_bytes, allocator.peak_reserved_bytes, peak_event)
