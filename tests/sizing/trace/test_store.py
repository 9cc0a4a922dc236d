import pytest

from fitwright.catalog import store as catalogue
from fitwright.sizing.trace import store
from fitwright.sizing.trace.conditions import Conditions
from fitwright.sizing.trace.expand import check
from fitwright.sizing.trace.obtain import class_name, config_values
from fitwright.sizing.trace.work import symbolic_flops
from tests.sizing.trace.made import stack_of_layers, training_step

SPECS = [spec for spec in catalogue.load_all() if store.shipped_keys(spec.id)]
ANEW = [
    "google/bert_uncased_L-2_H-128_A-2", "prajjwal1/bert-tiny", "huawei-noah/TinyBERT_General_4L_312D",
    "google/electra-small-discriminator",
]  # fmt: skip
CPU_FP32 = Conditions(mode="train")
ONE_MODE = ("Salesforce/blip-vqa-base",)
"""Their answer is made token by token: there is no one forward pass to trace."""


def test_most_of_the_catalogue_ships_its_traces():
    assert len(SPECS) >= 0.9 * len(catalogue.load_all())


def test_each_row_ships_inference_and_training():
    for spec in SPECS:
        kinds = {key.partition("-")[0] for key in store.shipped_keys(spec.id)}
        assert kinds == {"infer", "train"} or spec.id in ONE_MODE, spec.id


def test_the_weights_of_every_trace_are_those_of_the_catalogue():
    for spec in SPECS:
        key = store.shipped_keys(spec.id)[0]
        assert store.shipped(spec.id, key).parameter_count == spec.parameters, spec.id


def test_what_is_shipped_can_happen():
    """A dozen rows from all over the catalogue; every one in the slow run."""
    for spec in SPECS[:: len(SPECS) // 12]:
        _check(spec)


@pytest.mark.slow
def test_all_that_is_shipped_can_happen():
    for spec in SPECS:
        _check(spec)


def _check(spec):
    for key in store.shipped_keys(spec.id):
        trace = store.shipped(spec.id, key)
        assert trace.parameter_count == spec.parameters, (spec.id, key)
        assert trace.point is None
        assert key.startswith(trace.conditions["mode"])
        check(trace)
        assert all(size >= 0 for size in trace.sizes_at(1, 64))
        known = store.shipped_flops(spec.id, key)
        if known is not None:
            assert known == symbolic_flops(trace.ops)


def anew(spec, conditions):
    from fitwright.sizing.tracing.interface import trace

    return trace(
        config_values(spec), conditions, architecture=class_name(spec), source=spec.id,
        longest=spec.max_sequence_length, untied=bool(spec.warning),
    )  # fmt: skip


def same(one, other):
    return (one.slots, one.events, one.stacks, one.modules, one.parameters, set(one.ops)) == (
        other.slots, other.events, other.stacks, other.modules, other.parameters, set(other.ops),
    )  # fmt: skip


@pytest.mark.parametrize("model_id", [i for i in ANEW if store.shipped_keys(i)][:3])
def test_what_is_shipped_is_what_is_traced_now(model_id):
    spec = catalogue.load(model_id)
    shipped = store.shipped(model_id, CPU_FP32.key())
    assert same(anew(spec, CPU_FP32), shipped)


@pytest.mark.slow
@pytest.mark.parametrize("model_id", [spec.id for spec in SPECS])
def test_all_that_is_shipped_is_what_is_traced_now(model_id):
    spec = catalogue.load(model_id)
    conditions = CPU_FP32 if model_id in ONE_MODE else Conditions()
    assert same(anew(spec, conditions), store.shipped(model_id, conditions.key()))


def test_a_packed_file_gives_back_each_trace(tmp_path, monkeypatch):
    made = {"b": {"train": training_step(), "infer": stack_of_layers(3)}, "a": {"infer": stack_of_layers(1)}}
    file = tmp_path / "traces.bin"
    file.write_bytes(store.pack(made))
    monkeypatch.setattr(store, "SHIPPED", file)
    caches = (store._index, store._lines, store.shipped)
    for cache in caches:
        cache.cache_clear()
    try:
        assert store.shipped_keys("b") == ("train", "infer")
        assert {k: store.shipped("b", k) for k in ("train", "infer")} == made["b"]
        assert store.shipped("a", "infer") == made["a"]["infer"]
        assert store.shipped("a", "train") is None
        assert store.shipped("c", "infer") is None
        assert store.shipped_flops("a", "infer")(3, 5) == 2 * 3 * 5 * 10 * 10 * 4
    finally:
        for cache in caches:
            cache.cache_clear()


def test_a_trace_made_here_is_kept(own_home):
    assert store.load_made("digest", "train") is None
    store.save_made("digest", "train", training_step())
    assert store.load_made("digest", "train") == training_step()
    assert store.load_made("digest", "infer") is None
    (kept,) = (own_home / "traces").iterdir()
    kept.write_text("{broken", encoding="utf-8")
    assert store.load_made("digest", "train") is None


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(own_home):
    own_home.write_text("a file where the folder should be", encoding="utf-8")
    store.save_made("digest", "train", training_step())
    assert store.load_made("digest", "train") is None
