"""The traced peak against a real step with real numbers on this CPU, byte for byte."""

import pytest

from fitwright.sizing.trace.conditions import Conditions
from tests.sizing.tracing import tiny

POINT = (2, 40)
FAMILIES = ["bert", "gpt2", "llama", "t5", "deberta-v2", "vit", "bart", "mpnet", "opt", "whisper"]
KINDS = [("train", "eager"), ("train", "fused"), ("infer", "eager"), ("infer", "fused")]


def steps():
    """Unfused training of half the families and fused inference of a few now, the others in the slow run."""
    for family in FAMILIES:
        for kind in KINDS:
            now = FAMILIES[:6] if kind == KINDS[0] else FAMILIES[1:4] if kind == KINDS[3] else ()
            yield pytest.param(family, *kind, marks=() if family in now else (pytest.mark.slow,))


@pytest.mark.parametrize(("family", "mode", "attention"), list(steps()))
def test_the_traced_peak_is_the_real_one_to_the_byte(family, mode, attention):
    """Off the GPU, attention that drops scores is never fused: training keeps them either way."""
    from tests.sizing.tracing.real import run

    conditions = Conditions(mode=mode, attention=attention)
    real = run(family, conditions, *POINT)
    assert max(tiny.course(tiny.traced(family, conditions), *POINT)) == real.peak
