"""Made-up machines whose every time is known, as profiles."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from fitwright.sizing.pricing.features import KINDS, Dims
from fitwright.sizing.pricing.profile import Profile
from fitwright.sizing.pricing.surface import Cell, Surface

FLOPS_PER_S = 1e11
BYTES_PER_S = 2e10
DISPATCH_S = 2e-6
ROWS = (1, 16, 128, 1024)
WEIGHTS = ((256, 256), (768, 768), (3072, 768), (768, 3072), (1024, 1024))


def linear_s(m: float, n: float, k: float) -> float:
    """Dispatch, the multiply-adds, and fetching an fp32 weight."""
    return DISPATCH_S + 2 * m * n * k / FLOPS_PER_S + 4 * n * k / BYTES_PER_S


def moved_s(size: float) -> float:
    return DISPATCH_S + size / BYTES_PER_S


def surface(kind: str, times: Mapping[Dims, float]) -> Surface:
    assert all(len(at) == len(KINDS[kind].axes) for at in times)
    return Surface(kind, tuple(Cell(at, seconds, 0.01) for at, seconds in times.items()))


def linear(factor: float = 1.0) -> Surface:
    return surface("matmul", {(m, n, k): factor * linear_s(m, n, k) for m, (n, k) in product(ROWS, WEIGHTS)})


def curve(factor: float = 1.0) -> Surface:
    return surface("bytes", {(size,): factor * moved_s(size) for size in (1e3, 1e5, 1e7)})


def profile(surfaces: Mapping[str, Surface] | None = None, **constants: float) -> Profile:
    """A machine with products and additions in fp32; constants by name, ``__`` for ``/``."""
    return Profile(
        key="made-up", device={"name": "made up", "kind": "cpu", "cores": 2, "threads": 2}, versions={},
        surfaces={"torch/fp32/linear": linear(), "torch/fp32/add": curve(), **(surfaces or {})},
        constants={name.replace("__", "/"): value for name, value in constants.items()},
        repeat_error=0.01, made_at="2026-11-21T00:00:00+00:00", seconds=1.0,
    )  # fmt: skip
