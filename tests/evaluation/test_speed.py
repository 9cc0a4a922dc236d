from __future__ import annotations

import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from fitwright.core.errors import UsageError
from fitwright.evaluation.speed import Speed, measure_speed, speed_ratio

ROWS = [[7] * (3 + i % 20) for i in range(100)]


class Clock:
    """Time that passes only when an engine works."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, tuple[int, ...], int]] = []
        self.collecting: list[bool] = []

    def __call__(self) -> float:
        return self.now


class Fake:
    """Costs ``seconds`` a row and writes down who was called with what."""

    precision = "fp32"

    def __init__(self, name: str, clock: Clock, seconds: float) -> None:
        self.name, self.clock, self.seconds = name, clock, seconds

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        self.clock.collecting.append(gc.isenabled())
        self.clock.now += self.seconds * len(input_ids)
        self.clock.calls.append((self.name, input_ids.shape, int(attention_mask.sum())))
        return np.zeros((len(input_ids), 2), dtype=np.float32)


def measure(clock: Clock, costs: dict[str, float], **options: object) -> dict[str, Speed]:
    engines = {name: Fake(name, clock, seconds) for name, seconds in costs.items()}
    chosen = {"rounds": 6, "seconds": 1e6, "rows": 40} | options
    return measure_speed(engines, ROWS, pad_id=0, clock=clock, **chosen)  # type: ignore[arg-type]


def blocks(calls: list[tuple[str, tuple[int, ...], int]]) -> list[str]:
    """Who had the turn, one entry a turn: single rows, then batches; a single row after those starts one."""
    turns: list[str] = []
    last_rows = 0
    for name, (rows, _), _ in calls:
        if rows == 1 and (not turns or turns[-1] != name or last_rows > 1):
            turns.append(name)
        last_rows = rows
    return turns


def test_every_round_has_every_engine_once_in_changing_order() -> None:
    clock = Clock()
    measure(clock, {"a": 0.01, "b": 0.001, "c": 0.002}, rounds=8)
    turns = blocks(clock.calls[3 * 12 :])  # after the look at what a row costs
    rounds = [tuple(turns[i : i + 3]) for i in range(0, len(turns), 3)]
    assert len(rounds) == 9  # the warm-up and eight that count
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len(set(rounds)) > 1


def test_every_engine_runs_the_same_batches() -> None:
    clock = Clock()
    measure(clock, {"a": 0.01, "b": 0.001})
    by_name = {name: [call[1:] for call in clock.calls if call[0] == name] for name in "ab"}
    assert by_name["a"] == by_name["b"]


def test_the_numbers_are_the_clocks() -> None:
    speed = measure(Clock(), {"a": 0.01, "b": 0.002})["a"]
    assert speed.latency_p50.value == pytest.approx(0.01)
    assert speed.latency_p95.value == pytest.approx(0.01)
    assert speed.throughput.value == pytest.approx(100)
    assert speed.throughput_batch1.value == pytest.approx(100)
    assert len(speed.latencies_s) == 6 * 40
    assert len(speed.throughputs) == len(speed.throughputs_batch1) == 6
    assert speed.throughput.unit == "1/s"
    assert set(speed.quantities) == {"latency-p50", "latency-p95", "throughput", "throughput-batch1"}


def test_ratios_pair_the_rounds() -> None:
    speeds = measure(Clock(), {"a": 0.01, "b": 0.002})
    ratios = speed_ratio(speeds["b"], speeds["a"])
    assert {name: round(ratio.value, 6) for name, ratio in ratios.items()} == dict.fromkeys(ratios, 5.0)
    assert set(ratios) == {"latency-p50", "latency-p95", "throughput", "throughput-batch1"}


def test_latency_at_another_batch_and_length_leaves_throughput_at_the_rows_own() -> None:
    clock = Clock()
    speed = measure(clock, {"a": 0.01}, batch=4, seq=30)["a"]
    assert speed.latency_p50.value == pytest.approx(0.04)
    assert speed.throughput_batch1.value == pytest.approx(100)
    shapes = {shape for _, shape, _ in clock.calls}
    assert (4, 30) in shapes
    assert not any(shape[0] == 4 and shape[1] != 30 for shape in shapes)
    assert "batch 4, 30 tokens" in speed.latency_p50.note


def test_time_cuts_rows_then_rounds_but_never_below_five() -> None:
    speed = measure(Clock(), {"a": 1.0}, seconds=240.0, rounds=50)["a"]
    assert len(speed.latencies_s) / len(speed.throughputs) == 20
    assert 5 <= len(speed.throughputs) < 50
    slow = measure(Clock(), {"a": 1.0}, seconds=1.0, rounds=50)["a"]
    assert len(slow.throughputs) == 5
    assert len(slow.latencies_s) == 5 * 16


def test_own_encodings_of_the_same_rows() -> None:
    clock = Clock()
    longer = [[*row, 8, 8] for row in ROWS]
    engines = {"a": Fake("a", clock, 0.01), "b": Fake("b", clock, 0.01)}
    measure_speed(
        engines, {"a": ROWS, "b": longer}, pad_id={"a": 0, "b": 1}, rows=10, seconds=1e6, clock=clock
    )
    tokens = {name: sum(call[2] for call in clock.calls if call[0] == name) for name in "ab"}
    rows = sum(call[1][0] for call in clock.calls if call[0] == "a")
    assert tokens["b"] - tokens["a"] == 2 * rows


def test_garbage_collection_is_off_while_timing_and_on_again_after() -> None:
    clock = Clock()
    measure(clock, {"a": 0.01})
    assert clock.collecting[12:]
    assert not any(clock.collecting[12:])
    assert gc.isenabled()


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"seq": 0}, {"seconds": 0.0}, {"rows": 0}])
def test_what_is_not_positive_is_a_usage_error(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="positive"):
        measure(Clock(), {"a": 0.01}, **wrong)


def test_no_engine_and_no_rows_are_usage_errors() -> None:
    clock = Clock()
    with pytest.raises(UsageError, match="no engine"):
        measure_speed({}, ROWS, pad_id=0)
    with pytest.raises(UsageError, match="same rows"):
        measure_speed({"a": Fake("a", clock, 0.1)}, [], pad_id=0)
