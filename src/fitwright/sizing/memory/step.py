"""Memory of one workload from a trace: allocated, reserved and process bytes, and their parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fitwright.sizing.allocators.caching import CachingAllocator
from fitwright.sizing.allocators.glibc import MMAP_THRESHOLD_AFTER_IMPORT_BYTES, GlibcHeap
from fitwright.sizing.memory import runtime
from fitwright.sizing.memory.holes import heap_use, holes_bytes
from fitwright.sizing.memory.optimisers import needs_of
from fitwright.sizing.memory.replay import Kept, Peak, Unmanaged, replay
from fitwright.sizing.trace.program import Trace
from fitwright.spec.device import BYTES_PER_VALUE, Device
from fitwright.spec.workload import Workload

PARTS = ("weights", "gradients", "optimiser", "activations", "logits", "kv_cache", "workspace", "context")
"""The breakdown's keys. ``activations`` include dropout masks and autocast's copies."""

_PART_OF_TAG = {"dropout_mask": "activations", "casts": "activations", "inputs": "activations"}
_QUANTISED_SCALES = 1.02


@dataclass(frozen=True, kw_only=True)
class StepMemory:
    """Bytes. ``reserved_bytes`` is ``None`` on a CPU, where it has no meaning.

    ``parts``: at the moment of the most allocated bytes; they add up to ``process_bytes`` where the allocator
    holds nothing back. ``instant``: which moment that is.
    """

    allocated_bytes: int
    reserved_bytes: int | None
    process_bytes: int
    process_low_bytes: int
    process_high_bytes: int
    parts: Mapping[str, int]
    instant: str


def measure(trace: Trace, workload: Workload, device: Device) -> StepMemory:
    """What ``workload`` needs on ``device``.

    The trace is replayed after weights and optimiser states, for a few steps, through CUDA's caching
    allocator or through glibc's heap. Known error: see ``benchmarks/sizing``; the heap's own peak differs
    from run to run.
    """
    kept = _kept(trace, workload, device)
    if device.kind == "cpu":
        return _on_cpu(trace, workload, kept)
    return _on_gpu(trace, workload, kept, device)


def kept_bytes(trace: Trace, workload: Workload, device: Device) -> int:
    """Weights and optimiser states: what no smaller batch saves."""
    kept = _kept(trace, workload, device)
    states = 0 if kept.optimiser is None else kept.optimiser.state_bytes
    return sum(kept.weights) + states


def _kept(trace: Trace, workload: Workload, device: Device) -> Kept:
    optimiser = None
    if workload.mode == "train":
        parameters = trace.trained or trace.parameters
        optimiser = needs_of(
            workload.optimiser, parameters, value_bytes=_weight_bytes(workload), gpu=device.kind != "cpu"
        )
    return Kept(weights=weights_of(trace, workload), optimiser=optimiser, accumulation=workload.accumulation)


def _on_cpu(trace: Trace, workload: Workload, kept: Kept) -> StepMemory:
    batch, seq = workload.micro_batch, workload.seq
    if workload.mode == "train":
        heap = _heap()
        peak = replay(trace, batch, seq, kept, heap)
        holes = heap.peak_resident_bytes - peak.allocated_bytes
        most = round(1.5 * holes)
    else:
        peak = replay(trace, batch, seq, kept, Unmanaged())
        holes, most = holes_bytes(heap_use(trace, batch, seq))
    resident = peak.allocated_bytes + runtime.LIBRARIES_BYTES
    spread = round(runtime.LIBRARIES_SPREAD * runtime.LIBRARIES_BYTES)
    return StepMemory(
        allocated_bytes=peak.allocated_bytes, reserved_bytes=None, process_bytes=resident + holes,
        process_low_bytes=resident - spread, process_high_bytes=resident + most + spread,
        parts=_parts(peak, workspace=holes, context=runtime.LIBRARIES_BYTES), instant=_instant(peak),
    )  # fmt: skip


def _heap() -> GlibcHeap:
    return GlibcHeap(mmap_threshold_bytes=MMAP_THRESHOLD_AFTER_IMPORT_BYTES["transformers"])


def _on_gpu(trace: Trace, workload: Workload, kept: Kept, device: Device) -> StepMemory:
    cache = CachingAllocator()
    workspace = runtime.workspace_bytes(device)
    cache.allocate(-1, workspace)
    peak = replay(trace, workload.micro_batch, workload.seq, kept, cache)
    context, low, high = runtime.CONTEXT_BYTES
    reserved = cache.peak_reserved_bytes
    return StepMemory(
        allocated_bytes=cache.peak_allocated_bytes, reserved_bytes=reserved, process_bytes=reserved + context,
        process_low_bytes=cache.peak_allocated_bytes + low, process_high_bytes=round(reserved * 1.05) + high,
        parts=_parts(peak, workspace=workspace, context=context), instant=_instant(peak),
    )  # fmt: skip


def _parts(peak: Peak, *, workspace: int, context: int) -> dict[str, int]:
    found = dict.fromkeys(PARTS, 0)
    for tag, size in peak.parts.items():
        found[_PART_OF_TAG.get(tag, tag)] += size
    return {**found, "workspace": workspace, "context": context}


def _instant(peak: Peak) -> str:
    return f"{peak.phase}, at {peak.made_by.lstrip('_')}" if peak.made_by else peak.phase


def _weight_bytes(workload: Workload) -> int:
    return 2 if workload.precision in ("bf16", "fp16") and not workload.is_autocast else 4


def weights_of(trace: Trace, workload: Workload) -> Sequence[int]:
    """Bytes of each weight and of the buffers. Whole-number precisions keep vectors in fp32, add scales."""
    value_bytes = float(_weight_bytes(workload))
    found: list[int] = []
    for shape, count in trace.parameters:
        size = math.prod(shape)
        per_value = value_bytes
        if workload.precision in ("int8", "int4") and len(shape) > 1:
            per_value = BYTES_PER_VALUE[workload.precision] * _QUANTISED_SCALES
        found += [round(size * per_value)] * count
    return [*found, trace.buffer_bytes]
