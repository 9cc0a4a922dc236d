"""``fitwright fit`` from a CSV to an answer over HTTP, as a user runs it."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fitwright.cli.main import run
from fitwright.core.files import sha256_file
from fitwright.sizing.ledger import store
from fitwright.spec.manifest import Manifest
from tests.cli.conftest import Fitted
from tests.serving.conftest import Running

TEXTS = ["a moving and funny film", "dull, long and badly acted"]


def contents(folder: Path) -> dict[str, str]:
    """A hash of every file, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def copied(fitted: Fitted, tmp_path: Path) -> Path:
    """The finished workspace, free to be changed."""
    return Path(shutil.copytree(fitted.folder, tmp_path / "copied"))


def told(fitted: Fitted, folder: Path) -> list[str]:
    """The command line of ``fitted``, for another workspace."""
    return [str(folder) if a == str(fitted.folder) else a for a in fitted.arguments]


@pytest.fixture(scope="module")
def printed(fitted: Fitted) -> dict[str, Any]:
    return json.loads(fitted.stdout)


def test_json_has_the_promised_shape(printed: dict[str, Any], fitted: Fitted) -> None:
    assert Path(printed["bundle"]).is_dir()
    assert Path(printed["report"]).is_file()
    assert {line["name"] for line in printed["budget"]} == {"size", "max-drop"}
    for line in printed["budget"]:
        assert isinstance(line["target"], float | int)
        assert isinstance(line["measured"], float | int)
        assert line["met"] is True
    for side in (printed["source"], printed["result"]):
        assert 0 <= side["quality"] <= 1
        assert side["latency_s"] > 0
        assert side["throughput_per_s"] > 0
        assert isinstance(side["size_bytes"], int)
        assert side["memory_bytes"] > 10**6
    assert printed["result"]["size_bytes"] <= 1_060_000 < printed["source"]["size_bytes"]
    size = next(line for line in printed["budget"] if line["name"] == "size")
    assert size["measured"] == printed["result"]["size_bytes"]
    assert printed["met"] is True
    assert printed["binding"] is None


def test_stdout_is_json_alone_and_stderr_tells_the_stages(fitted: Fitted) -> None:
    assert fitted.stdout.startswith("{")
    assert fitted.stdout.endswith("}\n")
    for stage in ("profile", "consider", "train", "baseline", "shrink", "measure", "bundle", "report"):
        assert f"\n{stage}: " in f"\n{fitted.stderr}"
    assert "Traceback" not in fitted.stderr
    assert "Warning" not in fitted.stderr


def test_a_student_was_taught_because_int8_alone_missed(fitted: Fitted) -> None:
    shrink = json.loads((fitted.folder / "stages" / "shrink.json").read_text())["result"]
    status = {row["slug"]: row["status"] for row in shrink["tried"]}
    assert status == {"layers-4-fp32": "skipped", "layers-4-int8": "missed", "layers-3-int8": "met"}
    for row in shrink["tried"]:
        if row["measured"]:
            predicted, seen = row["predicted"]["quantities"], row["measured"]["quantities"]
            assert predicted["size"]["origin"] == "estimated"
            assert predicted["size"]["value"] == pytest.approx(seen["size"]["value"], rel=0.1)


def test_the_bundle_loads_with_transformers_and_serves_the_same_answers(printed: dict[str, Any]) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from fitwright.engines.classifier import TextClassifier

    bundle = printed["bundle"]
    model = AutoModelForSequenceClassification.from_pretrained(bundle).eval()
    assert model.config.num_hidden_layers == 3
    assert model.config.id2label == {0: "negative", 1: "positive"}
    tokens = AutoTokenizer.from_pretrained(bundle)(
        TEXTS, padding=True, truncation=True, max_length=48, return_tensors="pt"
    )
    with torch.inference_mode():
        expected = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
    served = TextClassifier.load(bundle)
    assert served.engine.name == "onnxruntime"
    assert served.engine.precision == "int8"
    assert served.labels == ("negative", "positive")
    assert served.predict(TEXTS) == pytest.approx(expected.softmax(-1).numpy(), abs=0.02)
    exact = TextClassifier.load(bundle, engine="torch")
    assert exact.predict(TEXTS) == pytest.approx(expected.softmax(-1).numpy(), abs=1e-5)


def test_the_bundle_holds_report_lock_and_card(fitted: Fitted) -> None:
    bundle = fitted.folder / "bundle"
    for folder in (fitted.folder, bundle):
        assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
        assert (folder / "report.md").read_text(encoding="utf-8").startswith("# ")
    lock = (bundle / "environment.lock").read_text(encoding="utf-8")
    assert "\nonnxruntime==" in lock
    assert "\ntransformers==" in lock
    assert (bundle / "README.md").is_file()
    assert not [p for p in fitted.folder.rglob(".*") if p.name != ".lock"]


def test_the_manifest_is_enough_to_rebuild(fitted: Fitted, reviews_csv: Path, tiny_model_dir: Path) -> None:
    manifest = Manifest.read(fitted.folder / "bundle")
    assert (manifest.kind, manifest.stage, manifest.task) == ("bundle", "fit", "text-classification")
    assert manifest.labels == ("negative", "positive")
    assert manifest.seed == 0
    assert manifest.max_length == 48
    assert manifest.data["fingerprint"]
    assert (manifest.data["columns"]["text"], manifest.data["columns"]["label"]) == ("text", "label")
    assert sum(manifest.data["split_rows"]) == 400
    assert manifest.settings["budget"] == "size=1.06MB,max-drop=100"
    assert manifest.settings["train"]["epochs"] == 1
    told = manifest.provenance
    assert told["command"].startswith("fitwright fit ")
    assert str(reviews_csv) in told["command"]
    for key in ("python", "system", "processor", "cores", "memory_bytes", "made_at"):
        assert told[key]
    assert {"fitwright", "torch", "transformers", "onnxruntime", "tokenizers"} <= set(told["versions"])
    source, result = manifest.records
    assert source.context["engine"] == "torch"
    assert result.context["engine"] == "onnxruntime"
    assert source.context["split"] == result.context["split"] == "test"
    assert result.value("drop") is not None
    engine = manifest.engines["onnxruntime"]
    assert sha256_file(fitted.folder / "bundle" / engine["path"]) == engine["sha256"]
    teacher = Manifest.read(fitted.folder / "teacher")
    assert teacher.made_from["model"] == str(tiny_model_dir)
    assert teacher.made_from["sha256"] == sha256_file(tiny_model_dir / "model.safetensors")
    assert manifest.made_from["sha256"] == sha256_file(fitted.folder / "teacher" / "model.safetensors")


def test_a_second_run_trains_and_changes_nothing(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fitwright.pipeline import fit as module

    for name in ("train_model", "search", "evaluate", "assemble", "consider"):
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: pytest.fail(f"{name} ran again"))
    before = contents(fitted.folder)
    assert run(fitted.arguments) == 0
    captured = capsys.readouterr()
    assert captured.out == fitted.stdout
    assert "Traceback" not in captured.err
    assert contents(fitted.folder) == before


def test_the_table_for_people(fitted: Fitted, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([a for a in fitted.arguments if a != "--json"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("3 of 4 layers, int8: ")
    rows = {line.split("  ")[0] for line in out.splitlines()}
    assert {"accuracy", "latency p95", "size", "memory (process)"} <= rows
    assert "✓" in out
    assert "✗" not in out
    assert f"bundle  {fitted.folder / 'bundle'}" in out


def test_changed_settings_are_refused_and_touch_nothing(
    fitted: Fitted, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(fitted.folder)
    assert run([*fitted.arguments, "--seed", "7"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "holds a fit with other settings" in error
    assert "--overwrite" in error
    assert error.count("\n") == 1
    assert contents(fitted.folder) == before


@pytest.mark.slow
def test_what_was_deleted_is_made_again(
    fitted: Fitted, copied: Path, no_probe: None, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    before = contents(fitted.folder)
    shutil.rmtree(copied / "candidates" / "layers-3-int8")
    shutil.rmtree(copied / "bundle")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the process that made it
    try:
        assert run(told(fitted, copied)) == 0
    finally:
        torch.set_num_threads(threads)
    after = contents(copied)
    assert {name for name in after if "/runs/" not in name} == {
        name for name in before if "/runs/" not in name
    }
    same = ("bundle/model.safetensors", "bundle/engines/onnxruntime/model.onnx", "bundle/config.json")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert "already trained" not in capsys.readouterr().err  # the teacher's stage was not even entered


@pytest.mark.slow
def test_an_impossible_budget_ends_with_1_what_binds_and_a_valid_bundle(
    fitted: Fitted, copied: Path, no_probe: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also: other settings start again where they are told to, and keep the teacher, which is the same."""
    arguments = ["size=1kB,max-drop=100" if a.startswith("size=") else a for a in told(fitted, copied)]
    assert run([*arguments, "--overwrite"]) == 1
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["met"] is False
    assert result["binding"].startswith("size ≤ 1.00 kB is missed by ")
    assert "layers, int8: p95 " in result["nearest"]
    lines = {line["name"]: line for line in result["budget"]}
    assert lines["size"]["met"] is False
    assert lines["size"]["measured"] == result["result"]["size_bytes"] > 1000
    assert lines["max-drop"]["met"] is True
    assert "already trained" in captured.err
    assert "error" not in captured.err
    assert Manifest.read(copied / "bundle").settings["budget"] == "size=1kB,max-drop=100"
    assert run(["predict", result["bundle"], TEXTS[0]]) == 0
    assert capsys.readouterr().out.split()[0] in ("negative", "positive")

    again = [a for a in arguments if a != "--json"]
    assert run(again) == 1
    out = capsys.readouterr().out
    assert "budget not met: size ≤ 1.00 kB" in out
    assert "nearest point:" in out
    assert "✗ missed" in out


def test_the_bundle_answers_over_http(fitted: Fitted) -> None:
    from fitwright.api.predict import predict

    service = Running(fitted.folder / "bundle", without=("torch", "transformers")).ready()
    try:
        answer = httpx.post(service.url, json={"inputs": TEXTS[0]}, timeout=30).json()
        assert service.stop(signal.SIGTERM) == 0
    finally:
        service.close()
    while isinstance(answer[0], list):
        (answer,) = answer
    (expected,) = predict(fitted.folder / "bundle", TEXTS[0])
    best = max(answer, key=lambda row: row["score"])
    assert best["label"] == expected.label
    assert best["score"] == pytest.approx(expected.score, abs=1e-4)


def test_what_it_measured_is_in_the_ledger(fitted: Fitted, own_home: Path) -> None:
    kept = [e for e in store.read(own_home.parent / "session" / "ledger.jsonl").entries if e.source == "fit"]
    assert {(e.engine, e.precision) for e in kept} >= {("torch", "fp32"), ("onnxruntime", "int8")}
    measured = json.loads((fitted.folder / "stages" / "measure.json").read_text())["result"]["evaluation"]
    latency = measured["candidate"]["quantities"]["latency-p50"]["value"]
    assert latency in [e.measured.value for e in kept if e.quantity == "latency"]
    assert {"memory-process", "size", "throughput", "latency-p95"} <= {e.quantity for e in kept}
    assert not any("/" in e.model for e in kept)
