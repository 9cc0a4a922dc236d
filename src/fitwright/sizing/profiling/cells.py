"""What one cell of a profile is, and where its tensors come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fitwright.core.optional import require
from fitwright.sizing.pricing.features import Dims
from fitwright.sizing.profiling.timing import Call

A = TypeVar("A")
B = TypeVar("B")
_LEAST_ARENA_BYTES = 128 * 2**20
_MOST_ARENA_BYTES = 512 * 2**20
_SEED_VALUES = 1 << 20
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True, kw_only=True)
class CellPlan:
    """A cell that will be measured.

    Attributes:
        surface: ``engine/precision/name``.
        kind: of the surface.
        at: coordinates.
        prepare: makes (refresh, call).
        divide: operators inside one call.
    """

    surface: str
    kind: str
    at: Dims
    prepare: Callable[[], tuple[Call, Call]]
    divide: float = 1.0

    @property
    def name(self) -> str:
        """For the progress bar, and to find the cell's timing."""
        return f"{self.surface} {'×'.join(f'{value:g}' for value in self.at)}"


def diagonal(first: Sequence[A], second: Sequence[B]) -> list[tuple[A, B]]:
    """All pairs, those of early members of both first: however few are taken, both are spread out."""
    ranked = ((i + j, i, j) for i in range(len(first)) for j in range(len(second)))
    return [(first[i], second[j]) for _, i, j in sorted(ranked)]


class Arena:
    """One block of random values that weights are cut from in turn, so that each is out of the caches when
    used.

    A model's weights pass through the caches once in a step, so they are cold every time; activations are
    warm, because the operator before has just written them. The block is four times the last-level cache.
    """

    def __init__(self, dtype: str, size_bytes: int | None = None, device: str = "cpu") -> None:
        torch = require("torch")
        self.dtype: Any = getattr(torch, DTYPES[dtype])
        width = torch.empty((), dtype=self.dtype).element_size()
        self.device = device
        self.size_bytes = size_bytes or arena_bytes()
        self._values = torch.empty(self.size_bytes // width, dtype=self.dtype, device=device)
        seed = (
            torch.rand(_SEED_VALUES, generator=torch.Generator().manual_seed(0))
            .sub_(0.5)
            .to(device, self.dtype)
        )
        for start in range(0, self._values.numel(), _SEED_VALUES):
            part = self._values[start : start + _SEED_VALUES]
            part.copy_(seed[: part.numel()])
        self._next = 0

    def weight(self, *shape: int) -> Any:
        """The next part of the block, as a tensor of that shape."""
        size = math.prod(shape)
        if size > self._values.numel():
            return self._values.repeat(-(-size // self._values.numel()))[:size].view(shape)
        if self._next + size > self._values.numel():
            self._next = 0
        found = self._values[self._next : self._next + size].view(shape)
        self._next += -(-size // 16) * 16  # keeps 64-byte alignment
        return found

    def activation(self, *shape: int) -> Any:
        """A fresh tensor of random values."""
        return self.weight(*shape).clone()


def arena_bytes(sizes: Mapping[str, int] | None = None) -> int:
    """Four times the largest cache that the system tells of, between 128 and 512 MiB."""
    largest = max((cache_sizes() if sizes is None else sizes).values(), default=0)
    return min(max(4 * largest, _LEAST_ARENA_BYTES), _MOST_ARENA_BYTES)


def cache_sizes(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> dict[str, int]:
    """Bytes of each data cache of the first core, as Linux tells (``L1d``, ``L2``, …); empty where it does
    not."""
    found: dict[str, int] = {}
    for entry in sorted(folder.glob("index*")):
        try:
            level = entry.joinpath("level").read_text().strip()
            kind = entry.joinpath("type").read_text().strip()
            size = entry.joinpath("size").read_text().strip()
        except OSError:
            continue
        if kind == "Instruction" or not size[:-1].isdigit() or size[-1] not in "KM":
            continue
        found[f"L{level}{'d' if kind == 'Data' else ''}"] = int(size[:-1]) * (
            1024 if size[-1] == "K" else 2**20
        )
    return found
