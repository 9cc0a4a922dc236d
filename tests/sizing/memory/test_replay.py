"""Hand-made steps: 3 rows of 2 tokens: an activation of 240 B, a temporary of 360 B, gradients of 400 B."""

import pytest

from fitwright.sizing.memory.course import Course
from fitwright.sizing.memory.optimisers import OptimiserMemory
from fitwright.sizing.memory.replay import Kept, Unmanaged, replay
from tests.sizing.trace.made import stack_of_layers, training_step

ROWS, TOKENS = 3, 2
ACTIVATION, LOSS, TEMPORARY, GRADIENT = 240, 4, 360, 400
WEIGHTS = (400, 8)
ADAMW = OptimiserMemory(states=(400, 400), temporary_bytes=0)


class Ledger:
    """Writes down what is allocated, and that nothing goes twice."""

    def __init__(self):
        self.sizes, self.live, self.peak, self.marks = {}, 0, 0, []

    def allocate(self, slot, size_bytes):
        assert slot not in self.sizes
        self.sizes[slot] = size_bytes
        self.live += size_bytes
        self.peak = max(self.peak, self.live)

    def free(self, slot):
        self.live -= self.sizes.pop(slot)

    def begin_forward(self):
        self.marks.append("begin")

    def end_forward(self):
        self.marks.append("end forward")

    def end_step(self):
        self.marks.append("end")


def run(kept, trace=None, allocator=None):
    return replay(trace or training_step(), ROWS, TOKENS, kept, allocator or Unmanaged())


def test_inference_is_one_pass():
    ledger = Ledger()
    peak = run(Kept(weights=WEIGHTS), stack_of_layers(4), ledger)
    assert peak.allocated_bytes == 408 + 2 * 2 * ROWS * TOKENS
    assert ledger.marks == ["begin", "end"]
    assert ledger.live == 408  # weights stay, the rest goes


def test_the_worst_moment_of_training_is_in_the_backward_pass_after_the_first_step():
    ledger = Ledger()
    peak = run(Kept(weights=WEIGHTS, optimiser=ADAMW), allocator=ledger)
    assert peak.allocated_bytes == 408 + 800 + ACTIVATION + LOSS + TEMPORARY + GRADIENT == ledger.peak
    assert (peak.phase, peak.made_by) == ("backward pass", "mm")
    assert peak.parts == {
        "weights": 408, "optimiser": 800, "activations": ACTIVATION + TEMPORARY, "logits": LOSS,
        "gradients": GRADIENT,
    }  # fmt: skip
    assert sum(peak.parts.values()) == peak.allocated_bytes
    assert ledger.marks == ["begin", "end forward", "end"] * 3
    assert ledger.live == 408 + 800


def test_gradients_are_added_to_those_of_the_parts_before():
    once = run(Kept(weights=WEIGHTS, optimiser=ADAMW))
    for parts in (2, 3, 64):
        ledger = Ledger()
        several = run(Kept(weights=WEIGHTS, optimiser=ADAMW, accumulation=parts), allocator=ledger)
        assert several.allocated_bytes == once.allocated_bytes + GRADIENT
        assert ledger.live == 408 + 800


def test_an_optimiser_that_needs_more_than_the_backward_pass_is_the_worst_moment():
    greedy = OptimiserMemory(states=(400,), temporary_bytes=100_000)
    peak = run(Kept(weights=WEIGHTS, optimiser=greedy))
    assert peak.phase == "optimiser step"
    assert peak.allocated_bytes == 408 + 400 + GRADIENT + 100_000


@pytest.mark.parametrize("extra", [0, 1, 7])
def test_the_quick_course_finds_the_same_peak(extra):
    for trace in (training_step(), stack_of_layers(extra)):
        found = Course(trace).peak_bytes(ROWS, TOKENS)
        assert found == run(Kept(weights=()), trace).allocated_bytes
