import pytest

from fitwright.core.errors import UsageError
from fitwright.spec.workload import OPTIMISERS, Workload


def test_defaults():
    found = Workload()
    assert (found.mode, found.batch, found.seq, found.precision) == ("infer", 1, 128, "fp32")
    assert found.micro_batch == 1
    assert not found.is_autocast
    assert Workload(**found.as_json()) == found


@pytest.mark.parametrize(
    ("options", "autocast"),
    [
        ({"mode": "train", "precision": "bf16"}, True), ({"mode": "train", "precision": "fp16"}, True),
        ({"mode": "train", "precision": "bf16", "casting": "pure"}, False), ({"precision": "bf16"}, False),
        ({"precision": "bf16", "casting": "autocast"}, True), ({"mode": "train", "precision": "tf32"}, False),
        ({"precision": "int8"}, False),
    ],
)  # fmt: skip
def test_weights_stay_in_fp32_under_autocast_alone(options, autocast):
    assert Workload(**options).is_autocast == autocast


def test_a_batch_in_parts():
    assert Workload(mode="train", batch=12, accumulation=4).micro_batch == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "dream"}, "infer, train"), ({"batch": 0}, "batch must be at least 1"),
        ({"batch": -3}, "-3"), ({"seq": 0}, "seq must be at least 1"), ({"precision": "fp8"}, "int4"),
        ({"casting": "sometimes"}, "autocast, pure"), ({"attention": "flash"}, "fused, eager"),
        ({"mode": "train", "optimiser": "lion"}, "adafactor"),
        ({"mode": "train", "precision": "int8"}, "whole-number"),
        ({"mode": "train", "batch": 6, "accumulation": 4}, "1, 2, 3, 6"),
        ({"mode": "train", "accumulation": 0}, "accumulation"),
        ({"mode": "train", "lora_rank": 0}, "at least 1"),
        ({"optimiser": "sgd"}, "belongs to training"), ({"checkpointing": True}, "belongs to training"),
        ({"batch": 4, "accumulation": 2}, "belongs to training"), ({"lora_rank": 8}, "got 8.*--mode train"),
        ({"mode": "train", "casting": "autocast"}, "autocast at fp32"),
        ({"precision": "int8", "casting": "pure"}, "pure at int8"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        Workload(**options)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_trains(name):
    assert Workload(mode="train", optimiser=name).optimiser == name
