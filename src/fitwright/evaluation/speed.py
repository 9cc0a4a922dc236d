"""Latency and throughput of several engines in one run, on the same rows, in turns.

Two figures are comparable only when the machine was in the same state. So every round runs every engine once,
in a fresh random order, on the same batches. An engine keeps its turn for a whole pass: switching after each
batch would push one model's weights out of the cache for the next, and slow the small ones most.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress, Silent
from fitwright.engines.interface import Engine
from fitwright.evaluation.batches import PassBatches, Rows
from fitwright.evaluation.contest import (
    Clock,
    Contestant,
    Samples,
    affordable_rows,
    gather,
    no_garbage_collection,
    prepare,
    take_turn,
    turns,
)
from fitwright.metrics.intervals import percentile
from fitwright.spec.quantity import Quantity, Unit

THROUGHPUT_BATCH = 32
MIN_ROUNDS = 5
MAX_ROUNDS = 10
SECONDS = 6.0
MAX_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one engine answers, tokenising not counted.

    Attributes:
        latency_p50, latency_p95: seconds of one call at the asked batch; intervals by order statistics.
        throughput: rows a second in length-sorted batches of 32, median of the rounds.
        throughput_batch1: rows a second one by one, median of the rounds.
        latencies_s: every timed call, round after round.
        throughputs, throughputs_batch1: one value a round; equal indices are the same round in every engine.
    """

    latency_p50: Quantity
    latency_p95: Quantity
    throughput: Quantity
    throughput_batch1: Quantity
    latencies_s: tuple[float, ...]
    throughputs: tuple[float, ...]
    throughputs_batch1: tuple[float, ...]

    @property
    def quantities(self) -> dict[str, Quantity]:
        """By standard name."""
        return {
            "latency-p50": self.latency_p50, "latency-p95": self.latency_p95,
            "throughput": self.throughput, "throughput-batch1": self.throughput_batch1,
        }  # fmt: skip

    @property
    def samples(self) -> dict[str, list[float]]:
        """Raw measurements."""
        return {
            "latency_s": list(self.latencies_s), "throughput_per_s": list(self.throughputs),
            "throughput_batch1_per_s": list(self.throughputs_batch1),
        }  # fmt: skip


def measure_speed(
    engines: Mapping[str, Engine],
    token_ids: Rows | Mapping[str, Rows],
    *,
    pad_id: int | Mapping[str, int],
    batch: int = 1,
    seq: int | None = None,
    rounds: int = MAX_ROUNDS,
    seconds: float = SECONDS,
    rows: int = MAX_ROWS,
    threads: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> dict[str, Speed]:
    """Time all engines side by side.

    Args:
        engines: by the caller's names; threads are set where they are loaded, alike for all.
        token_ids: the rows without padding; by engine name where tokenizers differ (same texts, same order).
        pad_id: the padding id, or one by engine name.
        batch: rows of a call for the latency.
        seq: tokens of a row for the latency; ``None`` takes the rows' own lengths.
        rounds: most rounds; never fewer than 5.
        seconds: time aimed at for each engine; rows, then rounds, are cut to keep it.
        rows: most rows of a pass (a seeded sample).
        threads: only noted with the result.
        seed: of the sample and of the order of engines.
        progress: where to report to, in rounds.
        clock: seconds, monotonic.

    Raises:
        UsageError: no engine, no rows, or a batch, seq or time that is not positive.
    """
    for name, value in (("batch", batch), ("seq", seq), ("seconds", seconds), ("rows", rows)):
        if value is not None and not value > 0:
            raise UsageError(f"{name} must be positive", got=value)
    contestants = gather(engines, token_ids, pad_id)
    started = clock()
    rows = affordable_rows(
        contestants, most=rows, rounds=MIN_ROUNDS + 1, seconds=seconds, seed=seed, clock=clock
    )
    batches = prepare(contestants, rows=rows, batch=batch, seq=seq, sorted_batch=THROUGHPUT_BATCH, seed=seed)
    samples = _run(
        contestants, batches, max(rounds, MIN_ROUNDS), started + seconds * len(engines), seed, progress, clock
    )
    length = "the rows' own lengths" if seq is None else f"{seq} tokens"
    note = f"batch {batch}, {length}{'' if threads is None else f', {threads} threads'}"
    return {name: _speed(samples[name], batches[name].rows, note) for name in contestants}


def speed_ratio(candidate: Speed, source: Speed) -> dict[str, Quantity]:
    """How many times faster ``candidate`` is, by standard name; both from one :func:`measure_speed` call.

    Throughputs are compared round by round, so that a slow spell of the machine cancels out.
    """
    return {
        "latency-p50": _end_ratio(source.latency_p50, candidate.latency_p50),
        "latency-p95": _end_ratio(source.latency_p95, candidate.latency_p95),
        "throughput": _round_ratio(candidate.throughputs, source.throughputs),
        "throughput-batch1": _round_ratio(candidate.throughputs_batch1, source.throughputs_batch1),
    }


def _run(
    contestants: Mapping[str, Contestant],
    batches: Mapping[str, PassBatches],
    rounds: int,
    deadline: float,
    seed: int,
    progress: Progress | None,
    clock: Clock,
) -> dict[str, Samples]:
    """Warm every shape up once, then rounds until there are enough or, from the fifth on, time is up."""
    samples = {name: Samples() for name in contestants}
    order = turns(list(contestants), seed)
    with no_garbage_collection(), (progress or Silent()).task("speed", rounds, "rounds") as task:
        for name in next(order):
            take_turn(contestants[name].engine, batches[name], Samples(), clock)
        for done in range(rounds):
            if done >= MIN_ROUNDS and clock() > deadline:
                break
            for name in next(order):
                take_turn(contestants[name].engine, batches[name], samples[name], clock)
            task.advance()
    return samples


def _speed(samples: Samples, rows: int, note: str) -> Speed:
    latencies = [value for one in samples.latencies_s for value in one]
    sorted_rates = [rows / value for value in samples.sorted_s]
    single_rates = [rows / value for value in samples.single_s]
    return Speed(
        latency_p50=_percentile(latencies, 0.5, note), latency_p95=_percentile(latencies, 0.95, note),
        throughput=_median(sorted_rates, "1/s", f"length-sorted batches of {THROUGHPUT_BATCH}, "),
        throughput_batch1=_median(single_rates, "1/s", "batch 1, "),
        latencies_s=tuple(latencies), throughputs=tuple(sorted_rates), throughputs_batch1=tuple(single_rates),
    )  # fmt: skip


def _percentile(samples: Sequence[float], share: float, note: str) -> Quantity:
    found = percentile(samples, share)
    text = f"{note}, tokenising not counted; {len(samples):,} calls, 95 % interval by order statistics"
    return Quantity.measured(found.value, "s", low=found.low, high=found.high, note=text)


def _median(values: Sequence[float], unit: Unit, note: str) -> Quantity:
    found = percentile(values, 0.5)
    text = f"{note}median of {len(values)} rounds, tokenising not counted"
    return Quantity.measured(found.value, unit, low=found.low, high=found.high, note=text)


def _round_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Quantity:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return _median(ratios, "1", "times the source's, ")


def _end_ratio(slow: Quantity, fast: Quantity) -> Quantity:
    """Ratio of two measured quantities; its interval takes their opposite ends and so is wide."""
    slow_ends, fast_ends = _ends(slow), _ends(fast)
    return Quantity.measured(
        slow.value / fast.value, "1", low=slow_ends[0] / fast_ends[1], high=slow_ends[1] / fast_ends[0],
        note="times faster than the source, from the ends of both intervals",
    )  # fmt: skip


def _ends(quantity: Quantity) -> tuple[float, float]:
    low = quantity.value if quantity.low is None else quantity.low
    return low, quantity.value if quantity.high is None else quantity.high
