"""Times that hold on a machine that others use, within the time given."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from fitwright.sizing.profiling.timing import (
    MOST_ROUNDS,
    Subject,
    Timing,
    fast_half,
    repeat_error,
    time_in_turns,
)


class FakeTime:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def subject(self, name: str, *durations: float, prepare_s: float = 0.0, divide: float = 1.0) -> Subject:
        """Calls take the durations in turn."""
        turn = [0]

        def call() -> None:
            self.now += durations[turn[0] % len(durations)]
            turn[0] += 1
            self.order.append(name)

        def prepare() -> tuple[Callable[[], object], Callable[[], object]]:
            self.now += prepare_s
            return (lambda: None), call

        return Subject(name=name, prepare=prepare, divide=divide)


def test_interruptions_do_not_move_the_result() -> None:
    clock = FakeTime()
    subject = clock.subject("a", 1e-3, 1e-3, 9e-3, 1.02e-3, 30e-3)
    found = time_in_turns([subject, clock.subject("b", 5e-3)], seconds=2, title="t", clock=clock)
    assert found["a"].seconds == pytest.approx(1e-3, rel=0.03)
    assert found["b"].seconds == pytest.approx(5e-3)
    assert found["a"].quartiles[2] > 5e-3
    assert found["b"].spread == pytest.approx(0)


def test_subjects_take_turns() -> None:
    clock = FakeTime()
    time_in_turns([clock.subject(n, 3e-3) for n in "abc"], seconds=1, title="t", clock=clock)
    changes = sum(x != y for x, y in zip(clock.order, clock.order[1:], strict=False))
    assert changes >= 3 * (MOST_ROUNDS - 2)


def test_a_short_limit_leaves_out_the_least_informative_and_still_repeats_the_rest() -> None:
    clock = FakeTime()
    subjects = [clock.subject(f"s{number}", 0.01) for number in range(100)]
    found = time_in_turns(subjects, seconds=1.0, title="t", clock=clock)
    assert 10 < len(found) < 60
    assert sorted(found, key=lambda name: int(name[1:])) == [f"s{number}" for number in range(len(found))]
    assert all(timing.samples >= 3 for timing in found.values())
    assert clock.now < 2.5


def test_what_is_needed_is_measured_whatever_it_costs() -> None:
    clock = FakeTime()
    subjects = [clock.subject(f"s{number}", 1.0) for number in range(6)]
    assert len(time_in_turns(subjects, seconds=0.1, title="t", clock=clock, needed=6)) == 6


def test_many_calls_of_one_operator_are_divided() -> None:
    clock = FakeTime()
    found = time_in_turns([clock.subject("a", 8e-3, divide=8)], seconds=1, title="t", clock=clock)
    assert found["a"].seconds == pytest.approx(1e-3)
    assert found["a"].halves == (pytest.approx(1e-3), pytest.approx(1e-3))


def test_preparing_is_not_timed() -> None:
    clock = FakeTime()
    found = time_in_turns([clock.subject("a", 1e-3, prepare_s=0.1)], seconds=1, title="t", clock=clock)
    assert found["a"].seconds == pytest.approx(1e-3)


def test_an_interrupt_goes_through_and_garbage_is_collected_again() -> None:
    def prepare() -> tuple[Callable[[], object], Callable[[], object]]:
        assert not gc.isenabled()
        raise KeyboardInterrupt

    assert gc.isenabled()
    with pytest.raises(KeyboardInterrupt):
        time_in_turns([Subject(name="a", prepare=prepare)], seconds=1, title="t")
    assert gc.isenabled()


def test_the_progress_bar_reaches_its_end() -> None:
    class Seen:
        total = done = 0.0

        def task(self, title: str, total: float | None, unit: str = "") -> Seen:
            Seen.total = total or 0.0
            return self

        def __enter__(self) -> Seen:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def advance(self, amount: float = 1.0, note: str = "") -> None:
            Seen.done += amount

        def say(self, text: str) -> None:
            return None

    clock = FakeTime()
    time_in_turns([clock.subject("a", 1e-3)], seconds=3, title="t", clock=clock, progress=Seen())
    assert Seen.done == pytest.approx(Seen.total) == 3


def test_fast_half() -> None:
    assert fast_half([5.0]) == 5.0
    assert fast_half([1.0, 100.0]) == 1.0
    assert fast_half([3.0, 1.0, 2.0, 50.0]) == 1.5


def test_the_repeat_error_is_the_median_difference_of_halves() -> None:
    def timing(first: float, second: float) -> Timing:
        return Timing(seconds=first, spread=0, quartiles=(1, 1, 1), halves=(first, second), samples=4)

    assert repeat_error([timing(1, 1), timing(1, 1.1), timing(1.5, 1)]) == pytest.approx(0.1)
    assert repeat_error([]) == 0
