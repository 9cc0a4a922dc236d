"""The price of one operator on a profiled machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fitwright.sizing.pricing.classes import Place, place_of
from fitwright.sizing.pricing.onnx_graph import onnx_places
from fitwright.sizing.pricing.profile import Profile
from fitwright.sizing.trace.program import Op
from fitwright.spec.device import BYTES_PER_VALUE

_MOST_WARM_ROWS = 1024
"""Products with more rows than this spend little on fetching weights."""


def price_op(
    op: Op, profile: Profile, engine: str = "torch", precision: str = "fp32", *, coldness: float = 1.0
) -> tuple[float, float]:
    """Seconds of one call of ``op``, and how many of them lie outside of what was measured.

    Args:
        op: of a torch trace; for ONNX Runtime it is translated to what its graph runs.
        precision: of the graph of ONNX Runtime; torch goes by the operator's dtype.
        coldness: share of the weights that come from memory and not from the last-level cache.
    """
    key = (op[:6], engine, precision, coldness)
    found: tuple[float, float] | None = profile.prices.get(key)
    if found is None:
        places = [(place_of(op), 1.0)] if engine == "torch" else onnx_places(op, precision)
        seconds = outside = 0.0
        for place, times in places:
            one_s, beyond = _look_up(op, place, profile, engine, coldness)
            seconds += one_s * times
            outside += one_s * times if beyond else 0.0
        found = profile.prices[key] = (seconds, outside)
    return found


def cold_share(ops: Iterable[Op], profile: Profile, engine: str, precision: str) -> float:
    """How much of a model's weights a step must fetch from memory: 0 (the last-level cache keeps them all) to
    1.

    Read off the measured time of reading blocks of growing size again and again, at the size of the weights
    of the step's matrix products; 1 where that was not measured.
    """
    stream = profile.surface("torch", "fp32", "stream")
    if stream is None or len(stream.cells) < 2:
        return 1.0
    per_byte = sorted((cell.at[0], cell.seconds / cell.at[0]) for cell in stream.cells)
    size = max(float(sum(_weight_bytes(op, engine, precision) for op in ops)), per_byte[0][0])
    warm_s = min(value for place, value in per_byte if place <= per_byte[-1][0] / 8)
    cold_s = per_byte[-1][1]
    if cold_s <= warm_s:
        return 1.0
    now_s = stream.price((size,)).seconds / size
    return round(min(1.0, max(0.0, (now_s - warm_s) / (cold_s - warm_s))), 2)


def name_weight_gradients(ops: list[Op]) -> list[Op]:
    """A training step's products that give gradients of weights renamed ``mm_tn``: their sum runs over the
    tokens.

    The tokens are the most frequent number of rows.
    """
    rows: Counter[int] = Counter()
    for op in ops:
        if op.family == "matmul" and op.dims[0] == 1:
            rows[op.dims[1]] += op.count
    if not rows:
        return ops
    tokens = rows.most_common(1)[0][0]
    return [
        op._replace(name="mm_tn") if op.name == "mm" and op.dims[3] == tokens != op.dims[1] else op
        for op in ops
    ]


def _weight_bytes(op: Op, engine: str, precision: str) -> float:
    if op.family != "matmul" or place_of(op).surfaces[-1] != "linear":
        return 0.0
    dtype = precision if engine == "onnxruntime" else op.dtype
    return op.dims[2] * op.dims[3] * BYTES_PER_VALUE.get(dtype, 4) * op.count


def _look_up(op: Op, place: Place, profile: Profile, engine: str, coldness: float) -> tuple[float, bool]:
    """The first surface there is, at the dtype or else in fp32; without any, as a copy of the operator's
    bytes."""
    for dtype in dict.fromkeys((place.dtype, "fp32")):
        for name in place.surfaces:
            surface = profile.surface(engine, dtype, name)
            if surface is None:
                continue
            priced = surface.price(place.at)
            seconds = priced.seconds
            warm = profile.surface(engine, dtype, "linear_warm") if name == "linear" else None
            if warm is not None and coldness < 1 and place.at[0] <= _MOST_WARM_ROWS:
                seconds = coldness * seconds + (1 - coldness) * min(seconds, warm.price(place.at).seconds)
            return seconds, priced.outside or dtype != place.dtype
    for name in ("copy", "add"):
        surface = profile.surface(engine, "fp32", name)
        if surface is not None:
            return surface.price((max(1.0, op.read_bytes + op.written_bytes),)).seconds, True
    return 0.0, True
