import pytest

from fitwright.catalog import store
from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.selection.candidates import CLASSIFIERS, Shrinking, filter_candidates
from fitwright.spec.budget import Budget
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

CPU = Device(
    name="two cores", kind="cpu", cores=2, memory_bytes=8 * 10**9, peak_flops={"fp32": 3e11, "int8": 1.2e12}
)
NAMES = ["bert-base", "bert-tiny", "bert-large", "gpt2", "t5-small"]


def judge(budget, names=NAMES, **settings):
    settings = {"workload": Workload(seq=40), "device": CPU, **settings}
    kept, rejected = filter_candidates([find(n) for n in names], budget=Budget.parse(budget), **settings)
    return {k.spec.name for k in kept}, {r.spec.id.rpartition("/")[2]: r for r in rejected}


def test_only_encoders_can_classify():
    kept, rejected = judge("")
    assert kept == {"BERT-Base (uncased)", "BERT-Tiny", "BERT-Large (uncased)"}
    assert {name: r.constraint for name, r in rejected.items()} == {"gpt2": "task", "t5-small": "task"}


def test_a_sure_miss_says_which_constraint_and_by_how_much():
    kept, rejected = judge("size=25MB")
    assert kept == {"BERT-Tiny"}
    assert rejected["bert-base-uncased"].constraint == "size"
    assert rejected["bert-base-uncased"].excess == pytest.approx(438_057_192 / 25e6 - 1)
    assert "438 MB" in rejected["bert-base-uncased"].reason
    assert "25.0 MB" in rejected["bert-base-uncased"].reason


def test_only_the_favourable_end_rejects():
    kept, rejected = judge("latency-p95=20ms", names=["bert-base"])
    assert kept  # predicted above 20 ms, but the interval reaches below
    kept, rejected = judge("latency-p95=1ms", names=["bert-base"])
    assert not kept
    assert rejected["bert-base-uncased"].constraint == "latency-p95"
    _, rejected = judge("throughput=100000/s", names=["bert-base"])
    assert "short" in rejected["bert-base-uncased"].reason


def test_a_model_counts_by_its_smallest_variant():
    whole, _ = judge("size=40MB", names=["bert-base"])
    shrunk, _ = judge("size=40MB", names=["bert-base"], shrinking=Shrinking(layers=2))
    assert not whole
    assert shrunk


def test_relative_constraints_need_the_source():
    source = Record(subject="s", quantities={"size": Quantity.measured(9e7, "B", low=9e7, high=9e7)})
    assert judge("size=0.33x", names=["bert-base"])[0]
    assert not judge("size=0.33x", names=["bert-base"], source=source)[0]


def test_a_model_that_cannot_be_trained_here_is_dropped():
    kept, rejected = judge("", training=Workload(mode="train", batch=16, seq=128))
    assert "BERT-Base (uncased)" in kept
    assert rejected["bert-large-uncased"].constraint == "device memory"


def test_too_long_a_row_and_an_unknown_task():
    _, rejected = judge("", workload=Workload(seq=1000))
    assert rejected["bert-base-uncased"].constraint == "sequence"
    with pytest.raises(UsageError, match="text-classification"):
        judge("", task="translation")


def test_every_kept_type_has_a_classifier_in_transformers():
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    assert set(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES) >= CLASSIFIERS
    types = {spec.model_type for spec in store.load_all() if spec.kind == "encoder"}
    assert types - CLASSIFIERS == {"nezha"}
