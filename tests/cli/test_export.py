"""``fitwright export`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.api.predict import predict
from fitwright.cli.main import run


def test_int8_bundle_answers(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "bundle"
    assert run(["export", str(tiny_bundle), "--output", str(bundle), "--precision", "int8", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["precision"] == "int8"
    assert printed["check"]["max_difference"] <= 1e-4 < printed["check"]["served_max_difference"]
    assert printed["size_bytes"] == (bundle / "engines/onnxruntime/model.onnx").stat().st_size
    (answer,) = predict(bundle, "a moving and funny film")
    assert answer.label in ("negative", "positive")


def test_prints_the_file_and_the_check(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    from fitwright.exporting import onnx as export_module

    graph = tiny_bundle / "engines/onnxruntime/model.onnx"
    monkeypatch.setattr(export_module, "_trace", lambda _model: onnx.load(graph))
    assert run(["export", str(tiny_bundle), "-o", str(tmp_path / "bundle")]) == 0
    out = capsys.readouterr().out
    assert "model.onnx: fp32, 4." in out
    assert "differ by at most" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent", "-o", "bundle"], "model directory not found"),
        (["MODEL", "-o", "MODEL"], "cannot replace"),
        (["MODEL", "-o", "bundle", "--precision", "int4"], "unknown export precision"),
        (["MODEL"], "--output"),
    ],
)
def test_wrong_use_is_one_line(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(["export", *(str(tiny_bundle) if a == "MODEL" else a for a in arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
