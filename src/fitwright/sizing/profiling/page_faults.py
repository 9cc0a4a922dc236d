"""Memory that the kernel maps anew at every allocation: glibc does so above a threshold of at most 32 MiB."""

from __future__ import annotations

import mmap
import statistics
from collections.abc import Iterator
from functools import partial

from fitwright.core.optional import require
from fitwright.sizing.pricing.surface import Surface
from fitwright.sizing.profiling.cells import CellPlan
from fitwright.sizing.profiling.timing import Call

_BLOCK_BYTES = (40 * 2**20, 80 * 2**20)
_THRESHOLD_BYTES = 32 * 2**20


def prime_heap() -> None:
    """Bring glibc's dynamic threshold to its end, so that blocks up to 32 MiB are reused from then on.

    Freeing a mapped block raises the threshold to its size (malloc.c, "dynamic mmap threshold"). A process
    that runs a model for a while is in that state.
    """
    torch = require("torch")
    torch.empty(_THRESHOLD_BYTES - 65536, dtype=torch.uint8).fill_(1)


def fault_cells() -> Iterator[CellPlan]:
    """Filling a block that was just mapped, unmapping included, against filling one that is there.

    The block is mapped by hand, because malloc would look for free space in its heap first. None where the
    system maps memory otherwise (Windows).
    """
    if not hasattr(mmap, "MAP_PRIVATE"):
        return
    for size in _BLOCK_BYTES:
        for name, prepare in (("fresh", _fresh), ("again", _again)):
            yield CellPlan(
                surface=f"torch/fp32/{name}", kind="bytes", at=(size,), prepare=partial(prepare, size)
            )


def fault_s_per_byte(fresh: Surface, again: Surface) -> float:
    """Seconds that a byte of newly mapped memory costs, unmapping included; never negative."""
    there = {cell.at: cell.seconds for cell in again.cells}
    costs = [(c.seconds - there[c.at]) / c.at[0] for c in fresh.cells if c.at in there]
    return max(0.0, statistics.median(costs)) if costs else 0.0


def _fresh(size_bytes: int) -> tuple[Call, Call]:
    torch = require("torch")

    def call() -> None:
        with mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
            view = torch.frombuffer(block, dtype=torch.uint8)
            view.fill_(1)
            del view

    return (lambda: None), call


def _again(size_bytes: int) -> tuple[Call, Call]:
    block = require("torch").empty(size_bytes, dtype=require("torch").uint8).fill_(1)
    return (lambda: None), (lambda: block.fill_(1))
