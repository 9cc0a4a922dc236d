"""Equal layers are traced once, and sizes are polynomials: both exact, family by family."""

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing.trace.conditions import Conditions
from tests.sizing.tracing.tiny import CONFIGS, course, operators, recorded, traced

INFER = Conditions()
TRAINING = {
    "fp32": Conditions(mode="train"),
    "eager": Conditions(mode="train", attention="eager"),
    "autocast": Conditions(mode="train", precision="autocast", device="cuda"),
    "checkpointing": Conditions(mode="train", checkpointing=True, precision="autocast", device="cuda"),
    "bf16": Conditions(mode="train", precision="low", device="cuda", attention="eager"),
}
WITHOUT_CHECKPOINTING = ("mpnet",)
ODD, BLOCKS = (7, 41), (2, 96)
"""Points that were not traced; CUDA's fused attention pads to blocks of 32 tokens."""


def pairs():
    """Every family in one kind of training now, the others in the slow run."""
    for number, family in enumerate(CONFIGS):
        marks = () if family in ("bert", "t5", "vit") else (pytest.mark.slow,)
        yield pytest.param(family, INFER, id=f"{family}-infer", marks=marks)
        for place, (name, conditions) in enumerate(TRAINING.items()):
            if conditions.checkpointing and family in WITHOUT_CHECKPOINTING:
                continue
            marks = () if place == number % len(TRAINING) else (pytest.mark.slow,)
            yield pytest.param(family, conditions, id=f"{family}-{name}", marks=marks)


@pytest.mark.parametrize(("family", "conditions"), list(pairs()))
def test_the_repeated_layer_at_a_new_point_is_the_whole_model_there(family, conditions):
    point = ODD if conditions.device == "cpu" else BLOCKS
    short, whole = traced(family, conditions), recorded(family, conditions, *point)
    assert short.point is None
    assert sum(stack.extra for stack in short.stacks) >= 2
    assert len(short.events) < len(whole.events)
    assert short.parameters == whole.parameters
    assert course(short, *point) == course(whole, *point)
    assert operators(short, *point) == operators(whole, *point)
    assert short.modules == whole.modules


def test_a_class_that_cannot_checkpoint_is_refused():
    with pytest.raises(UsageError, match="MPNetForMaskedLM"):
        traced("mpnet", Conditions(mode="train", checkpointing=True))
