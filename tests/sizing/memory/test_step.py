import dataclasses

import pytest

from fitwright.catalog.names import find
from fitwright.sizing import devices
from fitwright.sizing.memory.course import Course
from fitwright.sizing.memory.step import PARTS, kept_bytes, measure, weights_of
from fitwright.sizing.trace.obtain import conditions_of, config_values, obtain
from fitwright.sizing.verdict import judge
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity
from fitwright.spec.workload import Workload

CPU = Device(name="two cores", kind="cpu", cores=2)
T4, A100 = devices.find("t4"), devices.find("a100-80gb")
SIXTEEN_GB = dataclasses.replace(T4, name="a 16 GB card", memory_bytes=16 * 10**9)


def needed(name, workload, device=T4):
    spec = find(name)
    point = (workload.micro_batch, workload.seq)
    found = obtain(spec, conditions_of(spec, workload, device), point=point)
    assert found.note == ""
    return measure(found.trace, workload, device), found.trace


def training(**options):
    return Workload(mode="train", **{"batch": 16, "seq": 128, **options})


@pytest.mark.parametrize(("mode", "device"), [(m, d) for m in ("infer", "train") for d in (CPU, T4)])
def test_the_parts_add_up_to_what_is_allocated(mode, device):
    found, _ = needed("bert-base", Workload(mode=mode, batch=4, seq=64), device)
    assert set(found.parts) == set(PARTS)
    tensors = sum(found.parts[part] for part in PARTS if part not in ("workspace", "context"))
    more = 0 if device is CPU else found.parts["workspace"]
    assert found.allocated_bytes == pytest.approx(tensors + more, rel=0.01)  # CUDA leaves blocks unsplit
    assert found.process_low_bytes <= found.process_bytes <= found.process_high_bytes
    assert (found.reserved_bytes is None) == (device is CPU)
    if found.reserved_bytes is not None:
        assert found.allocated_bytes <= found.reserved_bytes <= found.process_bytes


def test_weights_gradients_and_moments_are_four_times_the_parameters():
    found, trace = needed("bert-large", training())
    weights = 4 * trace.parameter_count
    assert found.parts["weights"] == pytest.approx(weights, rel=1e-3)  # and the buffers
    assert found.parts["optimiser"] == 2 * weights
    assert found.parts["gradients"] <= weights


@pytest.mark.parametrize(
    ("attention", "seq", "exceeds"),
    [
        ("eager", 128, False), ("eager", 256, True), ("eager", 512, True), ("fused", 256, False),
        ("fused", 384, True),
    ],
)  # fmt: skip
def test_bert_large_in_fp32_with_16_rows_outgrows_16_gb_from_256_tokens_unfused_and_384_fused(
    attention, seq, exceeds
):
    found, _ = needed("bert-large", training(seq=seq, attention=attention), SIXTEEN_GB)
    process = Quantity.estimated(found.process_bytes, "B", low=0, high=found.process_high_bytes)
    assert (found.allocated_bytes > SIXTEEN_GB.memory_bytes) == exceeds
    assert (judge(process, SIXTEEN_GB) == "does not fit") == exceeds


@pytest.mark.slow
@pytest.mark.parametrize(("seq", "elsewhere"), [(128, 10.2e9), (512, 39.3e9)])
def test_bert_large_as_another_tracer_saw_it(seq, elsewhere):
    """A sequence classifier, unfused, 16 rows, gradients kept from step to step."""
    from fitwright.sizing.tracing.interface import trace

    workload = training(seq=seq, attention="eager")
    spec = find("bert-large")
    conditions = conditions_of(spec, workload, CPU)
    found = trace(config_values(spec), conditions, architecture="BertForSequenceClassification")
    gradients = 4 * found.parameter_count
    assert measure(found, workload, CPU).allocated_bytes + gradients == pytest.approx(elsewhere, rel=0.01)


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"attention": "fused"}, 0.02), ({"checkpointing": True, "precision": "bf16"}, 0.3),
        ({"accumulation": 4}, 0.2), ({"optimiser": "adamw-8bit"}, 0.05), ({"optimiser": "sgd"}, 0.06),
        ({"precision": "bf16"}, 0.05),
        ({"precision": "bf16", "casting": "pure"}, 0.4),
    ],
)  # fmt: skip
def test_each_saving_saves(change, least):
    plain, _ = needed("bert-base", training(seq=256, attention="eager"))
    change = {"attention": "fused" if "precision" in change else "eager", **change}
    leaner, _ = needed("bert-base", training(seq=256, **change))
    assert leaner.process_bytes < (1 - least) * plain.process_bytes


def test_narrow_weights_keep_vectors_and_add_scales():
    _, trace = needed("bert-base", Workload())
    full, int8, int4 = (sum(weights_of(trace, Workload(precision=p))) for p in ("fp32", "int8", "int4"))
    assert 0.25 * full < int8 < 0.27 * full
    assert 0.125 * full < int4 < 0.14 * full
    assert sum(weights_of(trace, Workload(precision="bf16"))) == pytest.approx(full / 2, rel=1e-3)


def test_what_no_smaller_batch_saves():
    _, trace = needed("bert-base", training())
    assert kept_bytes(trace, training(), T4) == pytest.approx(12 * trace.parameter_count, rel=1e-3)
    assert kept_bytes(trace, Workload(), T4) == pytest.approx(4 * trace.parameter_count, rel=1e-3)


def test_more_rows_and_longer_rows_keep_more_alive():
    _, trace = needed("bert-base", training())
    course = Course(trace)
    peaks = [
        course.peak_bytes(batch, seq) for batch, seq in ((1, 16), (1, 128), (2, 128), (2, 512), (9, 512))
    ]
    assert peaks == sorted(peaks)
    assert len(set(peaks)) == len(peaks)


def test_untied_and_tied_heads_weigh_what_they_should():
    _, tied = needed("gpt2", Workload())
    assert tied.parameter_count == 124_439_808
    _, shared = needed("google-t5/t5-small", Workload())
    _, apart = needed("google/t5-v1_1-small", Workload())
    matrix = (32_128, 512)
    assert dict(shared.parameters)[matrix] == 1
    assert dict(apart.parameters)[matrix] == 2
