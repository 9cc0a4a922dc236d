from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fitwright.core.errors import FitwrightError
from fitwright.core.files import sha256_file
from fitwright.core.progress import Silent
from fitwright.data.dataset import LabelledText
from fitwright.evaluation.evaluate import EvaluationSettings, evaluate
from fitwright.evaluation.ledger import Measured, entries_of, note_evaluation, shape_of
from fitwright.sizing.compressed import predict_variant
from fitwright.sizing.devices import detect
from fitwright.sizing.ledger import intervals, store
from fitwright.sizing.ledger.residuals import Group
from fitwright.spec.manifest import Manifest
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload


class Said(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def record(engine: str = "torch", batch: int = 1, seq: int | None = None) -> Record:
    def measured(value: float, unit: str) -> Quantity:
        return Quantity.measured(value, unit, low=0.9 * value, high=1.1 * value)  # type: ignore[arg-type]

    return Record(
        subject="tiny",
        quantities={
            "accuracy": measured(0.8, "1"), "latency-p50": measured(0.002, "s"),
            "latency-p95": measured(0.003, "s"), "throughput": measured(900.0, "1/s"),
            "throughput-batch1": measured(500.0, "1/s"), "memory": measured(5e8, "B"),
            "size": Quantity.exact(4_000_000, "B"),
        },
        context={"engine": engine, "precision": "fp32", "batch": batch, "seq": seq, "threads": 1},
    )  # fmt: skip


LENGTHS = list(range(1, 101))


def test_each_figure_stands_beside_the_estimate_for_its_own_workload(tiny_model_dir: Path) -> None:
    side = Measured(folder=tiny_model_dir, record=record(), lengths=LENGTHS)
    found = {e.quantity: e for e in entries_of(side, source="fit", disturbed=False)}
    assert {name: (e.batch, e.seq) for name, e in found.items()} == {
        "latency": (1, 51), "latency-p95": (1, 96), "throughput": (32, 50), "memory-process": (32, 100),
        "size": (1, 1),
    }  # fmt: skip
    spec, device = shape_of(tiny_model_dir), detect(1)
    heaviest = Workload(batch=32, seq=100)
    expected = predict_variant(
        spec, layers=4, precision="fp32", workload=heaviest, device=device, engine="torch"
    )
    memory = found["memory-process"]
    assert (memory.estimated.value, memory.raw) == (expected["memory"].value, expected["memory"].value)
    assert (memory.measured.value, memory.measured.low) == (5e8, 4.5e8)
    assert (memory.model, memory.engine, memory.threads, memory.source) == (
        "tiny (bert 4x32)", "torch", 1, "fit",
    )  # fmt: skip
    assert (memory.device, memory.device_kind, memory.unit) == (device.name, "cpu", "B")
    assert memory.versions["torch"]
    assert found["size"].measured.low == found["size"].measured.high == 4_000_000
    assert len({e.shape for e in found.values()}) == 1


def test_calls_of_several_rows_are_as_long_as_their_longest(tiny_model_dir: Path) -> None:
    side = Measured(folder=tiny_model_dir, record=record(batch=4), lengths=LENGTHS)
    found = {e.quantity: e for e in entries_of(side, source="fit", disturbed=False)}
    assert (found["latency"].batch, found["latency"].seq) == (4, 52)
    fixed = Measured(folder=tiny_model_dir, record=record(batch=4, seq=64), lengths=LENGTHS)
    found = {e.quantity: e for e in entries_of(fixed, source="fit", disturbed=False)}
    assert (found["latency"].seq, found["latency-p95"].seq) == (64, 64)


def test_only_times_are_disturbed_by_other_work(tiny_model_dir: Path) -> None:
    side = Measured(folder=tiny_model_dir, record=record(), lengths=LENGTHS)
    found = entries_of(side, source="evaluate", disturbed=True)
    assert {e.quantity for e in found if e.disturbed} == {"latency", "latency-p95", "throughput"}


def test_what_was_told_is_kept_beside_the_estimators_own_value(tiny_model_dir: Path) -> None:
    side = Measured(folder=tiny_model_dir, record=record(), lengths=LENGTHS)
    (plain,) = [e for e in entries_of(side, source="fit", disturbed=False) if e.quantity == "memory-process"]
    doubled = {"value": 2e9, "low": 2e9, "high": 2e9}
    lines = [
        {**plain.as_json(), "shape": f"s{n % 6}", "seq": 1 + n, "raw": 1e9, "measured": doubled,
         "estimated": {"value": 1e9, "low": 1e9, "high": 2e9}}
        for n in range(12)
    ]  # fmt: skip
    path = store.ledger_path()
    path.parent.mkdir()
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (told,) = [e for e in entries_of(side, source="fit", disturbed=False) if e.quantity == "memory-process"]
    assert told.raw == plain.raw
    assert told.estimated.value == pytest.approx(2 * plain.estimated.value)
    assert told.residual == pytest.approx(plain.residual)
    group = Group.of(plain)
    assert intervals.interval_for(group, 1.0, 0.5, 2.0).value == pytest.approx(2.0)


def test_an_engine_without_weights_has_the_shape_of_what_it_was_made_of(
    tiny_bundle: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    source, engine = tmp_path / "source", tmp_path / "engine"
    shutil.copytree(tiny_model_dir, source)
    engine.mkdir()
    shutil.copyfile(source / "config.json", engine / "config.json")
    Manifest(
        kind="bundle", stage="export", task="text-classification", labels=("a", "b"),
        made_from={"model": str(source), "sha256": sha256_file(source / "model.safetensors")},
    ).write(engine)  # fmt: skip
    assert shape_of(engine).parameters == shape_of(source).parameters
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    with pytest.raises(FitwrightError, match="safetensors"):
        shape_of(engine)
    shutil.rmtree(source)
    with pytest.raises(FitwrightError, match="safetensors"):
        shape_of(engine)
    assert shape_of(tiny_bundle).dims["layers"] == 4


def test_what_cannot_be_estimated_is_said_and_the_rest_is_kept(tiny_model_dir: Path, tmp_path: Path) -> None:
    said = Said()
    sides = [
        Measured(folder=tmp_path, record=record(), lengths=LENGTHS),
        Measured(folder=tiny_model_dir, record=record(), lengths=LENGTHS),
    ]
    note_evaluation(sides, source="evaluate", disturbed=False, progress=said)
    assert len(store.read().entries) == 5
    assert len(said.lines) == 1
    assert said.lines[0].startswith("not in the ledger")


def test_a_real_evaluation_of_two_engines(tiny_bundle: Path, sentences: list[tuple[str, str]]) -> None:
    chosen = sentences[::200]
    dataset = LabelledText(
        texts=tuple(text for text, _ in chosen), labels=tuple(int(label) for _, label in chosen),
        names=("negative", "positive"),
    )  # fmt: skip
    settings = EvaluationSettings(seconds=0.2, rounds=5, repeats=1, threads=1, memory=False)
    quiet = evaluate(tiny_bundle, dataset, settings=settings)
    assert quiet.candidate.get("latency-p50") is not None
    assert store.read().entries == ()

    result = evaluate(tiny_bundle, dataset, against=tiny_bundle, settings=settings, keep_as="evaluate")
    kept = {(e.engine, e.quantity): e for e in store.read().entries}
    assert set(kept) == {
        (engine, quantity)
        for engine in ("torch", "onnxruntime")
        for quantity in ("latency", "latency-p95", "throughput", "size")
    }
    assert result.source is not None
    assert kept["torch", "latency"].measured.value == result.source["latency-p50"].value
    assert kept["onnxruntime", "size"].measured.value == result.candidate["size"].value
    assert kept["torch", "size"].held
    assert not any(str(tiny_bundle.parent) in line for line in store.ledger_path().read_text().splitlines())


def test_a_home_that_cannot_be_does_not_fail_the_evaluation(
    tiny_bundle: Path, sentences: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FITWRIGHT_HOME", str(tmp_path / "file"))
    dataset = LabelledText(texts=(sentences[0][0],), labels=(0,), names=("negative", "positive"))
    said = Said()
    settings = EvaluationSettings(speed=False, memory=False, threads=1)
    found = evaluate(tiny_bundle, dataset, settings=settings, keep_as="evaluate", progress=said)
    assert found.candidate["size"].value > 0
    assert next(line for line in said.lines if "ledger" in line).startswith("warning: the ledger")
