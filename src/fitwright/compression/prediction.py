"""What a candidate will cost, before it is built: the sizing layer asked at the data's own lengths.

``latency-p50`` and ``latency-p95`` are the predicted times of one row of the median and of the
95th-percentile length; ``throughput`` is 32 rows over the time of a batch of 32 rows of the mean length.
Known error: the spread of times at equal length is left out of the 95th percentile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fitwright.compression.candidates import Candidate
from fitwright.sizing.compressed import predict_variant
from fitwright.sizing.corrections import Correction
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

THROUGHPUT_BATCH = 32

SPREADS: Mapping[str, float] = {
    "size": 1.02, "memory": 1.1, "latency-p50": 1.15, "latency-p95": 1.15, "throughput": 1.15,
}  # fmt: skip
"""Interval once a candidate of this engine and precision is measured: assumed, until residuals are kept."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens a row of the data at hand."""

    median: int
    p95: int
    mean: int

    @classmethod
    def of(cls, lengths: list[int]) -> Lengths:
        """From the token counts of some rows."""
        ordered, last = sorted(lengths), len(lengths) - 1
        return cls(
            median=ordered[len(ordered) // 2], p95=ordered[min(last, int(0.95 * len(ordered)))],
            mean=max(1, round(sum(ordered) / len(ordered))),
        )  # fmt: skip


def predict(
    candidate: Candidate,
    spec: ModelSpec,
    device: Device,
    lengths: Lengths,
    corrections: Mapping[str, Correction] | None = None,
    batch: int = 1,
) -> Record:
    """Predicted ``parameters``, ``size``, ``latency-p50``, ``latency-p95``, ``throughput`` and ``memory``.

    Args:
        candidate: the shape.
        spec: the source model.
        corrections: by quantity name, from a candidate of this engine and precision that was measured.
        batch: rows of a call for the latency.
    """

    def variant(rows: int, seq: int) -> Record:
        return predict_variant(
            spec, layers=candidate.layers, precision=candidate.precision, device=device,
            engine=candidate.engine, workload=Workload(batch=rows, seq=seq), seq_p95=max(seq, lengths.p95),
        )  # fmt: skip

    single, batched = variant(batch, lengths.median), variant(THROUGHPUT_BATCH, lengths.mean)
    names = ("parameters", "size", "memory", "latency-p50", "latency-p95")
    found: dict[str, Quantity] = {name: single[name] for name in names if single.get(name) is not None}
    if (throughput := batched.get("throughput")) is not None:
        found["throughput"] = throughput
    for name, correction in (corrections or {}).items():
        if name in found and found[name].origin == "estimated":
            found[name] = correction.apply(found[name])
    context = {
        "engine": candidate.engine, "precision": candidate.precision, "batch": batch, "device": device.name,
        "seq_median": lengths.median, "seq_p95": lengths.p95, "seq_mean": lengths.mean,
    }  # fmt: skip
    return Record(subject=candidate.name, quantities=found, context=context)


def learn(raw: Record, measured: Record) -> dict[str, Correction]:
    """Corrections from one candidate that was predicted (without corrections) and then measured."""
    learned = {}
    for name, spread in SPREADS.items():
        predicted, seen = raw.value(name), measured.value(name)
        if predicted and seen:
            source = f"measuring {raw.subject}"
            learned[name] = Correction(factor=seen / predicted, spread=spread, source=source)
    return learned


def favourable(predicted: Record) -> dict[str, float | None]:
    """The best that each prediction allows: the low end, or the high end of a throughput."""
    return {
        name: (q.high if name == "throughput" else q.low) if q.low is not None else q.value
        for name, q in predicted.quantities.items()
    }
