import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.catalog import store
from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.sizing import devices, flops, interface
from fitwright.sizing.corrections import Correction, Corrections, from_point
from fitwright.sizing.interface import estimate
from fitwright.sizing.latency import closed_form as latency
from fitwright.sizing.memory import closed_form as memory
from fitwright.sizing.trace import obtain
from fitwright.sizing.trace.obtain import Obtained
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload
from tests.sizing.trace.made import training_step

T4 = devices.find("t4")
CPU = devices.Device(name="two cores", kind="cpu", cores=2, peak_flops={"fp32": 3e11, "int8": 1.2e12})
TEXT_MODELS = ["bert-base", "albert-base", "gpt2", "t5-small", "mixtral", "roberta-large"]


@pytest.mark.slow
def test_every_catalogue_model_gets_an_answer_or_a_reason_without_torch(monkeypatch):
    monkeypatch.setattr(obtain, "can_trace", lambda: False)
    for mode in ("infer", "train"):
        for spec in store.load_all():
            record = estimate(spec, Workload(mode=mode, seq=16), T4)
            assert record["parameters"].origin == "exact"
            assert record.value("parameters") == spec.parameters
            missing = {"memory", "latency"} - set(record.quantities)
            assert not missing or record.context["assumptions"]


def test_flops_of_bert_base_are_near_a_hand_count():
    per_layer = 2 * 128 * (4 * 768**2 + 2 * 768 * 3072) + 4 * 128**2 * 768
    found = flops.forward(find("bert-base"), Workload(seq=128))
    assert found == pytest.approx(12 * per_layer, rel=0.02)


def test_a_shared_layer_works_as_often_as_it_is_used():
    albert, bert = (flops.forward(find(name), Workload()) for name in ("albert-base", "bert-base"))
    assert albert == pytest.approx(bert, rel=0.03)


def test_a_decoder_pays_for_its_vocabulary_whether_tied_or_not():
    tied, untied = find("google-t5/t5-small"), find("google/flan-t5-small")
    for spec in (tied, untied):
        dims = spec.dims
        feed = (3 if spec is untied else 2) * dims["hidden"] * dims["ffn"]
        width = flops.attention_width(spec)
        body = dims["encoder_layers"] * (12 * dims["hidden"] * width + 2 * feed)
        products = 2 * (body + spec.embedding_parameters)
        scores = 4 * width * dims["encoder_layers"] * 3
        assert flops.forward(spec, Workload(seq=1)) == pytest.approx(products + scores, rel=0.02)


@pytest.mark.parametrize(("seq", "traced"), [(128, 10.2e9), (512, 39.3e9)])
def test_training_memory_of_bert_large_matches_a_traced_step(seq, traced):
    found = memory.estimate(find("bert-large"), Workload(mode="train", batch=16, seq=seq), CPU)
    assert found.total.value == pytest.approx(traced, rel=0.02)
    assert sum(found.parts.values()) == found.total.value


@settings(deadline=None, max_examples=12)
@given(
    name=st.sampled_from(TEXT_MODELS), batch=st.integers(1, 64), seq=st.integers(1, 512),
    mode=st.sampled_from(["infer", "train"]),
)  # fmt: skip
def test_more_work_never_needs_less(name, batch, seq, mode):
    spec = find(name)
    small = estimate(spec, Workload(mode=mode, batch=batch, seq=seq), CPU)
    for bigger in (
        Workload(mode=mode, batch=batch + 1, seq=seq),
        Workload(mode=mode, batch=batch, seq=min(512, seq + 7)),
    ):
        large = estimate(spec, bigger, CPU)
        for quantity in ("flops", "memory-allocated", "latency"):  # a heap has larger holes at some sizes
            assert large[quantity].value >= small[quantity].value
    assert small["memory"].low >= 0.8 * small["memory-weights"].value


def test_training_costs_more_than_inference():
    once, step = (estimate(find("bert-base"), Workload(mode=mode), CPU) for mode in ("infer", "train"))
    assert step["memory-allocated"].value > 3.5 * once["memory-allocated"].value
    assert step["latency"].value > 2.5 * once["latency"].value


def test_narrower_values_take_less():
    full, narrow = (
        estimate(find("bert-base"), Workload(precision=precision), CPU) for precision in ("fp32", "int8")
    )
    assert narrow["size"].value < 0.3 * full["size"].value
    assert full["size"].origin == "exact"
    assert narrow["size"].origin == "estimated"
    assert narrow["latency"].value < full["latency"].value


def test_an_unknown_peak_leaves_latency_out_and_says_so():
    record = estimate(find("bert-base"), Workload(precision="bf16"), T4)
    assert record.get("latency") is None
    assert "bf16" in record.context["assumptions"][0]
    assert record.get("memory") is not None


def test_beyond_the_longest_sequence_nothing_is_made_up():
    record = estimate(find("bert-base"), Workload(seq=513), CPU)
    assert record.get("memory") is None
    assert record.get("latency") is None
    assert "512" in record.context["assumptions"][0]
    assert (
        estimate(find("t5-small"), Workload(seq=1000), CPU).get("latency") is not None
    )  # no hard limit there


def test_a_large_decoder_on_a_gpu_is_bound_by_its_weights():
    spec = dataclasses.replace(find("meta-llama/Llama-2-7b-hf"))
    found = latency.estimate(spec, Workload(seq=1, precision="fp16"), devices.find("a100-80gb"))
    weights_s = 2 * spec.parameters / 2.039e12
    assert found.value > weights_s


def test_one_measured_point_moves_and_narrows_what_is_predicted():
    predicted = estimate(find("bert-base"), Workload(), CPU)
    measured = Record(
        subject="bert-base",
        quantities={"latency": Quantity.measured(0.3, "s", low=0.29, high=0.31)},
    )
    again = estimate(find("bert-base"), Workload(), CPU, corrections=from_point(predicted, measured))
    assert again["latency"].value == pytest.approx(0.3)
    assert again["latency"].origin == "estimated"
    before, after = predicted["latency"], again["latency"]
    assert after.high / after.low < before.high / before.low
    assert again["memory"] == predicted["memory"]


def test_corrections_refuse_nonsense():
    with pytest.raises(UsageError):
        Correction(factor=0)
    unchanged = estimate(find("gpt2"), Workload(), CPU)["latency"]
    assert Corrections().apply("latency", unchanged) == unchanged


@pytest.mark.parametrize("point", [None, (2, 8)])
def test_flops_of_a_batch_in_parts_are_those_of_all_parts(monkeypatch, point):
    """A trace that holds for one point alone knows only the part, not the batch."""
    trace = dataclasses.replace(training_step(), point=point)
    monkeypatch.setattr(interface, "obtain", lambda *_, **__: Obtained(trace=trace))
    workload = Workload(mode="train", batch=8, accumulation=4, seq=8)
    found = estimate(find("bert-base"), workload, T4)
    product = 2 * 8 * 10 * 10 * 2
    assert found.value("flops-training-step") == 4 * product
