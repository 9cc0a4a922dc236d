"""Robust times of many small measurements, taken in turns, within a time limit, on a machine that others use
too."""

from __future__ import annotations

import contextlib
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fitwright.core.progress import Progress, Silent

Clock = Callable[[], float]
Call = Callable[[], object]

FEWEST_ROUNDS = 3
MOST_ROUNDS = 15
_FIRST_PASS_SHARE = 0.45
_LONG_S = 5e-3
_VISIT_S = 3e-3
_MOST_CALLS = 12


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something to time.

    Attributes:
        name: where its result goes.
        prepare: makes the call; run before each visit, so that inputs of many subjects need not live at once.
            Gives (refresh, call): refresh runs before each timed call and leaves the inputs as a previous
            operator would.
        divide: calls inside one call; the time is divided by it.
        settle_s: for so long it is called in each visit before it is timed, and then timed for as long: a
            whole model, as one that serves finds caches, allocator and threads. 0: an operator, once or
            twice.
    """

    name: str
    prepare: Callable[[], tuple[Call, Call]]
    divide: float = 1.0
    settle_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Result of one subject.

    Attributes:
        seconds: median of the fastest half of the samples: robust against interruptions, which only add.
        spread: half the range of that half, relative.
        quartiles: of all samples: lower, median, upper.
        halves: the same statistic of the odd and of the even rounds; their difference is the repeat error.
        samples: number of calls timed.
    """

    seconds: float
    spread: float
    quartiles: tuple[float, float, float]
    halves: tuple[float, float]
    samples: int


@dataclass
class _Samples:
    by_round: list[list[float]] = field(default_factory=list)

    @property
    def last_s(self) -> float:
        return self.by_round[-1][-1]


def time_in_turns(
    subjects: Sequence[Subject],
    *,
    seconds: float,
    title: str,
    seed: int = 0,
    needed: int = 2,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> dict[str, Timing]:
    """Time all subjects in rounds, each round in a new order.

    The first pass goes by the order given, the most informative first, and stops after three tenths of the
    time: what was not reached is left out, so that a short limit gives a coarser profile and not a noisier
    one. From the third round on, it ends when time is up.

    Args:
        subjects: the most informative first.
        seconds: time limit, overrun by at most three rounds of what the first pass reached.
        title: of the progress bar.
        seed: of the orders.
        needed: how many of them are measured whatever it costs.
        progress: where to report to.
        clock: seconds, monotonic.
    """
    started = clock()
    generator = random.Random(seed)  # noqa: S311  orders of measurement, nothing secret
    found: dict[str, _Samples] = {}
    with quiet_interpreter(), (progress or Silent()).task(title, seconds, "s") as task:
        told = 0.0

        def tell(note: str) -> None:
            nonlocal told
            elapsed = min(clock() - started, seconds)
            task.advance(max(0.0, elapsed - told), note)
            told = max(told, elapsed)

        chosen: list[Subject] = []
        for subject in subjects:
            if len(chosen) >= needed and clock() - started > _FIRST_PASS_SHARE * seconds:
                break
            found[subject.name] = _Samples([_visit(subject, clock, last_s=None)])
            chosen.append(subject)
            tell(subject.name)
        for done in range(1, MOST_ROUNDS):
            if done >= FEWEST_ROUNDS and clock() - started > seconds:
                break
            generator.shuffle(chosen)
            for subject in chosen:
                if done >= FEWEST_ROUNDS and clock() - started > seconds:
                    break
                found[subject.name].by_round.append(_visit(subject, clock, last_s=found[subject.name].last_s))
                tell(subject.name)
        task.advance(max(0.0, seconds - told), "")
    return {s.name: _timing(found[s.name], s.divide) for s in chosen}


def fast_half(samples: Sequence[float]) -> float:
    """Median of the fastest half: other work on the machine only ever adds time."""
    ordered = sorted(samples)
    return statistics.median(ordered[: max(1, (len(ordered) + 1) // 2)])


@contextlib.contextmanager
def quiet_interpreter() -> Iterator[None]:
    """Collect garbage now, and not in the middle of a timed call."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def repeat_error(timings: Sequence[Timing]) -> float:
    """Median over the timings of the relative difference between their two halves; 0 for none."""
    differences = [abs(a - b) / min(a, b) for a, b in (t.halves for t in timings) if min(a, b) > 0]
    return statistics.median(differences) if differences else 0.0


def _visit(subject: Subject, clock: Clock, *, last_s: float | None) -> list[float]:
    """Some timed calls. Before them as many as bring code, threads and kernels back: none for long calls."""
    refresh, call = subject.prepare()
    if subject.settle_s:
        _timed_for(subject.settle_s, refresh, call, clock)
        return _timed_for(subject.settle_s, refresh, call, clock)
    warm_ups = 1 if last_s is None or last_s < _LONG_S else 0
    while warm_ups:
        refresh()
        before = clock()
        call()
        took = clock() - before
        warm_ups = 1 if last_s is None and took < _LONG_S else 0
        last_s = took
    return _timed_for(_VISIT_S, refresh, call, clock, _MOST_CALLS)


def _timed_for(seconds: float, refresh: Call, call: Call, clock: Clock, most: int = 10**6) -> list[float]:
    """Seconds of each call until they add up to ``seconds``: one at least, ``most`` at most."""
    samples: list[float] = []
    spent = 0.0
    while not samples or (spent < seconds and len(samples) < most):
        refresh()
        before = clock()
        call()
        samples.append(clock() - before)
        spent += samples[-1]
    return samples


def _timing(samples: _Samples, divide: float) -> Timing:
    rounds = samples.by_round
    everything = [value / divide for one in rounds for value in one]
    odd = [value / divide for one in rounds[1::2] for value in one]
    even = [value / divide for one in rounds[0::2] for value in one]
    value = fast_half(everything)
    low, middle, high = (
        statistics.quantiles(everything, n=4, method="inclusive") if len(everything) > 1 else everything * 3
    )
    half = sorted(everything)[: max(1, (len(everything) + 1) // 2)]
    return Timing(
        seconds=value, spread=(half[-1] - half[0]) / 2 / value if value > 0 else 0.0,
        quartiles=(low, middle, high),
        halves=(fast_half(odd) if odd else value, fast_half(even)), samples=len(everything),
    )  # fmt: skip
