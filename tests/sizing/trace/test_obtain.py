import dataclasses

import pytest

from fitwright.catalog.names import find
from fitwright.sizing import devices
from fitwright.sizing.trace import obtain as module
from fitwright.sizing.trace.conditions import Conditions, window_of
from fitwright.sizing.trace.obtain import conditions_of, obtain
from fitwright.spec.device import Device
from fitwright.spec.workload import Workload

CPU = Device(name="two cores", kind="cpu", cores=2)
A100 = devices.find("a100-80gb")


@pytest.mark.parametrize(
    ("workload", "device", "key"),
    [
        (Workload(), CPU, "infer-fp32-fused-cpu"), (Workload(), A100, "infer-fp32-fused-cpu"),
        (Workload(precision="bf16"), A100, "infer-low-fused-cpu"),
        (Workload(precision="int8"), CPU, "infer-fp32-fused-cpu"),
        (Workload(precision="int8"), A100, "infer-low-fused-cpu"),
        (Workload(precision="fp16", casting="autocast"), A100, "infer-autocast-fused-cpu"),
        (Workload(mode="train"), CPU, "train-fp32-fused-cpu"),
        (Workload(mode="train", precision="tf32"), A100, "train-fp32-fused-cuda"),
        (Workload(mode="train", precision="bf16"), A100, "train-autocast-fused-cuda"),
        (Workload(mode="train", precision="bf16", casting="pure"), A100, "train-low-fused-cuda"),
        (
            Workload(mode="train", attention="eager", checkpointing=True), CPU,
            "train-fp32-eager-cpu-checkpointing",
        ),
    ],
)  # fmt: skip
def test_conditions_of_a_workload(workload, device, key):
    assert conditions_of(find("bert-base"), workload, device).key() == key


def test_local_attention_is_long_from_its_window_on():
    spec = find("answerdotai/ModernBERT-base")
    window = window_of(module.config_values(spec))
    found = [conditions_of(spec, Workload(seq=seq), CPU).window for seq in (window - 1, window)]
    assert found == ["short", "long"]


def test_windows_of_configs():
    assert window_of({"model_type": "mistral", "sliding_window": 4096}) == 4096
    assert window_of({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}) is None
    assert window_of({"model_type": "bert"}) is None
    assert window_of({"model_type": "modernbert"}) == 64


def test_keys_tell_all_conditions_apart():
    keys = {
        Conditions(mode=m, precision=p, attention=a, device=d, checkpointing=c, window=w).key()
        for m in ("infer", "train") for p in ("fp32", "low", "autocast") for a in ("eager", "fused")
        for d in ("cpu", "cuda") for c in (False, True) for w in ("short", "long")
    }  # fmt: skip
    assert len(keys) == 2 * 3 * 2 * 2 * 2 * 2


def test_without_torch_the_nearest_trace_stands_in_and_says_so(monkeypatch):
    monkeypatch.setattr(module, "can_trace", lambda: False)
    spec = find("bert-base")
    asked = Conditions(mode="train", checkpointing=True)
    found = obtain(spec, asked, point=(1, 128))
    assert found.trace is not None
    assert "torch and transformers are not installed" in found.note
    assert found.differs == {"checkpointing"}
    assert "taken without checkpointing, which needs more" in found.note
    adapters = obtain(spec, Conditions(mode="train"), point=(1, 128), lora_rank=8)
    assert adapters.differs == {"adapters"}
    assert adapters.trace == obtain(spec, Conditions(mode="train"), point=(1, 128)).trace
    exact = obtain(spec, Conditions(mode="train"), point=(1, 128))
    assert exact.note == ""
    stranger = dataclasses.replace(spec, id="nobody/knows-it")
    nothing = obtain(stranger, Conditions(), point=(1, 128))
    assert nothing.trace is None
    assert "not installed" in nothing.note


def test_a_model_of_ones_own_is_traced_once_and_kept(tiny_model_dir, own_home, monkeypatch):
    from fitwright.catalog.local import read_model_directory
    from fitwright.sizing.tracing import interface

    spec = read_model_directory(tiny_model_dir)
    first = obtain(spec, Conditions(), point=(1, 128))
    assert first.note == ""
    assert first.trace.parameter_count == spec.parameters
    assert list((own_home / "traces").iterdir())

    def refuse(*_, **__):
        raise AssertionError("traced again")

    monkeypatch.setattr(interface, "trace", refuse)
    assert obtain(spec, Conditions(), point=(4, 64)).trace == first.trace
    with pytest.raises(AssertionError, match="traced again"):
        obtain(spec, Conditions(mode="train"), point=(1, 128))
