"""Several engines in turns on the same rows: who runs, on which batches, in which order, timed how."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fitwright.core.errors import UsageError
from fitwright.engines.interface import Engine
from fitwright.evaluation.batches import Batch, PassBatches, Rows, pass_batches

Clock = Callable[[], float]

_PROBED_ROWS = 12
_FEWEST_ROWS = 16


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """An engine with its own encoding of the common rows."""

    engine: Engine
    token_ids: Rows
    pad_id: int


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Raw times of one engine; one entry a round.

    Attributes:
        latencies_s: seconds of each call of the latency pass.
        single_s: seconds of all rows one by one.
        sorted_s: seconds of all rows in length-sorted batches.
    """

    latencies_s: list[list[float]] = field(default_factory=list)
    single_s: list[float] = field(default_factory=list)
    sorted_s: list[float] = field(default_factory=list)


def gather(
    engines: Mapping[str, Engine], token_ids: Rows | Mapping[str, Rows], pad_id: int | Mapping[str, int]
) -> dict[str, Contestant]:
    """One contestant an engine; rows and padding id are common or by engine name.

    Raises:
        UsageError: no engine, no rows, or engines with different numbers of rows.
    """
    if not engines:
        raise UsageError("no engine to measure")
    found = {
        name: Contestant(
            engine=engine,
            token_ids=token_ids[name] if isinstance(token_ids, Mapping) else token_ids,
            pad_id=pad_id[name] if isinstance(pad_id, Mapping) else pad_id,
        )
        for name, engine in engines.items()
    }
    counts = {len(contestant.token_ids) for contestant in found.values()}
    if len(counts) != 1 or 0 in counts:
        raise UsageError("every engine needs the same rows, at least one", got=sorted(counts))
    return found


def affordable_rows(
    contestants: Mapping[str, Contestant], *, most: int, rounds: int, seconds: float, seed: int, clock: Clock
) -> int:
    """Rows of a pass, at most ``most``, so that the slowest engine does ``rounds`` rounds in ``seconds``.

    Found from a few rows alone. A round costs a row at most twice that: once in the latency pass, and less
    in the length-sorted one. At least 16 rows are taken whatever it costs.
    """
    slowest_s = 0.0
    for contestant in contestants.values():
        order = _sample(contestant.token_ids, _PROBED_ROWS, seed)
        probe = _batches(contestant, order, contestant.token_ids, batch=1, seq=None, sorted_batch=1)
        times = _time_each(contestant.engine, probe.latency, clock)
        slowest_s = max(slowest_s, float(np.median(times)))
    if slowest_s <= 0:
        return most
    return int(np.clip(seconds / (2 * slowest_s * rounds), min(_FEWEST_ROWS, most), most))


def prepare(
    contestants: Mapping[str, Contestant],
    *,
    rows: int,
    batch: int,
    seq: int | None,
    sorted_batch: int,
    seed: int,
) -> dict[str, PassBatches]:
    """Every contestant's batches: the same rows, grouped in the same way."""
    common = next(iter(contestants.values())).token_ids
    order = _sample(common, rows, seed)
    return {
        name: _batches(contestant, order, common, batch=batch, seq=seq, sorted_batch=sorted_batch)
        for name, contestant in contestants.items()
    }


def turns(names: Sequence[str], seed: int) -> Iterator[list[str]]:
    """The order of each round: every engine once, shuffled anew."""
    generator = np.random.default_rng(seed)
    while True:
        yield [names[index] for index in generator.permutation(len(names))]


def take_turn(engine: Engine, batches: PassBatches, samples: Samples, clock: Clock) -> None:
    """One engine's part of a round: the latency calls, the rows one by one, the sorted batches."""
    latencies = _time_each(engine, batches.latency, clock)
    alone = latencies if batches.single is None else _time_each(engine, batches.single, clock)
    samples.latencies_s.append(latencies)
    samples.single_s.append(sum(alone))
    samples.sorted_s.append(sum(_time_each(engine, batches.sorted, clock)))


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect now, and not in the middle of a timed call."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _time_each(engine: Engine, batches: Sequence[Batch], clock: Clock) -> list[float]:
    times = []
    for input_ids_BT, attention_mask_BT in batches:
        before = clock()
        engine.logits(input_ids_BT, attention_mask_BT)
        times.append(clock() - before)
    return times


def _sample(token_ids: Rows, rows: int, seed: int) -> list[int]:
    chosen: list[int] = np.random.default_rng(seed).permutation(len(token_ids))[:rows].tolist()
    return chosen


def _batches(
    contestant: Contestant, order: list[int], sort_by: Rows, *, batch: int, seq: int | None, sorted_batch: int
) -> PassBatches:
    return pass_batches(
        contestant.token_ids, contestant.pad_id, order=order, batch=batch, seq=seq,
        sorted_batch=sorted_batch, sort_by=sort_by,
    )  # fmt: skip
