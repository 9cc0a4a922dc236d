"""What would lower the memory of a workload, and by how much: the same estimate with one thing changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fitwright.core.errors import FitwrightError
from fitwright.sizing.interface import estimate
from fitwright.sizing.spreading import spreads
from fitwright.sizing.trace.obtain import can_trace
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

_LEAST_SAVED = 0.01
_LORA_RANK = 16
_LOWER: dict[str, str] = {"fp32": "bf16", "tf32": "bf16"}


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One change. ``option``: how to ask for it; ``saves_bytes``: of the process; ``costs``: in return."""

    change: str
    option: str
    saves_bytes: int
    process_bytes: int
    costs: str

    def as_json(self) -> dict[str, Any]:
        return {
            "change": self.change, "option": self.option, "saves_bytes": self.saves_bytes,
            "process_bytes": self.process_bytes, "costs": self.costs,
        }  # fmt: skip


def suggest(spec: ModelSpec, workload: Workload, device: Device, estimated: Record) -> tuple[Suggestion, ...]:
    """Changes that save at least 1 % of the process bytes of ``estimated``, the largest saving first.

    A change whose step has no trace is left out; the assumptions of ``estimated`` get a line that names it.
    """
    process_bytes = estimated.value("memory-process")
    if process_bytes is None:
        return ()
    found: list[Suggestion] = []
    untried: list[str] = []
    for change, option, costs, other in _changes(workload, device):
        try:
            record = estimate(spec, other, device)
        except FitwrightError:
            continue
        needed = record.value("memory-process")
        stands_in = any(str(line).startswith("no trace") for line in record.context["assumptions"])
        if stands_in:
            untried.append(change)
        if needed is None or stands_in or process_bytes - needed < _LEAST_SAVED * process_bytes:
            continue
        found.append(
            Suggestion(
                change=change, option=option, saves_bytes=round(process_bytes - needed),
                process_bytes=round(needed), costs=costs,
            )
        )  # fmt: skip
    if untried and not can_trace():
        estimated.context["assumptions"].append(
            f"not tried, because torch and transformers are not installed: {', '.join(untried)} "
            "(pip install 'fitwright[train]')"
        )
    found += [
        Suggestion(
            change=change,
            option=option,
            saves_bytes=saved,
            process_bytes=round(process_bytes) - saved,
            costs=costs,
        )
        for change, option, saved, costs in spreads(spec, workload, device, estimated)
        if saved >= _LEAST_SAVED * process_bytes
    ]
    return tuple(sorted(found, key=lambda s: -s.saves_bytes))


def _changes(workload: Workload, device: Device) -> Iterator[tuple[str, str, str, Workload]]:
    lower = _LOWER.get(workload.precision)
    if lower is not None and device.has_units_for(lower) is not False:
        yield (
            f"{lower} precision",
            f"--precision {lower}",
            "rounding; check the quality",
            replace(workload, precision=lower),
        )
    if workload.attention == "eager":
        yield "fused attention", "--attention fused", "nothing", replace(workload, attention="fused")
    if workload.mode == "train":
        yield from _training_changes(workload)
    else:
        if workload.precision not in ("int8", "int4"):
            yield (
                "int8 weights",
                "--precision int8",
                "some quality",
                replace(workload, precision="int8", casting=None),
            )
        if workload.batch > 1:
            half = workload.batch // 2
            yield "half the batch", f"--batch {half}", "throughput", replace(workload, batch=half)


def _training_changes(workload: Workload) -> Iterator[tuple[str, str, str, Workload]]:
    for parts in sorted({2, 4, workload.batch}):
        if parts > workload.accumulation and workload.batch % parts == 0:
            other = replace(workload, accumulation=parts)
            yield (
                f"batch in {parts} parts",
                f"--accumulation {parts}",
                "smaller products, somewhat slower",
                other,
            )
    if not workload.checkpointing:
        other = replace(workload, checkpointing=True)
        yield (
            "activation checkpointing",
            "--checkpointing",
            "one more forward pass, about a third more time",
            other,
        )
    if workload.optimiser.startswith("adamw") and workload.optimiser != "adamw-8bit":
        other = replace(workload, optimiser="adamw-8bit")
        yield "8-bit optimiser states", "--optimiser adamw-8bit", "rounding of the moments", other
    if workload.precision in ("bf16", "fp16") and workload.is_autocast:
        other = replace(workload, casting="pure")
        yield "weights in the lower precision", "--casting pure", "small updates are lost to rounding", other
    if workload.lora_rank is None:
        other = replace(workload, lora_rank=_LORA_RANK)
        yield (
            f"adapters of rank {_LORA_RANK}",
            f"--lora-rank {_LORA_RANK}",
            "some quality on hard tasks",
            other,
        )
