"""The traced peak against a real step with real numbers on this CPU, byte for byte."""

import pytest

from fitwright.sizing.trace.conditions import Conditions
from tests.sizing.tracing import tiny

POINT = (2, 40)
NOW = ["bert", "gpt2", "llama", "t5", "deberta-v2", "vit"]
LATER = ["bart", "mpnet", "opt", "whisper"]


def families():
    yield from NOW
    yield from (pytest.param(family, marks=pytest.mark.slow) for family in LATER)


@pytest.mark.parametrize("family", list(families()))
@pytest.mark.parametrize(("mode", "attention"), [("infer", "eager"), ("infer", "fused"), ("train", "eager")])
def test_the_traced_peak_is_the_real_one_to_the_byte(family, mode, attention):
    from tests.sizing.tracing.real import run

    conditions = Conditions(mode=mode, attention=attention)
    real = run(family, conditions, *POINT)
    assert max(tiny.course(tiny.traced(family, conditions), *POINT)) == real.peak


@pytest.mark.slow
@pytest.mark.parametrize("family", NOW + LATER)
def test_fused_training_falls_back_where_it_really_does(family):
    """Off the GPU attention with dropout is not fused: it keeps its scores."""
    from tests.sizing.tracing.real import run

    conditions = Conditions(mode="train")
    real = run(family, conditions, *POINT)
    assert max(tiny.course(tiny.traced(family, conditions), *POINT)) == real.peak
