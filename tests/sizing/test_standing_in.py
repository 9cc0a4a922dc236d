import pytest

from fitwright.catalog.names import find
from fitwright.sizing import devices
from fitwright.sizing.interface import estimate
from fitwright.sizing.standing_in import scores_bytes
from fitwright.sizing.suggestions import suggest
from fitwright.sizing.trace import obtain
from fitwright.spec.workload import Workload

A100, BERT = devices.find("a100-80gb"), find("bert-base")
TRAINING = Workload(mode="train", batch=16, seq=512)
LONG_NAMES = ("memory-allocated", "memory-reserved", "memory-process")


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(obtain, "can_trace", lambda: False)


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"lora_rank": 16}, 0.35), ({"checkpointing": True}, 0.35),
        ({"precision": "bf16", "casting": "pure", "checkpointing": True}, 0.35),
    ],
)  # fmt: skip
def test_what_needs_less_than_its_stand_in_has_an_interval_that_reaches_down(without_torch, options, factor):
    found = estimate(BERT, Workload(mode="train", batch=16, seq=512, **options), A100)
    assert "which needs more" in found.context["assumptions"][0]
    for name in LONG_NAMES:
        assert found[name].low < factor * found[name].value < found[name].value < found[name].high


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_scores_that_the_stand_in_never_stored_are_in_the_upper_end(without_torch, precision):
    """Eager attention ships for fp32, where the guess can be held against the trace."""
    options = {"mode": "train", "batch": 16, "seq": 512, "precision": precision}
    fused, eager = (
        estimate(BERT, Workload(**options, attention=attention), A100) for attention in ("fused", "eager")
    )
    scores = scores_bytes(BERT, Workload(**options, attention="eager"))
    if precision == "fp32":
        more = eager.value("memory-allocated") - fused.value("memory-allocated")
        assert 0.5 < scores / more < 2
    else:
        assert "fused attention, which needs less" in eager.context["assumptions"][0]
        for name in LONG_NAMES:
            assert eager[name].high > eager[name].value + scores


def test_a_trace_of_its_own_is_not_widened(without_torch):
    found = estimate(BERT, TRAINING, A100)["memory-allocated"]
    assert found.high / found.value == pytest.approx(1.02)
    assert scores_bytes(find("google/vit-base-patch16-224"), TRAINING) is None


def test_what_cannot_be_tried_without_torch_is_said_once(monkeypatch):
    from fitwright.sizing import suggestions

    monkeypatch.setattr(obtain, "can_trace", lambda: False)
    monkeypatch.setattr(suggestions, "can_trace", lambda: False)
    record = estimate(BERT, TRAINING, A100)
    found = suggest(BERT, TRAINING, A100, record)
    assert not {"--lora-rank 16", "--checkpointing"} & {one.option for one in found}
    (said,) = [line for line in record.context["assumptions"] if line.startswith("not tried")]
    assert "activation checkpointing, adapters of rank 16" in said
    assert "fitwright[train]" in said
