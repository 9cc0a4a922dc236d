import dataclasses
import json

import pytest

from fitwright.catalog import store
from fitwright.core.errors import UsageError
from fitwright.selection.recommend import Wish, recommend
from fitwright.spec.device import Device

ALL = store.load_all()
CPU = Device(
    name="two cores", kind="cpu", cores=2, memory_bytes=16 * 10**9, instructions=("avx2", "avx512_vnni"),
    peak_flops={"fp32": 3e11, "int8": 1.2e12},
)  # fmt: skip
NAMELESS = Device(name="unknown", kind="cpu")


def ask(task="text-classification", *, device=CPU, specs=ALL, **wish):
    return recommend(specs, Wish(task=task, **wish), device)


@pytest.fixture(scope="module")
def english():
    return ask(language="en")


def test_every_model_is_kept_or_rejected_once(english):
    kept = [choice.spec.id for choice in english.kept]
    rejected = [rejection.spec.id for rejection in english.rejected]
    assert sorted(kept + rejected) == sorted(spec.id for spec in ALL)
    assert rejected == [spec.id for spec in ALL if spec.id in set(rejected)]
    assert sum(english.killed_by.values()) == len(rejected)


def test_the_front_trades_quality_for_cost_and_beats_the_rest(english):
    values = [choice.figure.value for choice in english.recommended]
    costs = [choice.needs.cost.value for choice in english.recommended]
    assert len(values) >= 4
    assert values == sorted(values, reverse=True)
    assert costs == sorted(costs, reverse=True)
    for choice in english.beaten:
        assert any(
            value >= choice.figure.value and cost <= choice.needs.cost.value
            for value, cost in zip(values, costs, strict=True)
        )
        assert "of its cost" in choice.reason
    assert english.recommended[0].figure.value == max(
        choice.figure.value for choice in english.kept if choice.figure
    )


def test_figures_of_one_benchmark_alone_are_compared(english):
    assert english.benchmark.id == "mnli-m"
    assert {choice.figure.benchmark for choice in english.kept if choice.figure} == {"mnli-m"}
    sentiment = ask(language="en", benchmark="sst-2")
    assert {choice.figure.benchmark for choice in sentiment.kept if choice.figure} == {"sst-2"}


def test_an_unknown_quality_stays_unknown_and_is_ranked_by_cost(english):
    costs = [choice.needs.cost.value for choice in english.unknown_quality]
    assert costs == sorted(costs)
    assert all(
        choice.figure is None and "no published figure" in choice.reason for choice in english.unknown_quality
    )
    translation = ask("translation", language="de")
    assert translation.benchmark is None
    assert translation.recommended == ()
    assert translation.unknown_quality


def test_wishes_reject_with_their_reason(english):
    found = {
        rejection.spec.id: rejection for rejection in ask(language="zh", licences=("apache-2.0",)).rejected
    }
    assert found["openai-community/gpt2"].killer.constraint == "task"
    assert {miss.constraint for miss in found["openai-community/gpt2"].missed} == {
        "task",
        "language",
        "licence",
    }
    assert found["google-bert/bert-base-uncased"].killer.constraint == "language"
    assert "en" in found["google-bert/bert-base-uncased"].killer.reason
    closed = {rejection.spec.id: rejection for rejection in ask("text-generation").rejected}
    assert closed["analytic/gpt3-175b"].killer.constraint == "weights"


def test_a_budget_rejects_what_surely_misses_and_marks_what_may():
    found = ask(language="en", budget="latency-p95=20ms,size=150MB")
    killed = {rejection.spec.id: rejection.killer for rejection in found.rejected}
    assert killed["FacebookAI/roberta-large"].excess > 0
    assert killed["FacebookAI/roberta-large"].best > killed["FacebookAI/roberta-large"].limit
    limit = 0.020
    for choice in found.kept:
        latency = choice.needs.get("latency-p95")
        assert latency.low <= limit
        assert ("latency-p95" in choice.doubtful) is (latency.high > limit)
    assert {bool(choice.doubtful) for choice in found.kept} == {True, False}


def test_the_suited_precision_is_what_is_estimated(english):
    (runtime,) = {choice.runtime for choice in english.kept if choice.spec.kind == "encoder"}
    assert (runtime.engine, runtime.precision) == ("onnxruntime", "int8")
    whole = ask(language="en", precision="fp32")
    sizes = {choice.spec.id: choice.needs.get("size").value for choice in english.kept}
    for choice in whole.kept:
        if choice.spec.kind == "encoder":
            assert choice.needs.get("size").value > 3 * sizes[choice.spec.id]
    assert any("int8" in note for note in english.recommended[0].notes)
    assert not any("int8" in note for note in whole.recommended[0].notes)


def test_training_memory_counts_where_it_is_asked_for(english):
    assert english.training is None
    found = ask(language="en", budget="training-memory=3GB")
    assert found.training.batch == 16
    killed = {rejection.spec.id: rejection.killer.constraint for rejection in found.rejected}
    assert killed["FacebookAI/roberta-large"] == "training-memory"
    small = Device(name="small", kind="cpu", memory_bytes=2 * 10**9, peak_flops={"fp32": 3e11})
    killed = {
        r.spec.id: r.killer.constraint for r in ask(language="en", train_batch=32, device=small).rejected
    }
    assert killed["google-bert/bert-base-uncased"] == "device memory in training"


def test_price_is_of_a_million_rows():
    found = ask(language="en", price_per_hour_usd=3.6, batch=4)
    for choice in found.recommended:
        seconds = choice.needs.get("latency-p95").value / 4
        assert choice.needs.cost.value == pytest.approx(seconds)
        assert choice.needs.get("price").value == pytest.approx(seconds * 1e6 / 3600 * 3.6)
        assert choice.needs.get("throughput").value == pytest.approx(1 / seconds)


def test_rows_too_long_reject_by_sequence_but_not_images():
    found = ask(language="en", seq=3000)
    killed = {rejection.spec.id: rejection.killer for rejection in found.rejected}
    assert killed["google-bert/bert-base-uncased"].constraint == "sequence"
    assert killed["google-bert/bert-base-uncased"].excess == pytest.approx(3000 / 512 - 1)
    assert {choice.spec.id for choice in found.kept} >= {
        "answerdotai/ModernBERT-base",
        "allenai/longformer-base-4096",
    }
    assert ask("image-classification", seq=3000).recommended


def test_where_nothing_fits_the_nearest_says_what_to_relax():
    found = ask(language="en", budget="size=2MB,latency-p95=0.2ms")
    assert found.kept == ()
    nearest = found.nearest.rejection
    assert nearest.spec.id == "google/bert_uncased_L-2_H-128_A-2"
    candidates = [r for r in found.rejected if all(miss.excess is not None for miss in r.missed)]
    assert max(m.excess for m in nearest.missed) == min(max(m.excess for m in r.missed) for r in candidates)
    relaxed = found.nearest.relax
    again = ask(
        language="en", budget=f"size={relaxed['size']:.0f},latency-p95={relaxed.get('latency-p95', 2e-4)}s"
    )
    assert nearest.spec.id in {choice.spec.id for choice in again.kept}
    assert any("relax size from 2.00 MB" in line for line in found.nearest.advice)


def test_where_the_wishes_leave_nothing_it_says_which_to_drop():
    found = ask("image-captioning", licences=("mit",))
    assert found.kept == ()
    assert found.nearest.rejection is None
    assert found.nearest.advice == ("without the licence wish 1 more model would be looked at",)


def test_a_multilingual_model_is_kept_with_a_note():
    found = ask("text-classification", language="sw")
    assert found.benchmark.id == "xnli"
    mbert = next(c for c in found.kept if c.spec.id == "google-bert/bert-base-multilingual-cased")
    assert "does not say whether sw" in mbert.notes[0]
    assert not any(choice.spec.languages == ("en",) for choice in found.kept)


def test_an_unknown_device_prices_nothing_and_says_so():
    found = ask(language="en", device=NAMELESS)
    assert found.recommended == found.beaten == found.unknown_quality == ()
    assert found.unpriced
    assert all("not known" in choice.reason for choice in found.unpriced)
    assert ask(language="en", device=NAMELESS, budget="latency-p95=1ms").unpriced[0].unknown == (
        "latency-p95",
    )


def test_lower_may_be_better(monkeypatch, english):
    from fitwright.selection import ranking

    worse = dataclasses.replace(english.benchmark, higher_is_better=False)
    found = ranking.rank(english.kept, worse)
    assert found.front[0].figure.value == min(choice.figure.value for choice in english.kept if choice.figure)


def test_json_is_complete(english):
    text = json.loads(json.dumps(english.as_json()))
    assert len(text["rejected"]) == len(english.rejected)
    groups = ("recommended", "beaten", "unknown_quality", "unpriced")
    assert sum(len(text[group]) for group in groups) == len(english.kept)
    first = text["recommended"][0]
    assert first["quality"]["url"].startswith("https://")
    assert first["cost"]["low"] <= first["cost"]["value"] <= first["cost"]["high"]
    assert first["needs"]["price"] is None
    assert text["nearest"] is None
    assert text["rejected"][0]["missed"][0]["constraint"]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"task": "juggling"}, "text-classification"),
        ({"language": "klingon"}, "language code"),
        ({"licences": ("free",)}, "permissive"),
        ({"budget": "size=0.5x"}, "absolute"),
        ({"budget": "price=1"}, "price-per-hour"),
        ({"budget": "speed=1"}, "unknown budget constraint"),
        ({"price_per_hour_usd": 0.0}, "positive"),
        ({"train_batch": 0}, "batch must be at least 1"),
        ({"seq": 0}, "seq must be at least 1"),
        ({"precision": "fp9"}, "fp32"),
        ({"benchmark": "glue"}, "mnli-m"),
    ],
)
def test_mistakes_are_named(wish, said):
    with pytest.raises(UsageError, match=said):
        ask(**wish)
